"""What a thread's next request is made of besides its agent: its log, replies as they were given, its context."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.runtime.conversation import KeptReply, ThreadContext, ThreadEvent
from reverie.runtime.live_state import stored_id
from reverie.storage.postgres.database import Connection


async def read_thread_log(
    connection: Connection, session_id: str, session_key: int, thread_id: str | None, from_sequence: int = 0
) -> list[ThreadEvent]:
    """The events of one thread, in order; what others posted to it as well, but not what it posted elsewhere."""
    condition = "thread_id IS NULL" if thread_id is None else "thread_id = %(thread)s"
    row = await connection.execute(
        f"""
        SELECT sequence, input_number, type, payload FROM events
        WHERE session_key = %(key)s AND sequence >= %(first)s AND {condition} ORDER BY sequence
        """.encode(),
        {"key": session_key, "first": from_sequence, "thread": thread_id},
    )
    return [
        ThreadEvent(stored_id(session_id, sequence, number), sequence, type_, payload)
        for sequence, number, type_, payload in await row.fetchall()
    ]


async def read_events(
    connection: Connection, session_id: str, session_key: int, sequences: Sequence[int]
) -> list[ThreadEvent]:
    """The events of a session at these places of its log, in order."""
    row = await connection.execute(
        "SELECT sequence, input_number, type, payload FROM events"
        " WHERE session_key = %s AND sequence = ANY (%s) ORDER BY sequence",
        [session_key, list(sequences)],
    )
    return [
        ThreadEvent(stored_id(session_id, sequence, number), sequence, type_, payload)
        for sequence, number, type_, payload in await row.fetchall()
    ]


async def read_replies(
    connection: Connection, session_key: int, thread_id: str | None, from_sequence: int = 0
) -> list[KeptReply]:
    """The kept replies of one thread, in order."""
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            """
            SELECT span_end, provider, model, blocks, tool_ids FROM model_replies
            WHERE session_key = %s AND thread_id = %s AND span_end >= %s ORDER BY span_end
            """,
            [session_key, thread_id or "", from_sequence],
        )
        return [
            KeptReply(row.span_end, row.provider, row.model, tuple(row.blocks), row.tool_ids) async for row in cursor
        ]


class _Row(KeptReply, frozen=True):
    """As the database has it."""

    blocks: list[dict[str, Any]]  # type: ignore[assignment]


async def keep_reply(connection: Connection, session_key: int, thread_id: str | None, reply: KeptReply) -> None:
    """Keep a reply beside the events that were made of it."""
    await connection.execute(
        "INSERT INTO model_replies (session_key, span_end, thread_id, provider, model, blocks, tool_ids)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            *(session_key, reply.span_end, thread_id or "", reply.provider, reply.model),
            *(Jsonb(list(reply.blocks)), Jsonb(dict(reply.tool_ids))),
        ],
    )


async def read_context(connection: Connection, session_key: int, thread_id: str | None) -> ThreadContext | None:
    """What stands for the beginning of a thread's log; None while all of it is sent."""
    async with connection.cursor(row_factory=class_row(ThreadContext)) as cursor:
        await cursor.execute(
            "SELECT from_sequence, summary FROM thread_contexts WHERE session_key = %s AND thread_id = %s"
            " ORDER BY from_sequence DESC LIMIT 1",
            [session_key, thread_id or ""],
        )
        return await cursor.fetchone()


async def write_context(
    connection: Connection, session_key: int, thread_id: str | None, context: ThreadContext, made_by: str
) -> None:
    """From now on ``context`` stands for what came before it."""
    await connection.execute(
        "INSERT INTO thread_contexts (session_key, thread_id, from_sequence, summary, made_by)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [session_key, thread_id or "", context.from_sequence, context.summary, made_by],
    )
