"""Spans that came by OTLP: kept before the sender is answered, read by conversation, given up when it is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from reverie.sessions.importers.otlp.trace_part import TracePart
from reverie.storage.postgres.database import Connection

IDLE = timedelta(hours=1)
"""How long spans of traces in which no agent works are kept: some may yet be joined to a conversation."""

# One statement, so that a request costs one round trip. Rows are written in one order everywhere, and none of them
# twice, so that two requests never wait for each other in a circle.
_KEEP = """
WITH given AS (
    SELECT * FROM unnest(%(traces)s::text[], %(spans)b::bytea[], %(rooted)s::boolean[]) AS g (trace_id, spans, rooted)
), kept AS (
    INSERT INTO received_spans (trace_id, content_hash, spans, received_at)
    SELECT trace_id, sha256(spans), spans, %(now)s FROM given ORDER BY 1, 2
    ON CONFLICT DO NOTHING RETURNING trace_id
), named AS (
    INSERT INTO received_conversations (conversation, trace_id)
    SELECT DISTINCT * FROM unnest(%(conversations)s::text[], %(members)s::text[]) ORDER BY 1, 2
    ON CONFLICT DO NOTHING
)
INSERT INTO received_traces AS t (trace_id, rooted, version, last_received_at)
SELECT trace_id, rooted, 1, %(now)s FROM given WHERE trace_id IN (SELECT trace_id FROM kept) ORDER BY 1
ON CONFLICT (trace_id) DO UPDATE SET rooted = t.rooted OR excluded.rooted, version = t.version + 1,
    last_received_at = greatest(t.last_received_at, excluded.last_received_at)
"""
_WAITING = """
SELECT trace_id FROM received_traces
WHERE version <> assembled_version AND last_received_at <= %(rested)s AND (rooted OR last_received_at <= %(waited)s)
ORDER BY last_received_at LIMIT %(limit)s
"""
_GROUP = """
WITH RECURSIVE members (trace_id) AS (
    SELECT %s::text UNION
    SELECT other.trace_id FROM members
    JOIN received_conversations mine USING (trace_id)
    JOIN received_conversations other USING (conversation)
)
SELECT trace_id, version, assembled_version, last_received_at, sessions
FROM received_traces JOIN members USING (trace_id) ORDER BY trace_id
"""
_GIVEN_UP = """
SELECT trace_id FROM received_traces t
WHERE version = assembled_version AND last_received_at < %(idle)s AND (
    sessions = '{}' OR last_received_at < %(old)s AND NOT EXISTS (
        SELECT FROM received_traces o WHERE o.sessions && t.sessions AND o.last_received_at >= %(old)s
    )
)
ORDER BY last_received_at LIMIT %(limit)s
"""


class TraceRow(msgspec.Struct, frozen=True):
    """How a trace stands."""

    trace_id: str
    version: int
    assembled_version: int
    last_received_at: datetime
    sessions: list[str]
    """Those that it was part of when it was put together last."""

    @property
    def waits(self) -> bool:
        """Whether spans came since."""
        return self.version != self.assembled_version


async def keep_parts(connection: Connection, parts: Sequence[TracePart], now: datetime) -> None:
    """Keep what a request told; what was kept before is not kept again."""
    named = [(name, part.trace_id) for part in parts for name in part.conversations]
    parameters = {
        "traces": [part.trace_id for part in parts],
        "spans": [part.spans for part in parts],
        "rooted": [part.rooted for part in parts],
        "conversations": [name for name, _ in named],
        "members": [trace_id for _, trace_id in named],
        "now": now,
    }
    await connection.execute(_KEEP, parameters)


async def waiting_traces(
    connection: Connection, now: datetime, rest: timedelta, unrooted_rest: timedelta, limit: int
) -> list[str]:
    """Traces with spans that are not put together yet, to which none has come for a while; the oldest first."""
    parameters = {"rested": now - rest, "waited": now - unrooted_rest, "limit": limit}
    return [row[0] async for row in await connection.execute(_WAITING, parameters)]


async def claim_receiving(connection: Connection) -> bool:
    """Be the one who puts together sessions of this workspace until the transaction ends, unless another does."""
    query = "SELECT pg_try_advisory_xact_lock(hashtextextended('received spans of ' || current_schema(), 0))"
    row = await (await connection.execute(query)).fetchone()
    return row is not None and bool(row[0])


async def read_group(connection: Connection, trace_id: str) -> list[TraceRow]:
    """The trace and all that share a conversation with it, and so on; empty when it has been given up."""
    return [TraceRow(*row) async for row in await connection.execute(_GROUP, [trace_id])]


async def measure_parts(connection: Connection, trace_ids: Sequence[str]) -> int:
    """Bytes of the spans kept of these traces."""
    query = "SELECT coalesce(sum(octet_length(spans)), 0) FROM received_spans WHERE trace_id = ANY (%s)"
    row = await (await connection.execute(query, [list(trace_ids)])).fetchone()
    return int(row[0]) if row else 0


async def read_parts(connection: Connection, trace_ids: Sequence[str]) -> list[bytes]:
    """The spans kept of these traces, as JSON lists."""
    query = "SELECT spans FROM received_spans WHERE trace_id = ANY (%s)"
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, [list(trace_ids)])
        return [row[0] for row in await cursor.fetchall()]


async def mark_assembled(
    connection: Connection, traces: Sequence[TraceRow], sessions: dict[str, list[str]], problem: str | None
) -> None:
    """Record that these traces were put together as they stand here, by trace as which sessions."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "UPDATE received_traces SET assembled_version = %s, sessions = %s, problem = %s WHERE trace_id = %s",
            [(one.version, sessions.get(one.trace_id, []), problem, one.trace_id) for one in traces],
        )


