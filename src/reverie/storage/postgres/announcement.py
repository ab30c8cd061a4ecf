"""Notifying every server that something has grown: a session, an environment's queue, the webhooks to deliver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection, sql

from reverie.storage.postgres.database import Connection

CHANNEL = "reverie_session"
WEBHOOKS = "webhooks"
"""What is announced when webhooks are to be delivered."""


@asynccontextmanager
async def listen(url: str, *channels: str) -> AsyncIterator[Connection]:
    """A connection outside of any pool whose ``notifies`` hear what is announced on the channels from now on.

    Raises:
        psycopg.OperationalError: it cannot be made; also from within, when it is lost.
    """
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        for channel in channels:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield connection


async def announce(connection: Connection, name: str) -> None:
    """Notify every server, once this is committed, that what ``name`` stands for (mostly an id) has grown."""
    await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])


PREVIEWS = "reverie_preview"
_MOST_CHARACTERS = 1_500
"""A notification holds less than 8,000 bytes; a character takes at most four, and twice as many once escaped."""


async def announce_preview(
    connection: Connection, session_id: str, thread_id: str | None, *messages: dict[str, Any]
) -> None:
    """Pass pieces of a preview on to every server, in order; they are not kept anywhere.

    So the commit need not reach the disk, and others that announce something do not wait for it.
    """
    notices = [{"session_id": session_id, "thread_id": thread_id, "message": message} for message in messages]
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, notice) FROM unnest(%s::text[]) AS notice",
        [PREVIEWS, [msgspec.json.encode(notice).decode() for notice in notices]],
    )


def preview_pieces(text: str) -> list[str]:
    """``text`` in pieces that fit into a notification each."""
    return [text[i : i + _MOST_CHARACTERS] for i in range(0, len(text), _MOST_CHARACTERS)]


SHOWN = "reverie_shown"


async def announce_shown(connection: Connection, session_id: str, sequence: int, at: datetime) -> None:
    """Notify every server that clients have been shown a session's events up to a sequence number."""
    notice = {"session_id": session_id, "sequence": sequence, "at": at}
    await connection.execute("SELECT pg_notify(%s, %s)", [SHOWN, msgspec.json.encode(notice).decode()])
