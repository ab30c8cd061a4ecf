"""Sessions for the pages to show: imported ones that mean no good, long ones, and one that is live."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie import AsyncClient
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.api.conftest import Server

HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(2)> javascript:alert(3) '; --"
LONG_WORD = "x" * 500
GERMAN = "Bitte prüfe die Donaudampfschifffahrtsgesellschaftskapitänsmützenverordnung der Gemeinde"
CHINESE = "请检查所有订单的状态并在今天之内将结果通知客户谢谢您的耐心等待" * 4


def call(number: int, result: str) -> list[dict[str, Any]]:
    """A call of a tool, and its result."""
    function = {"name": "look", "arguments": json.dumps({"at": f"order {number}"})}
    return [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": f"c{number}", "content": result},
    ]


def chat(opening: str, *rest: dict[str, Any], **metadata: str) -> dict[str, Any]:
    """A session whose user begins so."""
    return {"messages": [{"role": "user", "content": opening}, *rest], "metadata": metadata}


def long_chat(calls: int, errors: Sequence[int]) -> dict[str, Any]:
    """A session of two events a call, some of which fail."""
    told = [
        message
        for number in range(calls)
        for message in call(number, "Error: no such order" if number in errors else f"order {number} is on its way")
    ]
    return chat("look at all orders", *told, agent="long", started_at="2026-01-03T00:00Z")


HOSTILE_CHAT = chat(
    HOSTILE,
    {"role": "assistant", "content": HOSTILE},
    *call(1, "\n".join(f"line {n}: {HOSTILE}" for n in range(80))),
    agent=HOSTILE,
    task_id=HOSTILE,
    model=LONG_WORD,
    note=HOSTILE,
    started_at="2026-01-05T00:00Z",
)
GERMAN_CHAT = chat(
    GERMAN, {"role": "assistant", "content": CHINESE}, *call(2, "fine"), agent="desk", started_at="2026-01-04T00:00Z"
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """What is there."""

    console: Server
    client: AsyncClient
    """With an admin's key."""
    ids: tuple[str, ...]
    """Of the imported sessions, in the order in which they were given."""


async def import_chats(server: Server, folder: Path, chats: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Import sessions; their ids in the given order."""
    path = folder / "chats.jsonl"
    path.write_text("".join(json.dumps({"id": f"s{n}", **one}) + "\n" for n, one in enumerate(chats)))
    service = server.service
    await import_sessions(service.database, service.settings, [path], ImportOptions(), service.clock, lambda _: None)
    async with service.database.connection() as connection:
        rows = await connection.execute("SELECT id FROM sessions ORDER BY key")
        return tuple([row[0] async for row in rows])


async def live_session(client: AsyncClient) -> str:
    """The id of a session of an agent that somebody else runs, with a first message."""
    agent = await client.beta.agents.create(name="live one", model="claude-opus-4-6")
    environment = await client.beta.environments.create(name="e", config={"type": "cloud"})
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id, title="a live session")
    return session.id


def said(text: str) -> dict[str, Any]:
    """What an agent says, to be recorded."""
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}
