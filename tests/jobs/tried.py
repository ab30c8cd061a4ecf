"""A store whose advice is tried in sessions that are made here, one after another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from reverie.jobs.trial_entry import try_advice
from reverie.jobs.trials import Outcome, evaluate
from reverie.lessons.lesson import Scope
from reverie.runtime.briefing import Briefing
from reverie.storage.live.assignments import Candidate
from reverie.storage.live.guidance import make_guidance
from reverie.storage.live.trials import TrialRow
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Connection, Database

START = datetime(2026, 1, 1, tzinfo=UTC)
ADVICE = "Look at the schema before the first query"


class Tried(msgspec.Struct):
    """A store with a policy, and a clock that moves by a minute from session to session."""

    database: Database
    store_id: str
    now: datetime = START
    made: int = 0

    def later(self, minutes: float = 1.0) -> datetime:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)
        return self.now

    async def set_policy(self, **live: object) -> None:
        """Set how trials of the store go."""
        async with self.database.connection() as connection:
            await write_policy(connection, self.store_id, msgspec.json.encode({"live": {"mode": "act", **live}}))

    async def begin(self, advice: str = ADVICE, scope: Scope | None = None) -> TrialRow:
        """Begin a trial of advice."""
        async with self.database.connection() as connection:
            policy = (await read_policy(connection, self.store_id)).live
            return await try_advice(connection, self.store_id, advice, scope or Scope(), policy, self.now, "user")

    async def session(self, reward: float | None = None, *, user: str | None = None, agent: str = "clerk") -> Briefing:
        """A session that begins, is briefed and, with a reward, is scored."""
        async with self.database.connection() as connection:
            return await self._session(connection, lambda briefing: reward, user, agent)  # noqa: ARG005

    async def _session(
        self,
        connection: Connection,
        rewarded: Callable[[Briefing], float | None],
        user: str | None = None,
        agent: str = "clerk",
    ) -> Briefing:
        self.made += 1
        name = f"sesn_{self.made:05d}"
        key = await insert_session(connection, name, agent, user, self.later())
        candidate = Candidate(name, key, user, agent, None)
        briefing = await make_guidance(connection, [self.store_id], candidate, "", self.now)
        await score(connection, name, rewarded(briefing))
        return briefing

    async def sessions(self, count: int, rewards: Callable[[bool], float], advice: str = ADVICE) -> int:
        """Sessions whose reward depends on whether they were shown the advice; how many were."""
        shown = 0
        async with self.database.connection() as connection:
            for _ in range(count):
                briefing = await self._session(connection, lambda briefing: rewards(advice in briefing.text))
                shown += advice in briefing.text
        return shown

    async def look(self, trial_id: str) -> Outcome | None:
        """Look at a trial."""
        async with self.database.connection() as connection:
            return await evaluate(connection, trial_id, self.now)

    async def paths(self) -> list[str]:
        """Paths of the store's documents."""
        async with self.database.connection() as connection:
            rows = await connection.execute("SELECT path FROM memories WHERE memory_store_id = %s", [self.store_id])
            return sorted(path for (path,) in await rows.fetchall())


async def open_tried(database: Database, **live: object) -> Tried:
    """A new store, whose trials go as ``live`` says."""
    async with database.connection() as connection:
        store = await create_store(connection, "desk", "", {}, START)
    tried = Tried(database, store.id)
    await tried.set_policy(**live)
    return tried


async def insert_session(connection: Connection, name: str, agent: str, user: str | None, at: datetime) -> int:
    """A session without events."""
    row = await connection.execute(
        "INSERT INTO sessions (id, source, agent, user_id, started_at, imported_at, event_count, content_sha256)"
        " VALUES (%s, 'test', %s, %s, %s, %s, 0, '') RETURNING key",
        [name, agent, user, at, at],
    )
    ((key,),) = await row.fetchall()
    return int(key)


async def score(connection: Connection, name: str, reward: float | None) -> None:
    """Give a session its reward."""
    await connection.execute("UPDATE sessions SET reward = %s WHERE id = %s", [reward, name])


def chances(random: Random, hidden: float, shown: float) -> Callable[[bool], float]:
    """Rewards of 0 or 1, by arm."""
    return lambda seen: float(random.random() < (shown if seen else hidden))
