"""Live trials through the product: lessons planted by hand in a store, and whether outcomes alone deal with them.

    python -m evaluation.live_proof [--seeds 10] [--sessions 600] [--data PATH] [--through-server] [--json]

The agent is ``sql_agent``'s program; each session is briefed by the product's guidance, with its draws, in a real
PostgreSQL, is scored with the world's reward, and the trials are looked at after every :data:`LOOK_EVERY` sessions.
Without ``--through-server`` the agent's function is called with the briefing in its system prompt, and nothing but
the model's and the tools' loop is left out. What is planted, and what is expected of it, is fixed here before anything
is run. What was seen stands in ``docs/live-proof.md``.
"""

import asyncio
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import click
import msgspec

from evaluation.closed_loop import PLANTED
from evaluation.live_desk import SqlDesk, TrueEffect, base_rate, open_desk, true_effects
from evaluation.live_server import run_through_server
from evaluation.live_store import LiveStore, open_live_store, open_scratch, outcomes_of
from evaluation.sql_world import SqlWorld, read_world, small_world
from reverie.cli.progress import progress_line
from reverie.storage.postgres.database import Database

LOOK_EVERY = 4
START = datetime(2026, 1, 1, tzinfo=UTC)
RIGHT, WRONG, LIKE, REFUNDS = "right", "wrong", "LIKE", "refunds"
ADVICE: Mapping[str, str] = {
    RIGHT: "Inspect the schema of the tables before the first query",
    WRONG: PLANTED["wrong lesson"],
    LIKE: PLANTED["irrelevant lesson"],
    REFUNDS: PLANTED["foreign lesson"],
}
PLANS: Mapping[str, Sequence[str]] = {
    "all at once": (RIGHT, WRONG, LIKE, REFUNDS),
    "without the right one": (WRONG, LIKE, REFUNDS),
}
"""Which lessons are planted in one store; the right and the wrong one say the opposite, and the later line is heard."""
TRUE_PAIRS = 2_000
"""Pairs of sessions from which a true effect is computed."""
HIDDEN_SHARES = (0.10, 0.20)
DRIFT_STEADY = 400
"""Sessions after adoption before the world changes."""
DRIFT_MOST = 3_000
"""Sessions after it changed, at most."""
_HEADING = (
    "| plan | lesson | true effect alone / among the others | seeds by state | median sessions to a decision |"
    " effect measured, 95 % over seeds |"
)


class LessonRun(msgspec.Struct, frozen=True):
    """What became of one lesson in one seed."""

    plan: str
    seed: int
    lesson: str
    state: str
    decided_after: int | None
    """Eligible sessions until the first decision; None where there was none."""
    sessions: int
    """That the effect is of."""
    effect: float | None
    low: float
    high: float
    acts: tuple[str, ...]
    """Decisions in their order."""


class DriftRun(msgspec.Struct, frozen=True):
    """What became of a right lesson whose world changed."""

    seed: int
    hidden_share: float
    adopted_after: int | None
    false_alarm: bool
    """Whether it was rolled back while it still helped."""
    rolled_back_after: int | None
    """Sessions after the change; None where it was not."""


class ProofResult(msgspec.Struct, frozen=True):
    """What the trials showed in one world."""

    world: str
    base: float
    """Success without memory."""
    true: dict[str, TrueEffect]
    runs: list[LessonRun]
    drift: list[DriftRun] = []


async def run_seed(database: Database, desk: SqlDesk, plan: str, seed: int, sessions: int) -> list[LessonRun]:
    """Plant a plan's lessons and run sessions one after another."""
    store = await open_live_store(database, f"{desk.name} {plan} {seed}", START)
    trials = {name: await store.begin(ADVICE[name]) for name in PLANS[plan]}
    random = Random(f"tasks {seed}")
    for number in range(1, sessions + 1):
        await one_session(store, desk, random, f"{seed}.{number}")
        if number % LOOK_EVERY == 0 or number == sessions:
            await store.look()
    return [
        LessonRun(plan, seed, name, *await outcomes_of(database, trial_id, store.now))
        for name, trial_id in trials.items()
    ]


