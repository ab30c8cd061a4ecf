"""Server-sent events of a session: what is appended from the moment the stream is opened, or from just before."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.responses import StreamingResponse

from reverie.api.late_stream import Shown, first_sequence, last_end, note_shown
from reverie.api.live import Preview
from reverie.api.request_context import RequestContext
from reverie.errors import InputError
from reverie.ids import derived_id
from reverie.storage.live.log import LogFilter, read_inputs, read_log, wire_event
from reverie.storage.live.sessions import LiveSession, read_session, session_exists

PING_SECONDS = 15.0
MOST_DELTAS = 100
_CHUNK = 500
_SESSION_VIEW = LogFilter()


class _Place(msgspec.Struct, frozen=True):
    """How far a stream has come: the last sequence number, and the last input number."""

    sequence: int
    input_number: int


class _Step(msgspec.Struct, frozen=True):
    """What has come since a place: messages, the place after them, and whether the session has ended."""

    messages: tuple[bytes, ...]
    place: _Place
    ended: bool
    full: bool
    """Whether there may be more already."""


_TOOL_RUNNER = "session-tool-runner"
"""How the SDK's tool runner names itself."""


async def open_stream(context: RequestContext, wanted: LogFilter, deltas: Sequence[str]) -> StreamingResponse:
    """A stream of the events that come after this moment, or after what was sent just before it.

    Its beginning is fixed before the answer's headers go out, so whoever lists the history once the stream is open
    sees everything: in the list, in the stream, or in both.

    Raises:
        NotFoundError: there is no such session.
        InputError: too many previews are asked for.
    """
    if len(deltas) > MOST_DELTAS:
        raise InputError(f"event_deltas: {len(deltas)} values; at most {MOST_DELTAS} are allowed")
    session_id = context.path["session_id"]
    async with context.database.connection() as connection:
        session = await read_session(connection, session_id)
        first = session.event_count
        if wanted == _SESSION_VIEW:
            last_shown = context.service.live.shown.last(session_id)
            first = await first_sequence(connection, session, last_shown, context.service.clock.now())
            if _TOOL_RUNNER in context.request.headers.get("x-stainless-helper", ""):
                first = min(first, await last_end(connection, session))
    place = _Place(first - 1, session.input_count - 1)
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    messages = _messages(context, session, wanted, place, frozenset(deltas))
    return StreamingResponse(messages, headers=headers, media_type="text/event-stream")


async def _messages(
    context: RequestContext, session: LiveSession, wanted: LogFilter, place: _Place, deltas: frozenset[str]
) -> AsyncIterator[bytes]:
    live = context.service.live
    begun: set[str] = set()
    with live.follow(session.id) as grown, live.watch_previews(session.id, grown) as pieces:
        # Sent at once, so that the client knows the stream is open.
        yield _PING
        if _is_over(session):
            return
        # Something may have come between reading the place and following.
        grown.set()
        while not live.closing.is_set():
            if not await _grew(grown):
                yield _PING
                continue
            grown.clear()
            # Taken before the log is read, so that a preview never comes after the event itself.
            waiting = [pieces.popleft() for _ in range(len(pieces))]
            # Streams that have come equally far share one read.
            key = (context.database.schema, session.key, wanted.thread_id or "", wanted.primary_only, place)
            step = await live.share(key, partial(_read_on, context, session, wanted, place))
            for piece in waiting:
                if _is_wanted(piece, wanted, deltas, begun):
                    yield _message(piece.message["type"], piece.message)
            for message in step.messages:
                yield message
            if step.ended:
                return
            place = step.place
            if step.full:
                grown.set()


def _is_over(session: LiveSession) -> bool:
    """Whether nothing will ever come of a session again."""
    return session.status == "terminated" or session.archived_at is not None


def _is_wanted(piece: Preview, wanted: LogFilter, deltas: frozenset[str], begun: set[str]) -> bool:
    """Whether a stream shows this piece: of its thread, of a type asked for, and of an event it saw begin."""
    if piece.thread_id != wanted.thread_id:
        return False
    if piece.message["type"] == "event_start":
        event = piece.message["event"]
        if event["type"] in deltas and event["id"] not in begun:
            begun.add(event["id"])
            return True
        return False
    return piece.message["event_id"] in begun


async def _grew(grown: asyncio.Event) -> bool:
    """Wait for an event, at most until the next ping is due."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            await grown.wait()
    except TimeoutError:
        return False
    return True


async def _read_on(context: RequestContext, session: LiveSession, wanted: LogFilter, place: _Place) -> _Step:
    """What has come since ``place``; inputs as they were queued come first."""
    async with context.database.connection() as connection:
        # The log before the inputs: then an input that is in the log has been read as an input too.
        rows = await read_log(connection, session.key, wanted, after=place.sequence, limit=_CHUNK)
        inputs = await read_inputs(connection, session.key, wanted, after=place.input_number)
        if not rows and not inputs:
            if not await session_exists(connection, session.id):
                return _Step((_deleted(context, session),), place, ended=True, full=False)
            # A child's stream does not show that the session has ended.
            if _is_over(await read_session(connection, session.id)):
                return _Step((), place, ended=True, full=False)
        if session.run_here and rows and wanted == _SESSION_VIEW:
            note = Shown(session.id, rows[-1].sequence or 0, context.service.clock.now())
            rests = any(row.type == "session.status_idle" for row in rows)
            await note_shown(context.service.live.shown, connection, note, rests=rests)
    return _Step(
        messages=tuple(_message(row.type, wire_event(session, row)) for row in (*inputs, *rows)),
        place=_Place(
            max((row.sequence or 0 for row in rows), default=place.sequence),
            max((row.input_number or 0 for row in inputs), default=place.input_number),
        ),
        ended=any(row.type == "session.status_terminated" for row in rows),
        full=len(rows) >= _CHUNK,
    )


def _deleted(context: RequestContext, session: LiveSession) -> bytes:
    id_ = derived_id("sevt", session.id, "deleted")
    now = context.service.clock.now()
    return _message("session.deleted", {"id": id_, "type": "session.deleted", "processed_at": now})


def _message(name: str, data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))


_PING = _message("ping", {"type": "ping"})
