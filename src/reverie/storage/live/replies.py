"""What a thread's next request is made of besides its agent: its log, replies as they were given, its context."""

from collections.abc import Sequence
from typing import Any

import msgspec
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


def _thread_events(session_id: str, rows: Sequence[Sequence[Any]]) -> list[ThreadEvent]:
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
    briefing: str | None = None
    """What the session is shown from memory; None before it was made."""


_SELECT_CONVERSATION = """
WITH context AS (
    SELECT from_sequence, summary FROM thread_contexts WHERE session_key = %(key)s AND thread_id = %(thread)s
    ORDER BY from_sequence DESC LIMIT 1
), first AS MATERIALIZED (
    SELECT greatest(%(first)s::bigint, (SELECT from_sequence FROM context)) AS sequence
)
SELECT (SELECT to_jsonb(context) FROM context) AS context,
    coalesce((
        SELECT jsonb_agg(jsonb_build_array(sequence, input_number, type, payload) ORDER BY sequence)
        FROM events WHERE session_key = %(key)s AND sequence >= (SELECT sequence FROM first)
            AND thread_id IS NOT DISTINCT FROM nullif(%(thread)s, '')
    ), '[]') AS events,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('span_end', span_end, 'provider', provider, 'model', model,
            'blocks', blocks, 'tool_ids', tool_ids) ORDER BY span_end)
        FROM model_replies WHERE session_key = %(key)s AND thread_id = %(thread)s
            AND span_end >= (SELECT sequence FROM first)
    ), '[]') AS replies,
    (SELECT text FROM session_briefings WHERE session_key = %(key)s) AS briefing
"""


async def read_conversation(
    connection: Connection, session: LiveSession, thread_id: str | None, read_to: int, known: Conversation | None
) -> Conversation:
    """What has been said in a thread; called under the session's lock, by whoever runs the thread's turn.

    All in one statement, since most turns ask it once.

    Args:
        read_to: how long the log is.
        known: what was read before in this turn, to which what is new is added: a log only grows, and its context is
            changed by whoever runs the turn alone.
    """
    earlier = Conversation() if known is None else known
    row = await connection.execute(
        _SELECT_CONVERSATION, {"key": session.key, "thread": thread_id or "", "first": earlier.read_to}
    )
    ((context, events, replies, briefing),) = await row.fetchall()
    return Conversation(
        context=None if context is None else msgspec.convert(context, ThreadContext),
        events=(*earlier.events, *_thread_events(session.id, events)),
        replies=(*earlier.replies, *msgspec.convert(replies, list[KeptReply])),
        read_to=read_to,
        briefing=briefing,
    )


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


async def write_context(
    connection: Connection, session_key: int, thread_id: str | None, context: ThreadContext, made_by: str
) -> None:
    """From now on ``context`` stands for what came before it."""
    await connection.execute(
        "INSERT INTO thread_contexts (session_key, thread_id, from_sequence, summary, made_by)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [session_key, thread_id or "", context.from_sequence, context.summary, made_by],
    )
