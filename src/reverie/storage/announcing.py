"""Telling every server that something has grown: a session, an environment's queue, the webhooks to deliver."""

from reverie.storage.database import Connection

CHANNEL = "reverie_session"
WEBHOOKS = "webhooks"
"""What is announced when webhooks are to be delivered."""


async def announce(connection: Connection, name: str) -> None:
    """Tell every server, once this transaction is committed, that what ``name`` stands for (mostly an id) has grown."""
    await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])