async def one_session(store: LiveStore, desk: SqlDesk, random: Random, case: str) -> None:
    """A session with a question by chance."""
    task = random.choice(desk.tasks)
    await store.session(lambda briefing: desk.earn(task, briefing, case))


async def run_drift(
    database: Database, before: SqlDesk, after: SqlDesk, seed: int, hidden_share: float, most: int
) -> DriftRun:
    """Let outcomes adopt the right lesson, go on for a while, and then forbid what it advises."""
    shares = {"hidden_share": hidden_share, "hidden_share_later": hidden_share / 2}
    store = await open_live_store(database, f"drift {hidden_share} {seed}", START, **shares)
    trial_id = await store.begin(ADVICE[RIGHT])
    random, adopted = Random(f"drift {seed}"), None
    for number in range(1, 1_001):
        await one_session(store, before, random, f"{seed}.{number}")
        await store.look()
        if await store.state(trial_id) == "adopted":
            adopted = number
            break
    for number in range(DRIFT_STEADY if adopted else 0):
        await one_session(store, before, random, f"{seed}.steady.{number}")
        await store.look()
    if adopted is None or await store.state(trial_id) != "adopted":
        return DriftRun(seed, hidden_share, adopted, adopted is not None, None)
    for number in range(1, most + 1):
        await one_session(store, after, random, f"{seed}.after.{number}")
        if number % LOOK_EVERY == 0:
            await store.look()
            if await store.state(trial_id) == "rolled_back":
                return DriftRun(seed, hidden_share, adopted, False, number)
    return DriftRun(seed, hidden_share, adopted, False, None)


class Counts(msgspec.Struct, frozen=True):
    """A lesson over the seeds of a plan."""

    plan: str
    lesson: str
    states: dict[str, int]
    median_decided: float | None
    """Eligible sessions until the first decision, over the seeds that had one."""
    effect: float
    """Mean over seeds."""
    low: float
    high: float
    """95 % interval of that mean, from its spread over seeds."""


def count(runs: Sequence[LessonRun]) -> list[Counts]:
    """Each lesson of each plan over its seeds."""
    keys = list(dict.fromkeys((run.plan, run.lesson) for run in runs))
    counted = []
    for plan, lesson in keys:
        own = [run for run in runs if (run.plan, run.lesson) == (plan, lesson)]
        states = [run.state for run in own]
        decided = [run.decided_after for run in own if run.decided_after is not None]
        effects = [run.effect for run in own if run.effect is not None]
        mean = statistics.fmean(effects)
        half = 1.96 * statistics.stdev(effects) / len(effects) ** 0.5 if len(effects) > 1 else float("nan")
        median = statistics.median(decided) if decided else None
        tally = {state: states.count(state) for state in sorted(set(states))}
        counted.append(Counts(plan, lesson, tally, median, mean, mean - half, mean + half))
    return counted


def expectations(runs: Sequence[LessonRun]) -> dict[str, bool]:
    """What was expected before the run, and whether it was so; each per plan, as shares of its seeds."""
    kept = {}
    for plan in dict.fromkeys(run.plan for run in runs):
        own = [run for run in runs if run.plan == plan]
        acts = {lesson: [run.acts for run in own if run.lesson == lesson] for lesson in {run.lesson for run in own}}
        kept[f"{plan}: wrong rolled back in 8 of 10"] = _share(acts[WRONG], "roll_back") >= 0.8
        kept[f"{plan}: wrong rolled back or rejected in 8 of 10"] = _share(acts[WRONG], "roll_back", "reject") >= 0.8
        kept[f"{plan}: LIKE adopted in 1 of 10 at most"] = _share(acts[LIKE], "adopt") <= 0.1
        if RIGHT in acts:
            kept[f"{plan}: right never rolled back"] = _share(acts[RIGHT], "roll_back") == 0
    return kept


def _share(decided: Sequence[Sequence[str]], *acts: str) -> float:
    return sum(not set(acts).isdisjoint(each) for each in decided) / len(decided)


