"""Sessions that end one after another under a charter, on a clock that moves by a minute from each to the next."""

from datetime import UTC, datetime, timedelta

import msgspec
from psycopg.types.json import Jsonb

from reverie.jobs.charters import Looked, look
from reverie.runtime.charter_file import read_charter as charter_in
from reverie.storage.live.charters import write_charter
from reverie.storage.postgres.database import Connection, Database

START = datetime(2026, 1, 1, tzinfo=UTC)
AGENT = "agent_clerk"


class Charted(msgspec.Struct):
    """A workspace with a charter."""

    database: Database
    now: datetime = START
    made: int = 0

    def later(self, minutes: float = 1.0) -> datetime:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)
        return self.now

    async def set(self, owner: str = "", **behaviour: object) -> None:
        """Set a charter of one behaviour: the agent verifies before it acts."""
        verifies = {"name": "verifies", "shows": {"kind": "calls", "tool": "verify"}, "at_least": 0.95}
        document = {"run_length": 200, "behaviours": [{**verifies, **behaviour}]}
        async with self.database.connection() as connection:
            await write_charter(connection, owner, charter_in(document), self.now)

    async def imported(self, *verified: bool, agent: str = "desk") -> None:
        """Sessions that were recorded elsewhere."""
        async with self.database.connection() as connection:
            for one in verified:
                await self._insert(connection, one, agent)

    async def live(self, *verified: bool, status: str = "idle", agent_id: str = AGENT) -> None:
        """Sessions of an agent that runs here."""
        async with self.database.connection() as connection:
            for one in verified:
                key = await self._insert(connection, one, "clerk")
                await connection.execute(
                    """
                    INSERT INTO live_sessions (session_key, status, environment_id, agent_id, agent_version, agent,
                        last_event_at, updated_at, run_here)
                    VALUES (%s, %s, 'env', %s, 1, '{}', %s, %s, true)
                    """,
                    [key, status, agent_id, self.now, self.now],
                )

    async def _insert(self, connection: Connection, verified: bool, agent: str) -> int:
        self.made += 1
        now = self.later()
        row = await connection.execute(
            "INSERT INTO sessions (id, source, agent, started_at, ended_at, imported_at, event_count, content_sha256)"
            " VALUES (%s, 'test', %s, %s, %s, %s, 1, '') RETURNING key",
            [f"sesn_{self.made:05d}", agent, now, now, now],
        )
        ((key,),) = await row.fetchall()
        call: dict[str, object] = {"name": "verify" if verified else "act", "input": {}}
        await connection.execute(
            "INSERT INTO events (session_key, sequence, type, payload) VALUES (%s, 0, 'agent.tool_use', %s)",
            [key, Jsonb(call)],
        )
        return int(key)

    async def look(self, owner: str = "", minutes: float = 30.0) -> Looked:
        """Judge what has ended, after some time."""
        async with self.database.connection() as connection:
            return await look(connection, owner, self.later(minutes))
