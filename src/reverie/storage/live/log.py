"""The log of a live session: acts of its life cycle stored as one, and events read back as the API shows them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.ids import derived_id
from reverie.runtime.delegation import ROLE_FIELD
from reverie.runtime.inbox import QUEUED_TYPES
from reverie.runtime.live_state import (
    ChildThread,
    LiveState,
    NewEvent,
    PendingCall,
    Transition,
    WaitingInput,
    stored_id,
)
from reverie.runtime.writer import record
from reverie.sessions.session import Score
from reverie.storage.live.leases import Lease, want_turns
from reverie.storage.live.sessions import LiveSession, WholeSession, lock_session, require_live
from reverie.storage.live.threads import child_thread, insert_thread, set_thread_part, set_thread_status
from reverie.storage.postgres.announcement import announce
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.scores import record_scores
from reverie.teams.draw_log import DRAW_FIELD

TICK = timedelta(microseconds=1)
"""How far apart the times of events are that are appended together."""
_OWN = frozenset({"cost_usd", DRAW_FIELD, ROLE_FIELD})
"""What live events keep that is no field of the wire."""
Also = Callable[[LiveSession, Transition], Awaitable[None]]
"""Stores more with a transition; nothing that it asks the database is waited for."""


class LogRow(msgspec.Struct, frozen=True):
    """An event of the log, or an input that waits (``sequence`` is then None)."""

    sequence: int | None
    input_number: int | None
    thread_id: str | None
    type: str
    at: datetime | None
    payload: dict[str, Any]


async def apply_transition(
    connection: Connection,
    session_id: str,
    decide: Callable[[LiveState], Transition],
    now: datetime,
    *,
    lease: Lease | None = None,
    locked: WholeSession | None = None,
    also: Also | None = None,
) -> tuple[LiveSession, Transition]:
    """Store the transition that ``decide`` makes of a session's state; nobody else appends meanwhile.

    Args:
        lease: what the caller runs the turn by; it must still stand.
        locked: the session, where this transaction has locked it already and seen to the lease.
        also: stores what belongs to it, in the same pipeline.

    Raises:
        NotFoundError: there is no such session.
        StateError: it was imported.
        ConflictError: the lease does not stand.
    """
    session = await lock_session(connection, session_id, lease) if locked is None else locked
    require_live(session)
    state = state_of(session)
    transition = decide(state)
    async with connection.pipeline():
        await _store(connection, session, transition, now)
        if session.run_here and _runs(state) != _runs(transition.state):
            await want_turns(connection, session.key, transition.state)
        if also is not None:
            await also(session, transition)
    return session, transition


def _runs(state: LiveState) -> tuple[Any, ...]:
    """What decides whose turn is to be run."""
    children = tuple(thread.id for thread in state.running_children)
    return (state.turn, state.goes_on, state.primary_running, children)


async def append_events(
    connection: Connection, session_id: str, events: Sequence[NewEvent], now: datetime
) -> Transition:
    """Record events as whoever runs the agent; see :func:`reverie.runtime.writer.record`."""
    recorded = [{"type": event.type, **event.payload} for event in events]
    _, transition = await apply_transition(connection, session_id, lambda state: record(state, recorded, now), now)
    return transition


def state_of(session: WholeSession) -> LiveState:
    """What decides how a session goes on."""
    return LiveState(
        session_id=session.id,
        status=session.status,
        agent_name=session.agent["name"] if session.agent else "",
        self_hosted=session.self_hosted,
        event_count=session.event_count,
        input_count=session.input_count,
        turn=session.turn,
        turn_inputs=session.turn_inputs,
        primary_running=session.primary_running,
        open_spans=session.open_spans,
        threads=tuple(msgspec.convert(thread, ChildThread) for thread in session.threads),
        previews={int(number): type_ for number, type_ in session.previews.items()},
        pending=tuple(msgspec.convert(call, PendingCall) for call in session.pending),
        waiting=tuple(msgspec.convert(waiting, WaitingInput) for waiting in session.waiting),
        usage=session.usage,
        active_seconds=session.active_seconds,
        running_since=session.running_since,
        outcomes=tuple(session.outcome_evaluations),
        budget=session.budget,
        archived=session.archived_at is not None,
    )


async def _store(connection: Connection, session: WholeSession, transition: Transition, now: datetime) -> None:
    first = first_at(session, now)
    last = first + TICK * len(transition.events)
    state = transition.state
    await _insert_events(connection, session, transition.events, first)
    await _insert_inputs(connection, session, transition, now)
    await connection.execute(
        "UPDATE sessions SET event_count = event_count + %s, ended_at = CASE WHEN %s THEN %s ELSE ended_at END"
        " WHERE key = %s",
        [len(transition.events), state.status in ("idle", "terminated"), last, session.key],
    )
    await connection.execute(
        """
        UPDATE live_sessions SET status = %s, usage = %s, active_seconds = %s, running_since = %s,
            outcome_evaluations = %s, pending = %s, input_count = %s, previews = %s, turn = %s, turn_inputs = %s,
            primary_running = %s, open_spans = %s,
            last_event_at = %s, updated_at = %s
        WHERE session_key = %s
        """,
        [
            *(state.status, Jsonb(dict(state.usage)), state.active_seconds, state.running_since),
            *(Jsonb(list(state.outcomes)), Jsonb(msgspec.to_builtins(state.pending))),
            *(state.input_count, Jsonb(msgspec.to_builtins(state.previews, str_keys=True))),
            *(state.turn, state.turn_inputs, state.primary_running, Jsonb(dict(state.open_spans))),
            *(last if transition.events else session.last_event_at, now, session.key),
        ],
    )
    await announce(connection, session.id)
    for thread_id, agent_name in transition.threads:
        thread = child_thread(session, thread_id, agent_name, now, transition.tools.get(thread_id))
        await insert_thread(connection, session, thread)
    for thread_id, status in transition.thread_statuses:
        await set_thread_status(connection, session.key, thread_id, status, now)
    before = {thread["id"]: thread["part"] for thread in session.threads}
    for child in state.threads:
        part = msgspec.to_builtins(child.part)
        if part != before.get(child.id, {}):
            await set_thread_part(connection, session.key, child.id, part)
    if transition.scores:
        scores = [(session.key, Score(metric, value)) for metric, value in transition.scores]
        await record_scores(connection, scores)


def first_at(session: LiveSession, now: datetime) -> datetime:
    """When the next event counts as processed: times in one session grow strictly, as the log does."""
    return max(now, session.last_event_at + TICK)


def rows_of(session: LiveSession, transition: Transition, now: datetime) -> list[LogRow]:
    """What the caller sent, as it has just been stored, in order."""
    first, rows = first_at(session, now), []
    for kind, place in transition.answers:
        if kind == "event":
            event, at = transition.events[place], first + TICK * place
            sequence = session.event_count + place
            rows.append(LogRow(sequence, event.input_number, event.thread_id, event.type, at, event.payload))
        else:
            waiting = transition.inputs[place]
            rows.append(LogRow(None, waiting.number, waiting.thread_id, waiting.type, None, waiting.payload))
    return rows


async def _insert_events(
    connection: Connection, session: LiveSession, events: Sequence[NewEvent], first: datetime
) -> None:
    if not events:
        return
    rows = [
        {
            "sequence": session.event_count + place,
            "thread_id": event.thread_id,
            "type": event.type,
            "at": first + TICK * place,
            "payload": event.payload,
            "input_number": event.input_number,
        }
        for place, event in enumerate(events)
    ]
    await connection.execute(
        """
        INSERT INTO events (session_key, sequence, thread_id, type, at, payload, input_number)
        SELECT %s, x.* FROM jsonb_to_recordset(%s) AS x (
            sequence integer, thread_id text, type text, at timestamptz, payload jsonb, input_number integer
        )
        """,
        [session.key, Jsonb(rows)],
    )


async def _insert_inputs(connection: Connection, session: WholeSession, transition: Transition, now: datetime) -> None:
    places = {
        event.input_number: session.event_count + place
        for place, event in enumerate(transition.events)
        if event.input_number is not None
    }
    for waiting in transition.inputs:
        await connection.execute(
            "INSERT INTO session_inputs (session_key, number, thread_id, type, payload, queued_at, sequence)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                *(session.key, waiting.number, waiting.thread_id, waiting.type, Jsonb(waiting.payload), now),
                places.pop(waiting.number, None),
            ],
        )
    waited = {waiting["number"] for waiting in session.waiting}
    # Numbers that were promised to events while they are written are no inputs.
    places = {number: place for number, place in places.items() if number in waited}
    if places:
        await connection.execute(
            "UPDATE session_inputs AS i SET sequence = x.sequence FROM unnest(%s::integer[], %s::integer[])"
            " AS x (number, sequence) WHERE i.session_key = %s AND i.number = x.number",
            [list(places), list(places.values()), session.key],
        )


def wire_event(session: LiveSession, row: LogRow) -> dict[str, Any]:
    """An event or waiting input as the API shows it."""
    id_ = stored_id(session.id, row.sequence or 0, row.input_number)
    at = row.at if row.sequence is None or session.live else row.at or session.started_at or session.created_at
    payload = row.payload if session.live else _as_wire(session, row.type, row.payload)
    if session.live and not _OWN.isdisjoint(payload):
        payload = {name: value for name, value in payload.items() if name not in _OWN}
    return {**payload, "id": id_, "type": row.type, "processed_at": at}


def _as_wire(session: LiveSession, type_: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """An imported event with the members that the wire API insists on and its source did not have."""
    match type_:
        case "span.model_request_end":
            usage = dict.fromkeys(("input_tokens", "output_tokens"), 0)
            usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
            usage |= {name: count or 0 for name, count in (payload.get("model_usage") or {}).items()}
            return {"model_request_start_id": "", "is_error": False, **payload, "model_usage": usage}
        case "session.error":
            error = payload.get("error") or {}
            known = {"type": "unknown_error", "message": "", "retry_status": {"type": "terminal"}}
            return {**payload, "error": known | {"message": str(error.get("message", "")), **_retry(error)}}
        case "session.thread_created":
            return {"session_thread_id": "", "agent_name": session.agent_tag or "", **payload}
        case "agent.thread_message_received":
            return {"content": [], **payload, "from_session_thread_id": derived_id("sthr", session.id)}
        case "session.status_idle":
            return {"stop_reason": {"type": "end_turn"}, **payload}
        case "session.usage":
            return {"usage": {}, "budget": None, **payload}
        case "agent.tool_use":
            return {"input": {}, "name": "", **payload}
        case "agent.tool_result" | "user.tool_result":
            return {"tool_use_id": "", **payload}
        case _:
            return {"content": [], **payload}


def _retry(error: Mapping[str, Any]) -> dict[str, Any]:
    retry = error.get("retry_status")
    return {"retry_status": retry} if isinstance(retry, dict) else {}


class LogFilter(msgspec.Struct, frozen=True):
    """Which events to read."""

    thread_id: str | None = None
    """None is the session's own view: its primary thread, and what children post there."""
    everything: bool = False
    """Of all threads."""
    primary_only: bool = False
    """Of the primary thread, without what children post there."""
    types: tuple[str, ...] = ()
    ranges: Mapping[str, datetime] = {}
    """Of ``gt``, ``gte``, ``lt``, ``lte``: compared with when an event was processed."""