async def pass_over(connection: Connection, trace_id: str, problem: str) -> None:
    """Have a trace wait no longer, until more of it comes."""
    await connection.execute(
        "UPDATE received_traces SET assembled_version = version, problem = %s WHERE trace_id = %s", [problem, trace_id]
    )


async def old_traces(connection: Connection, now: datetime, retention: timedelta, limit: int) -> list[str]:
    """Traces that are put together and to which nothing has come for so long."""
    parameters = {"old": now - retention, "idle": now - min(IDLE, retention), "limit": limit}
    return [row[0] async for row in await connection.execute(_GIVEN_UP, parameters)]


async def still_rest(connection: Connection, trace_ids: Sequence[str]) -> bool:
    """Whether nothing has come to these traces that is not put together; nothing can until the transaction ends."""
    query = (
        "SELECT version = assembled_version FROM received_traces WHERE trace_id = ANY (%s) ORDER BY trace_id FOR UPDATE"
    )
    return all([row[0] async for row in await connection.execute(query, [list(trace_ids)])])


async def give_up_parts(connection: Connection, trace_ids: Sequence[str]) -> None:
    """Delete the spans of these traces; what was put together of them stays, and is never replaced by less."""
    await connection.execute(
        """
        UPDATE received_sessions SET settled = true WHERE session_id IN
            (SELECT unnest(sessions) FROM received_traces WHERE trace_id = ANY (%s))
        """,
        [list(trace_ids)],
    )
    # The traces first: who keeps a part of one meanwhile waits here, and makes the trace anew.
    for table in ("received_traces", "received_conversations", "received_spans"):
        await connection.execute(f"DELETE FROM {table} WHERE trace_id = ANY (%s)".encode(), [list(trace_ids)])


async def forget_session(connection: Connection, session_id: str) -> None:
    """Delete the spans that a session was put together from, for it is deleted itself."""
    rows = await connection.execute(
        "SELECT trace_id FROM received_traces WHERE sessions @> ARRAY[%s]::text[]", [session_id]
    )
    await give_up_parts(connection, [row[0] for row in await rows.fetchall()])
    await connection.execute("DELETE FROM received_sessions WHERE session_id = %s", [session_id])
