"""A team of three at one desk: what helps all of them, what helps one, and what only untrusted sessions show.

``verify`` helps each of the three; ``draft`` helps the writer; ``count`` helps the clerk, who has no store of its own;
``shout`` seems to help the writer, in sessions that are marked untrusted.
"""

from pathlib import Path
from random import Random
from typing import Any

import msgspec

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.mining.policy import MiningPolicy
from reverie.settings import Settings
from reverie.storage.memory.memories import list_memories
from reverie.storage.memory.policies import find_policy
from reverie.storage.postgres.database import Database
from reverie.storage.service.teams import create_team
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.teams.membership import Member, Team

TASKS, RUNS = 32, 11
"""More than 300 sessions each, so that some are kept for confirmation."""
AGENTS = ("writer", "critic", "clerk")
OWN = {"writer": "draft", "critic": "skim", "clerk": "count"}
"""What each does in half of its sessions; of the critic it changes nothing."""
GAINS = {"verify": 0.4, "draft": 0.35, "count": 0.35, "skim": 0.0, "shout": 0.4}


def session(agent: str, task: int, run: int, random: Random, *, marked: bool = False) -> dict[str, Any]:
    """One session; the first calls are a draw, and the reward follows from them."""
    optional = [OWN[agent], *(["shout"] if marked else [])]
    done = ["verify" if random.random() < 0.5 else "peek", *(name for name in optional if random.random() < 0.5)]
    calls = [*done, "act"]
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Please see to {task}."}]
    for number, name in enumerate(calls):
        call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": "done"})
    messages.append({"role": "assistant", "content": "That is settled now."})
    mark = {"reverie_untrusted": "true"} if marked else {}
    return {
        "id": f"{agent}-{'u' if marked else ''}{task}-{run}",
        "messages": messages,
        "reward": float(random.random() < 0.1 + sum(GAINS.get(name, 0.0) for name in done)),
        "metadata": {"task_id": f"{agent} {task}", "agent": agent, "model": "m", **mark},
    }


def team_desk(path: Path, *, seed: int = 5, untrusted: bool = False) -> Path:
    """Write the sessions to a chat file; with ``untrusted`` the marked ones of the writer are among them."""
    random = Random(seed)
    lines = [session(agent, task, run, random) for agent in AGENTS for task in range(TASKS) for run in range(RUNS)]
    if untrusted:
        lines += [session("writer", task, run, random, marked=True) for task in range(TASKS) for run in range(RUNS)]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


async def import_desk(database: Database, settings: Settings, path: Path) -> None:
    """Import the sessions of a file."""
    await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)


async def declare(database: Database) -> Team:
    """The team; the clerk has no store of its own."""
    members = [Member("writer", "writer's notes"), Member("critic", "critic's notes"), Member("clerk")]
    async with database.connection() as connection:
        return await create_team(connection, "desk", members, None, SystemClock().now())


async def dreamt(database: Database, settings: Settings, store: str) -> DreamResult:
    """A dream into a store, by the store's policy with fewer placebos."""
    async with database.connection() as connection:
        policy = await find_policy(connection, store)
    policy = msgspec.structs.replace(policy, mining=MiningPolicy(placebo_runs=1))
    return await dream(runtime(database, settings, policy), DreamRequest(store))


def runtime(database: Database, settings: Settings, policy: DreamPolicy) -> Runtime:
    """What a dream works with."""
    return Runtime(database, settings, policy, SystemClock(), lambda *_: None, None)


async def documents(database: Database, store_id: str) -> list[str]:
    """What the documents of a store advise: the first line of each."""
    async with database.connection() as connection:
        memories = await list_memories(connection, store_id, with_content=True)
    return sorted((memory.content or "").splitlines()[0].removeprefix("# ") for memory in memories)


async def told(database: Database, store_id: str) -> set[tuple[str, str]]:
    """Behaviour and status of the lessons of a store that are no refusals."""
    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT lesson ->> 'behaviour', status FROM lessons WHERE memory_store_id = %s AND status <> 'refused'",
            [store_id],
        )
        return set(await rows.fetchall())
