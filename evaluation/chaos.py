"""Kill whatever runs sessions, at any moment, and look whether what was promised of sessions holds.

    python -m evaluation.chaos [--rounds 500] [--kills 1] [--seed 1] [--kind team] [--json]

A round is a handful of sessions and a ``kill -9`` or several. Rounds overlap, so that one round's kill meets another's
recovery. What must hold is said in :mod:`evaluation.chaos_check`; the promises are in ``design/017-loop.md``.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import click
import httpx2
import msgspec

from evaluation.chaos_check import Outside, Rested, unknown, violations
from evaluation.chaos_client import KINDS, Client, Desk, Kind, prepare
from evaluation.chaos_machines import VICTIMS, Machines, model_server
from reverie.cli.progress import progress_line
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database

SESSIONS = 4
"""Sessions of one round."""
AT_ONCE = 3
"""Rounds that go on side by side."""
SERVERS = 2
STUCK_SECONDS = 300.0
_LONGEST_PAUSE_SECONDS = 10.0
"""The kill of a round comes within so long."""
_MARK = re.compile(rb"mark-[0-9]+-[0-9]+-")
_REFUSED = re.compile(rb'"status":400\b')


class ChaosResult(msgspec.Struct, frozen=True):
    """What the chaos showed."""

    rounds: int
    seed: int
    seconds: float
    sessions: int
    events: int
    threads: int
    """Of agents that were called in."""
    requests: int
    """To the model."""
    calls_run: int
    """Calls that act, as the file outside has them."""
    calls_unknown: int
    """Calls of which the agent was told that they may have run."""
    kills: dict[str, int]
    given_up: int
    """Turns that ended with an error that nothing healed."""
    violations: tuple[str, ...]


class Journal:
    """What the model was asked, read on from where it was read last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.marks: set[str] = set()
        self.requests = 0
        self.refused: list[str] = []

    def read(self) -> None:
        """Read what is new; whole lines only."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                self.requests += 1
                self.marks |= {mark.decode() for mark in _MARK.findall(line)}
                if _REFUSED.search(line):
                    self.refused.append(line[-600:].decode(errors="replace"))


class Chaos:
    """Rounds, and what they have shown so far."""

    def __init__(
        self,
        desk: Desk,
        folder: Path,
        seed: int,
        tell: Callable[[int, int], None],
        dump: Path | None = None,
        kills: int = 1,
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        self._desk = desk
        self._dump = dump
        self._effects = folder / "effects"
        self._journal = Journal(folder / "journal")
        self._seed = seed
        self._tell = tell
        self._kills_a_round = kills
        self._kinds = kinds
        self._kills: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._violations: list[str] = []

    async def run(self, rounds: int) -> ChaosResult:
        """Run so many rounds, some at a time."""
        began = time.monotonic()
        room = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with room:
                await self._round(Random(f"{self._seed}:{number}"))
            self._counts["rounds"] += 1
            self._tell(self._counts["rounds"], len(self._violations))

        await asyncio.gather(*(one(number) for number in range(rounds)))
        refused = [f"the model refused a request: {problem}" for problem in self._journal.refused]
        return ChaosResult(
            rounds=rounds,
            seed=self._seed,
            seconds=round(time.monotonic() - began, 1),
            sessions=self._counts["sessions"],
            events=self._counts["events"],
            threads=self._counts["threads"],
            requests=self._journal.requests,
            calls_run=sum(self._read_effects().values()),
            calls_unknown=self._counts["unknown"],
            kills=dict(self._kills),
            given_up=self._counts["given up"],
            violations=(*self._violations, *refused),
        )

    async def _round(self, random: Random) -> None:
        clients = [Client(self._desk, random.choice(self._kinds), random.randrange(10**9)) for _ in range(SESSIONS)]
        killing = asyncio.gather(*(self._kill(random) for _ in range(self._kills_a_round)))
        rested = await asyncio.gather(*(client.drive() for client in clients))
        await killing
        self._journal.read()
        outside = Outside(self._read_effects(), frozenset(self._journal.marks))
        for client, one in zip(clients, rested, strict=True):
            found = [*client.problems, *violations(one, outside)]
            if found and self._dump is not None:
                with self._dump.open("ab") as file:
                    file.write(msgspec.json.encode({"violations": found, "rows": one.rows, "state": one.state}) + b"\n")
            self._violations += found
            self._count(one)

    async def _kill(self, random: Random) -> None:
        await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
        victim = random.choice(VICTIMS)
        if await self._desk.machines.kill(victim, random):
            self._kills[victim] += 1

    def _count(self, rested: Rested) -> None:
        errors = [row.payload["error"] for row in rested.rows if row.type == "session.error"]
        self._counts["sessions"] += 1
        self._counts["events"] += len(rested.rows)
        self._counts["threads"] += len(rested.state.threads)
        self._counts["unknown"] += unknown(rested)
        self._counts["given up"] += sum(error["retry_status"]["type"] == "exhausted" for error in errors)

    def _read_effects(self) -> Counter[str]:
        return Counter(self._effects.read_text(encoding="ascii").split()) if self._effects.exists() else Counter()


async def make_chaos(
    folder: Path,
    rounds: int,
    seed: int,
    tell: Callable[[int, int], None],
    dump: Path | None = None,
    kills: int = 1,
    kinds: Sequence[Kind] = KINDS,
) -> ChaosResult:
    """The whole of it in an empty folder: start everything, run the rounds, end everything."""
    home = Settings(home=folder / "home", workers=1)
    async with open_database(home) as database, httpx2.AsyncClient(timeout=30) as http:
        settings = Settings(home=home.home, database_url=database.url, workers=1)
        machines = Machines(database, settings, folder, SERVERS)
        try:
            await machines.start()
            desk = Desk(database, machines, http, STUCK_SECONDS)
            await prepare(desk, Random(seed))
            return await Chaos(desk, folder, seed, tell, dump, kills, kinds).run(rounds)
        finally:
            await asyncio.to_thread(machines.stop)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=500, show_default=True)
@click.option("--kills", type=click.IntRange(1), default=1, show_default=True, help="In each round.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides sessions, kills and when they come.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON document.")
@click.option(
    "--dump", type=click.Path(path_type=Path, dir_okay=False), help="Add the logs of sessions with violations here."
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(sorted(set(KINDS))), help="Of sessions; by default all."
)
def main(rounds: int, kills: int, seed: int, as_json: bool, dump: Path | None, kinds: tuple[Kind, ...]) -> None:
    """Run rounds of chaos; ends with 1 where something promised does not hold."""
    click.echo(f"{rounds} rounds of {SESSIONS} sessions and {kills} kills each, {AT_ONCE} at a time", err=True)
    with (
        tempfile.TemporaryDirectory(prefix="reverie-chaos-") as name,
        progress_line("chaos") as progress,
        model_server(Path(name), seed) as url,
    ):
        os.environ |= {"REVERIE_MODEL": "anthropic:chaos", "REVERIE_MODEL_URL": url}

        def tell(done: int, broken: int) -> None:
            progress(f"round {done} of {rounds}, {broken} violations")

        result = asyncio.run(make_chaos(Path(name), rounds, seed, tell, dump, kills, kinds or KINDS))
    shown = msgspec.to_builtins(result)
    click.echo(json.dumps(shown, indent=2) if as_json else "\n".join(f"{key}: {value}" for key, value in shown.items()))
    sys.exit(1 if result.violations else 0)


if __name__ == "__main__":
    main()
