"""An agent that changes itself, and sessions of it that are made and scored here, one after another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from reverie.agents.bounds import read_bounds_document
from reverie.agents.definition import new_definition
from reverie.jobs.self_changes import Asked, propose
from reverie.jobs.trials import Outcome, evaluate
from reverie.storage.live.creation import create_session
from reverie.storage.live.self_changes import SelfChangeRow, read_change
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.service.agent_bounds import write_bounds
from reverie.storage.service.agents import AgentVersion, add_version, insert_agent, next_version, read_agent
from reverie.storage.service.environments import Environment, insert_environment
from tests.jobs.tried import score

START = datetime(2026, 1, 1, tzinfo=UTC)
SHELL = {"type": "agent_toolset_20260401"}
LIVE = {"hidden_share": 0.4, "hidden_share_later": 0.4, "guardrails": []}


class Changing(msgspec.Struct):
    """An agent with bounds, and a clock that moves by a minute from session to session."""

    database: Database
    agent_id: str
    environment_id: str
    now: datetime = START

    async def bound(self, **bounds: Any) -> None:
        """Set the agent's bounds."""
        document = {"live": LIVE, **bounds}
        async with self.database.connection() as connection:
            await write_bounds(connection, self.agent_id, read_bounds_document(document), "user", self.now)

    async def ask(self, **body: Any) -> SelfChangeRow:
        """Ask for a change."""
        async with self.database.connection() as connection:
            return await propose(connection, self.agent_id, body, {}, Asked("apikey_1", "to try it"), self.now)

    async def ask_for_effort(self, effort: str = "medium") -> SelfChangeRow:
        """Ask for another effort."""
        return await self.ask(model={"id": "large", "effort": effort})

    async def sessions(self, count: int, reward: Callable[[bool], float], version: int) -> int:
        """Sessions whose reward depends on whether they got a version; how many did."""
        got = 0
        async with self.database.connection() as connection:
            for _ in range(count):
                got += await self._session(connection, reward, version)
        return got

    async def _session(self, connection: Connection, reward: Callable[[bool], float], version: int) -> bool:
        self.now += timedelta(minutes=1)
        request = {"agent": self.agent_id, "environment_id": self.environment_id}
        session = await create_session(connection, request, self.now)
        assert session.agent is not None
        got = bool(session.agent["version"] == version)
        await score(connection, session.id, reward(got))
        return got

    async def prompt(self, resources: list[dict[str, Any]]) -> str | None:
        """The system prompt of a new session."""
        self.now += timedelta(minutes=1)
        request = {"agent": self.agent_id, "environment_id": self.environment_id, "resources": resources}
        async with self.database.connection() as connection:
            session = await create_session(connection, request, self.now)
        assert session.agent is not None
        return session.agent["system"]  # type: ignore[no-any-return]

    async def look(self, change: SelfChangeRow) -> Outcome:
        """Look at the trial of a change, which goes on."""
        async with self.database.connection() as connection:
            outcome = await evaluate(connection, change.trial_id, self.now)
        assert outcome is not None
        return outcome

    async def again(self, change: SelfChangeRow) -> SelfChangeRow:
        """The change as it stands now."""
        async with self.database.connection() as connection:
            return await read_change(connection, self.agent_id, change.id)

    async def agent(self) -> AgentVersion:
        """The agent as it is."""
        async with self.database.connection() as connection:
            return await read_agent(connection, self.agent_id)

    async def edited(self, **fields: Any) -> None:
        """Somebody changes the agent by hand."""
        async with self.database.connection() as connection:
            present = await read_agent(connection, self.agent_id)
            version = await next_version(connection, present.id)
            definition = {**present.definition, **fields}
            await add_version(connection, AgentVersion(present.id, version, definition, present.created_at, self.now))


async def open_changing(database: Database) -> Changing:
    """An agent without bounds."""
    body = {"name": "clerk", "model": "large", "system": "Be kind.", "tools": [SHELL]}
    agent = AgentVersion("agent_1", 1, new_definition(body, {}), START, START)
    room = Environment("env_1", "room", None, {"type": "cloud"}, {}, START, START)
    async with database.connection() as connection:
        await insert_agent(connection, agent)
        await insert_environment(connection, room)
    changing = Changing(database, agent.id, room.id)
    await changing.bound(
        effort={"values": ["low", "medium", "high"]},
        model={"prices": {"large": 5, "small": 1}},
        tools={"names": ["bash"]},
    )
    return changing