_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


async def read_log(
    connection: Connection,
    session_key: int,
    wanted: LogFilter,
    *,
    after: int = -1,
    before: int | None = None,
    inputs_after: int = -1,
    descending: bool = False,
    limit: int,
) -> list[LogRow]:
    """Events with sequence numbers above ``after`` (and below ``before``), in log order or from its end.

    Those that were inputs numbered up to ``inputs_after`` are left out.
    """
    conditions = ["session_key = %(key)s", "sequence > %(after)s", *_thread_condition(wanted)]
    parameters: dict[str, Any] = {"key": session_key, "after": after, "thread": wanted.thread_id, "limit": limit}
    if before is not None:
        conditions.append("sequence < %(before)s")
        parameters["before"] = before
    if inputs_after >= 0:
        # An event that was previewed has an input's number, too.
        conditions.append("NOT (coalesce(input_number <= %(inputs_after)s, false) AND type = ANY (%(queued)s))")
        parameters |= {"inputs_after": inputs_after, "queued": sorted(QUEUED_TYPES)}
    if wanted.types:
        conditions.append("type = ANY (%(types)s)")
        parameters["types"] = list(wanted.types)
    for name, at in wanted.ranges.items():
        conditions.append(f"at {_OPERATORS[name]} %({name})s")
        parameters[name] = at
    query = f"""
        SELECT sequence, input_number, thread_id, type, at, payload FROM events
        WHERE {" AND ".join(conditions)} ORDER BY sequence {"DESC" if descending else "ASC"} LIMIT %(limit)s
    """
    async with connection.cursor(row_factory=class_row(LogRow)) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


