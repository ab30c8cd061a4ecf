"""What belongs to this installation alone."""

import hashlib

from reverie.storage.postgres.database import Connection


async def redaction_key(connection: Connection, fresh_key: bytes) -> bytes:
    """The key that placeholders are made with; ``fresh_key`` (32 random bytes) becomes it when there is none yet."""
    await connection.execute("INSERT INTO installation (redaction_key) VALUES (%s) ON CONFLICT DO NOTHING", [fresh_key])
    row = await (await connection.execute("SELECT redaction_key FROM installation")).fetchone()
    return bytes(row[0]) if row else fresh_key


async def find_redaction_key(connection: Connection) -> bytes | None:
    """The key that placeholders are made with, if anything has been redacted yet."""
    row = await (await connection.execute("SELECT redaction_key FROM installation")).fetchone()
    return bytes(row[0]) if row else None


async def installation_id(connection: Connection, fresh_key: bytes) -> str:
    """What tells this installation from others: 16 hexadecimal digits that give nothing of its key away."""
    key = await redaction_key(connection, fresh_key)
    return hashlib.sha256(b"installation" + key).hexdigest()[:16]
