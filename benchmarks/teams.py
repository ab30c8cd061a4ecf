"""Teams under load, as one JSON document on standard output: many agents called in by many sessions at once, on server
processes that share a database, beside as many turns of agents that work alone.

    python benchmarks/teams.py [--sessions 40] [--threads 25] [--servers 2] [--rounds 3]

The model is scripted and takes 50 ms. What must hold of each thread is looked at in every log
(``evaluation/thread_check.py``); speed is given as a ratio to single agents in the same run.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import httpx2
from evaluation.thread_check import thread_violations, unanswered
from server import client_of, post

from reverie.cli.progress import progress_line
from reverie.settings import Settings
from reverie.storage.live.log import LogFilter, read_log, state_of
from reverie.storage.live.sessions import read_whole_session
from reverie.storage.postgres.database import Database, open_database
from reverie.testing.fake_models import FakeModels, Reply, Request, ToolUse, say
from reverie.testing.server_process import running_server

MODEL_SECONDS = 0.05
MESSAGE = {"type": "user.message", "content": [{"type": "text", "text": "Where is it?"}]}
_MOST_RUNNING = {"queued": 5}
"""Of the agent whose threads queue, so many run at once."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of what."""

    sessions: int = 40
    threads: int = 25
    servers: int = 2
    rounds: int = 3


def act(request: Request) -> Reply:
    """A coordinator calls everybody in and waits for all; whoever is called in hands in a result."""
    if "create_agent" not in request.tools:
        return (
            Reply((ToolUse("submit_result", {"result": "Found."}),))
            if "submit_result" in request.tools
            else say("Yes.")
        )
    told = str(request.messages)
    agent, count = request.system.split()[1:3]
    if not request.calls:
        created = [ToolUse("create_agent", {"agent": agent, "task": f"Part {part}"}) for part in range(int(count))]
        return Reply((*created, ToolUse("wait_for_agents", {})))
    if "Nobody is running" in told or told.count("Message from ") >= int(count):
        return say("All are in.")
    return Reply((ToolUse("wait_for_agents", {}),))


async def make_agents(client: httpx2.AsyncClient, threads: int) -> dict[str, dict[str, str]]:
    """What sessions are made of, by kind."""
    environment = await post(client, "/v1/environments", {"name": "bench"})
    made = {
        name: await post(client, "/v1/agents", {"name": name, "model": "any"}) for name in ("free", "queued", "alone")
    }
    kinds = {"alone": made["alone"]["id"]}
    for name in ("free", "queued"):
        multiagent = {"type": "coordinator", "agents": [made[name]["id"]]}
        body = {"name": f"lead of {name}", "model": "any", "system": f"Lead {name} {threads}", "multiagent": multiagent}
        kinds[name] = (await post(client, "/v1/agents", body))["id"]
    await post(client, f"/v1/agents/{kinds['queued']}/roles", {"roles": [], "most_running": _MOST_RUNNING})
    return {kind: {"agent": agent, "environment_id": environment["id"]} for kind, agent in kinds.items()}


async def play(
    database: Database, clients: list[httpx2.AsyncClient], body: dict[str, str], count: int
) -> dict[str, Any]:
    """Send a message to so many fresh sessions at once, and wait until all rest: what they did, and how fast."""
    sessions = [(await post(clients[number % len(clients)], "/v1/sessions", body))["id"] for number in range(count)]
    began = time.perf_counter()
    await asyncio.gather(
        *(
            post(clients[number % len(clients)], f"/v1/sessions/{session}/events", {"events": [MESSAGE]})
            for number, session in enumerate(sessions)
        )
    )
    await all_rest(database, sessions)
    seconds = time.perf_counter() - began
    requests, threads, problems = 0, 0, list[str]()
    for session_id in sessions:
        async with database.connection() as connection:
            session = await read_whole_session(connection, session_id)
            rows = await read_log(connection, session.key, LogFilter(everything=True), limit=1_000_000)
        state = state_of(session)
        requests += sum(row.type == "span.model_request_end" for row in rows)
        threads += len(state.threads)
        problems += thread_violations(state, rows, _MOST_RUNNING) + unanswered(state, rows)
    return {"requests": requests, "threads": threads, "seconds": seconds, "violations": problems}


async def all_rest(database: Database, sessions: list[str]) -> None:
    query = (
        "SELECT count(*) FROM sessions s JOIN live_sessions l ON l.session_key = s.key"
        " WHERE s.id = ANY (%s) AND l.status = 'idle' AND s.event_count > 1"
    )
    while True:
        async with database.connection() as connection:
            row = await (await connection.execute(query, [sessions])).fetchone()
        if row is not None and row[0] == len(sessions):
            return
        await asyncio.sleep(0.2)


async def measure(folder: Path, sizes: Sizes, tell: Callable[[str], None]) -> dict[str, Any]:
    """Teams, teams that queue and single agents by turns; single agents make as many requests as the teams did."""
    home = Settings(home=folder / "home", workers=1)
    played: dict[str, list[dict[str, Any]]] = {"free": [], "queued": [], "alone": []}
    async with open_database(home) as database:
        settings = Settings(home=home.home, database_url=database.url, workers=1)
        with ExitStack() as stack:
            servers = [
                stack.enter_context(running_server(settings, folder / "log", "--no-key")) for _ in range(sizes.servers)
            ]
            clients = [client_of(server.url, "none") for server in servers]
            kinds = await make_agents(clients[0], sizes.threads)
            await play(database, clients, kinds["alone"], 20)
            for number in range(sizes.rounds):
                for kind in ("free", "queued"):
                    tell(f"round {number + 1} of {sizes.rounds}: {kind}")
                    played[kind].append(await play(database, clients, kinds[kind], sizes.sessions))
                tell(f"round {number + 1} of {sizes.rounds}: alone")
                played["alone"].append(await play(database, clients, kinds["alone"], played["free"][-1]["requests"]))
            for client in clients:
                await client.aclose()
    return {"sessions": sizes.sessions, "threads_each": sizes.threads, "servers": sizes.servers, **_told(played)}


def _told(played: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    speeds = {kind: [one["requests"] / one["seconds"] for one in found] for kind, found in played.items()}
    ratios = {
        kind: statistics.median(one / other for one, other in zip(speeds[kind], speeds["alone"], strict=True))
        for kind in ("free", "queued")
    }
    violations = [problem for found in played.values() for one in found for problem in one["violations"]]
    return {
        "threads": sum(one["threads"] for found in played.values() for one in found),
        "requests": {kind: [one["requests"] for one in found] for kind, found in played.items()},
        "requests_per_second": {kind: [round(speed, 1) for speed in found] for kind, found in speeds.items()},
        "ratio_to_single_agents": round(ratios["free"], 2),
        "ratio_where_threads_queue": round(ratios["queued"], 2),
        "aim": ">= 0.7",
        "violations": violations,
    }


def measured(quick: bool) -> dict[str, Any]:
    """The document; ``quick`` measures smaller sizes."""
    return _document(Sizes(sessions=8, rounds=1) if quick else Sizes())


def _document(sizes: Sizes) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="reverie-bench-") as name,
        FakeModels(act, latency=MODEL_SECONDS) as models,
        progress_line("teams:") as tell,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # a server of root's runs as a user of its own, which must find its way in
        os.environ |= {"REVERIE_MODEL": "anthropic:any", "REVERIE_MODEL_URL": models.url}
        return asyncio.run(measure(folder, sizes, tell))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Sizes):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    print(json.dumps(_document(Sizes(**vars(parser.parse_args()))), indent=2))


if __name__ == "__main__":
    main()