async def read_inputs(
    connection: Connection,
    session_key: int,
    wanted: LogFilter,
    *,
    after: int = -1,
    before: int | None = None,
    waiting_at: int | None = None,
) -> list[LogRow]:
    """Inputs numbered above ``after`` (and below ``before``) as they were queued.

    With ``waiting_at`` only those that had not been taken in when the log was that long.
    """
    if wanted.ranges:
        return []
    # What threads say to each other is shown when it has been taken in.
    conditions = ["session_key = %(key)s", "number > %(after)s", "type = ANY (%(queued)s)", *_thread_condition(wanted)]
    if before is not None:
        conditions.append("number < %(before)s")
    if waiting_at is not None:
        conditions.append("(sequence IS NULL OR sequence >= %(waiting_at)s)")
    if wanted.types:
        conditions.append("type = ANY (%(types)s)")
    query = f"""
        SELECT NULL::integer AS sequence, number AS input_number, thread_id, type, NULL::timestamptz AS at, payload
        FROM session_inputs WHERE {" AND ".join(conditions)} ORDER BY number
    """
    parameters = {
        **{"key": session_key, "after": after, "before": before, "waiting_at": waiting_at},
        **{"thread": wanted.thread_id, "types": list(wanted.types), "queued": sorted(QUEUED_TYPES)},
    }
    async with connection.cursor(row_factory=class_row(LogRow)) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


def _thread_condition(wanted: LogFilter) -> list[str]:
    if wanted.everything:
        return []
    if wanted.primary_only:
        return ["thread_id IS NULL"]
    if wanted.thread_id is None:
        return ["(thread_id IS NULL OR payload ? 'session_thread_id')"]
    return ["thread_id = %(thread)s"]
