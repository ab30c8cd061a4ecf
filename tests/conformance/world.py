"""What an exercise has at hand: a client under test, and short ways to what most of them need first."""

from dataclasses import dataclass
from typing import Any

import httpx2
from anthropic import AsyncAnthropic

from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from tests.conformance.served import Served

IDLE = {"type": "session.status_idle"}
"""The agent's turn ends; the server knows whether something is waited for."""
END_TURN = {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}}


def message(text: str) -> Any:
    """A user's message."""
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def said(text: str) -> dict[str, Any]:
    """An agent's message, as whoever runs the agent records it."""
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


@dataclass(frozen=True, slots=True)
class World:
    """A server, and clients with an admin's key of one workspace of it."""

    served: Served
    client: AsyncAnthropic
    http: httpx2.AsyncClient
    workspace_id: str = DEFAULT_WORKSPACE

    async def environment(self, type: str = "cloud") -> str:
        """The id of a fresh environment."""
        config: Any = {"type": type}
        return (await self.client.beta.environments.create(name="desk", config=config)).id

    async def agent(self, **fields: Any) -> str:
        """The id of a fresh agent."""
        return (await self.client.beta.agents.create(**{"name": "clerk", "model": "any-model", **fields})).id

    async def session(self, **fields: Any) -> str:
        """The id of a fresh session."""
        agent = fields.pop("agent", None) or await self.agent()
        environment = fields.pop("environment_id", None) or await self.environment()
        return (await self.client.beta.sessions.create(agent=agent, environment_id=environment, **fields)).id

    async def store(self, **memories: str) -> str:
        """The id of a fresh memory store that holds ``memories``: name without slash → content."""
        store = await self.client.beta.memory_stores.create(name="notes")
        for name, content in memories.items():
            await self.client.beta.memory_stores.memories.create(store.id, path=f"/{name}", content=content)
        return store.id

    async def record(self, session_id: str, *events: dict[str, Any], thread_id: str | None = None) -> list[Any]:
        """Append what whoever runs the agent saw it do, in the session's own thread unless another is named."""
        body = {"events": list(events), **({"session_thread_id": thread_id} if thread_id else {})}
        answer = await self.http.post(f"/v1/sessions/{session_id}/record", json=body)
        assert answer.status_code == 200, answer.text
        stored: list[Any] = answer.json()["data"]
        return stored