def table(result: ProofResult) -> str:
    """The figures as Markdown."""
    lines = [_HEADING, "| --- | --- | --- | --- | --- | --- |"]
    for each in count(result.runs):
        true = result.true[each.lesson]
        states = ", ".join(f"{state.replace('_', ' ')} {number}" for state, number in each.states.items())
        median = "–" if each.median_decided is None else f"{each.median_decided:.0f}"
        lines.append(
            f"| {each.plan} | {each.lesson} | {true.alone:+.3f} / {true.among_others:+.3f} | {states} | {median}"
            f" | {each.effect:+.3f} ({each.low:+.3f} to {each.high:+.3f}) |"
        )
    for run in result.drift:
        after = "not rolled back" if run.rolled_back_after is None else f"rolled back {run.rolled_back_after} after"
        lines.append(
            f"drift, seed {run.seed}, hidden {run.hidden_share:.0%}: adopted at {run.adopted_after},"
            f" false alarm {run.false_alarm}, {after}"
        )
    return "\n".join(lines)


async def prove(desk: SqlDesk, seeds: int, sessions: int, told: Callable[[str], None]) -> list[LessonRun]:
    """Every plan in every seed, in a database that is emptied before each."""
    runs: list[LessonRun] = []
    async with open_scratch() as database:
        for plan in PLANS:
            for seed in range(seeds):
                told(f"{desk.name}, {plan}: seed {seed + 1} of {seeds}")
                runs += await run_seed(database, desk, plan, seed, sessions)
    return runs


async def drift(seeds: int, most: int, told: Callable[[str], None]) -> list[DriftRun]:
    """Drift of the small world, for each share that does without the adopted lesson."""
    runs, world = [], small_world()
    with open_desk(world) as before, open_desk(world, locked=True) as after:
        async with open_scratch() as database:
            for share in HIDDEN_SHARES:
                for seed in range(seeds):
                    told(f"drift, {share:.0%} hidden: seed {seed + 1} of {seeds}")
                    runs.append(await run_drift(database, before, after, seed, share, most))
    return runs


def prove_world(world: SqlWorld, run: Callable[[SqlDesk], list[LessonRun]]) -> ProofResult:
    """What a world's trials showed, beside what is true in it."""
    with open_desk(world) as desk:
        draws = max(1, TRUE_PAIRS // len(desk.tasks))
        true = true_effects(desk, ADVICE, draws, Random(1))
        return ProofResult(world.name, base_rate(desk, draws), true, run(desk))


def prove_through_server(
    world: SqlWorld, advice: Mapping[str, str], sessions: int, told: Callable[[str], None]
) -> list[LessonRun]:
    """The first plan, one seed, through a server process."""
    plan = next(iter(PLANS))
    outcomes = run_through_server(world, {name: advice[name] for name in PLANS[plan]}, sessions, told)
    return [LessonRun(f"{plan}, by a server", 0, name, *outcome) for name, outcome in outcomes.items()]


@click.command()
@click.option("--seeds", default=10, show_default=True, help="Runs of each plan.")
@click.option("--sessions", default=600, show_default=True, help="Sessions of a run.")
@click.option("--data", type=click.Path(path_type=Path), envvar="REVERIE_DATA", help="Where sql-world is.")
@click.option("--drift-seeds", default=5, show_default=True, help="Runs in which the world changes.")
@click.option("--through-server", is_flag=True, help="One seed, with a server process and a fake model server.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON document.")
def main(seeds: int, sessions: int, data: Path | None, drift_seeds: int, through_server: bool, as_json: bool) -> None:
    """Try lessons live and print what became of them."""
    worlds = [small_world(), *([read_world(data)] if data is not None else [])]
    with progress_line("live proof") as tell:
        if through_server:
            results = [prove_world(worlds[-1], lambda _: prove_through_server(worlds[-1], ADVICE, sessions, tell))]
        else:
            results = [
                prove_world(world, lambda desk: asyncio.run(prove(desk, seeds, sessions, tell))) for world in worlds
            ]
            results[0] = msgspec.structs.replace(results[0], drift=asyncio.run(drift(drift_seeds, DRIFT_MOST, tell)))
    if as_json:
        click.echo(msgspec.json.encode(results))
        return
    for result in results:
        click.echo(f"World {result.world}, success without memory {result.base:.3f}\n{table(result)}")
        click.echo("\n".join(f"{'yes' if kept else 'NO '} {told}" for told, kept in expectations(result.runs).items()))


if __name__ == "__main__":
    main()
