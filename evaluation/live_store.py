"""A store whose lessons are in trial, and sessions of it one after another, as rows of a real database."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from reverie.jobs.trial_entry import try_advice
from reverie.jobs.trials import bring_up_to_date, evaluate
from reverie.lessons.lesson import Scope
from reverie.sessions.session import Score
from reverie.settings import Settings
from reverie.storage.live.assignments import Candidate
from reverie.storage.live.guidance import make_guidance
from reverie.storage.live.trials import list_decisions, read_trial
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Connection, Database, open_database
from reverie.storage.sessions.scores import score_session
from reverie.trials.verdict import numbers_of

MINUTE = timedelta(minutes=1)
AGENT = "sql-clerk"
FAMILY = "sql"


class LiveStore(msgspec.Struct):
    """A store with a policy, and a clock that moves by a minute from session to session."""

    database: Database
    id: str
    seed: str
    now: datetime
    made: int = 0
    trials: list[str] = []

    async def begin(self, advice: str) -> str:
        """Begin a trial of advice, whose draws the seed decides; its id."""
        async with self.database.connection() as connection:
            policy = (await read_policy(connection, self.id)).live
            trial = await try_advice(connection, self.id, advice, Scope(), policy, self.now, "user")
            await connection.execute("UPDATE trials SET salt = %s WHERE id = %s", [f"{self.seed} {advice}", trial.id])
        self.trials.append(trial.id)
        return trial.id

    async def session(self, earned: Callable[[str], float]) -> None:
        """A session that is briefed and scored with what it earns with its briefing."""
        async with self.database.connection() as connection:
            name, briefing = await self.begin_session(connection)
            await score_session(connection, name, [Score("reward", earned(briefing))])

    async def begin_session(self, connection: Connection) -> tuple[str, str]:
        """A session that is briefed; its id and its briefing."""
        self.made += 1
        self.now += MINUTE
        name = f"sesn_{self.seed} {self.made:06d}"
        row = await connection.execute(
            "INSERT INTO sessions (id, source, agent, task_category, started_at, imported_at, event_count,"
            " content_sha256) VALUES (%s, 'live_proof', %s, %s, %s, %s, 0, '') RETURNING key",
            [name, AGENT, FAMILY, self.now, self.now],
        )
        ((key,),) = await row.fetchall()
        candidate = Candidate(name, key, None, AGENT, FAMILY)
        briefing = await make_guidance(connection, [self.id], candidate, "", self.now)
        return name, briefing.text

    async def look(self) -> None:
        """Look at the trials, as the server does now and then."""
        for trial_id in self.trials:
            async with self.database.connection() as connection:
                await evaluate(connection, trial_id, self.now)

    async def state(self, trial_id: str) -> str:
        """Where a trial stands."""
        async with self.database.connection() as connection:
            return (await read_trial(connection, trial_id)).state


@asynccontextmanager
async def open_scratch() -> AsyncIterator[Database]:
    """A database of its own that no crash of the machine is to be survived by, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="reverie-live-") as folder:
        settings = Settings(home=Path(folder) / "home", workers=1)
        async with open_database(settings) as database, database.connection() as connection:
            await connection.execute("ALTER DATABASE reverie SET synchronous_commit = off")
        async with open_database(settings) as database:
            yield database


async def open_live_store(database: Database, seed: str, now: datetime, **live: object) -> LiveStore:
    """A new store in a database that is emptied first; its id follows from the seed, as do all draws."""
    async with database.connection() as connection:
        await connection.execute("TRUNCATE sessions, memory_stores, trials CASCADE")
        made = await create_store(connection, "desk", "", {}, now)
        store_id = f"memstore_{seed}"
        await connection.execute("UPDATE memory_stores SET id = %s WHERE id = %s", [store_id, made.id])
        await write_policy(connection, store_id, msgspec.json.encode({"live": {"mode": "act", **live}}))
    return LiveStore(database, store_id, seed, now, trials=[])


Outcomes = tuple[str, int | None, int, float | None, float, float, tuple[str, ...]]


async def outcomes_of(database: Database, trial_id: str, now: datetime) -> Outcomes:
    """State, sessions until the first decision, and the effect then or, where there was none, now; all decisions."""
    async with database.connection() as connection:
        trial = await read_trial(connection, trial_id)
        decisions = await list_decisions(connection, trial_id)
        if decisions:
            numbers, decided = decisions[0].numbers, int(decisions[0].numbers["sessions"])
        else:
            tally, ahead = await bring_up_to_date(connection, trial, now)
            numbers, decided = msgspec.to_builtins(numbers_of(trial, tally, ahead, now)), None
    acts = tuple(decision.act for decision in decisions)
    return (
        trial.state,
        decided,
        int(numbers["sessions"]),
        numbers["effect"],
        float(numbers["low"]),
        float(numbers["high"]),
        acts,
    )
