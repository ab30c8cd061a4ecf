"""What a thread's next request is made of besides its agent: its log, replies as they were given, its context."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.runtime.conversation import KeptReply, ThreadContext, ThreadEvent
from reverie.runtime.live_state import stored_id
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection


async def read_thread_log(
    connection: Connection, session_id: str, session_key: int, thread_id: str | None
) -> list[ThreadEvent]:
    """The events of one thread, in order; what others posted to it as well, but not what it posted elsewhere."""
    condition = "thread_id IS NULL" if thread_id is None else "thread_id = %(thread)s"
    row = await connection.execute(
        f"""
        SELECT sequence, input_number, type, payload FROM events
        WHERE session_key = %(key)s AND {condition} ORDER BY sequence
        """.encode(),
        {"key": session_key, "thread": thread_id},
    )
    return _thread_events(session_id, await row.fetchall())


def _thread_events(session_id: str, rows: Sequence[tuple[Any, ...]]) -> list[ThreadEvent]:
    return [
        ThreadEvent(stored_id(session_id, sequence, number), sequence, type_, payload)
        for sequence, number, type_, payload in rows
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
    return _thread_events(session_id, await row.fetchall())


class Conversation(msgspec.Struct, frozen=True):
    """What has been said in a thread, as far as requests are made of it."""

    context: ThreadContext | None = None
    events: tuple[ThreadEvent, ...] = ()
    replies: tuple[KeptReply, ...] = ()
    read_to: int = 0
    """Sequence number of the first event that has not been read."""


async def read_conversation(
    connection: Connection, session: LiveSession, thread_id: str | None, read_to: int, known: Conversation | None
) -> Conversation:
    """What has been said in a thread; called under the session's lock, by whoever runs the thread's turn.

    Args:
        read_to: how long the log is.
        known: what was read before in this turn, to which what is new is added: a log only grows, and its context is
            changed by whoever runs the turn alone.
    """
    # In one pipeline nothing is known of the context yet when the log is asked for.
    begins = "(SELECT max(from_sequence) FROM thread_contexts WHERE session_key = %(key)s AND thread_id = %(thread)s)"
    parameters = {"key": session.key, "thread": thread_id or "", "first": 0 if known is None else known.read_to}
    thread = "thread_id IS NULL" if thread_id is None else "thread_id = %(thread)s"
    async with connection.pipeline(), connection.cursor(row_factory=class_row(_Row)) as cursor:
        context = None if known is None else known.context
        log = await connection.execute(
            f"""
            SELECT sequence, input_number, type, payload FROM events
            WHERE session_key = %(key)s AND sequence >= greatest(%(first)s, {begins}) AND {thread} ORDER BY sequence
            """.encode(),
            parameters,
        )
        await cursor.execute(
            f"""
            SELECT span_end, provider, model, blocks, tool_ids FROM model_replies
            WHERE session_key = %(key)s AND thread_id = %(thread)s AND span_end >= greatest(%(first)s, {begins})
            ORDER BY span_end
            """.encode(),
            parameters,
        )
        if known is None:
            context = await read_context(connection, session.key, thread_id)
        events = _thread_events(session.id, await log.fetchall())
        replies = [row.as_kept async for row in cursor]
    earlier = Conversation() if known is None else known
    return Conversation(context, (*earlier.events, *events), (*earlier.replies, *replies), read_to)


class _Row(KeptReply, frozen=True):
    """As the database has it."""

    blocks: list[dict[str, Any]]  # type: ignore[assignment]

    @property
    def as_kept(self) -> KeptReply:
        """The reply itself."""
        return KeptReply(self.span_end, self.provider, self.model, tuple(self.blocks), self.tool_ids)


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
