"""Sessions of received spans: each conversation is put together from all spans that came, and stored or replaced.

One transaction a conversation: what was read is marked as put together in it, so that a killed server loses nothing and
repeats nothing. One server at a time a workspace.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from reverie.ids import derived_id
from reverie.sessions.importers import RawRecord
from reverie.sessions.importers.otlp.joining import NAME, joined_data, sessions_of
from reverie.sessions.importers.otlp.span import Span
from reverie.sessions.importers.otlp.trace_part import spans_of
from reverie.sessions.session import Session
from reverie.storage.postgres.copy_text import COPY_EVENTS
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.prepare import (
    PreparedSession,
    PrepareOptions,
    prepare_batch,
    prepare_extension,
)
from reverie.storage.sessions.received import (
    TraceRow,
    claim_receiving,
    give_up_parts,
    mark_assembled,
    measure_parts,
    old_traces,
    read_group,
    read_parts,
    still_rest,
)
from reverie.storage.sessions.replacement import (
    dissolve_session,
    merged_tags,
    rename_session,
    replace_events,
    set_tags,
)
from reverie.storage.sessions.scores import record_scores
from reverie.storage.sessions.store_batch import reserve_keys, store_batch

MOST_BYTES = 256 * 1024**2
"""Of the spans of one conversation that are put together; memory holds a few times as much."""
_PATH = "OTLP"
"""Where a session came from, in messages."""
_AT_ONCE = 500
"""Traces that are given up in one transaction."""
_FIND = """
SELECT s.key, s.event_count, s.content_sha256, r.told, r.content_sha256 = s.content_sha256 AND NOT r.settled,
    s.id, s.source, s.agent, s.agent_version, s.model, s.task_id, s.task_category, s.user_id, s.started_at, s.ended_at,
    s.metadata
FROM sessions s LEFT JOIN received_sessions r ON r.session_id = s.id WHERE s.id = %s FOR UPDATE OF s
"""
_REMEMBER = """
INSERT INTO received_sessions (session_id, conversation, part, content_sha256, told) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (session_id) DO UPDATE SET content_sha256 = excluded.content_sha256, told = excluded.told
"""


class Told(msgspec.Struct, frozen=True):
    """What the spans themselves say of a session besides its events."""

    session: Session
    scores: dict[str, float]


class Assembled(msgspec.Struct, frozen=True):
    """What became of a trace and those that share a conversation with it."""

    sessions: tuple[str, ...]
    problems: tuple[str, ...] = ()
    """Why something could not be stored."""


class _Stored(msgspec.Struct, frozen=True):
    key: int
    event_count: int
    content_sha256: str
    told: Told | None
    is_ours: bool
    """Whether it is as it was put together from the spans at hand."""
    session: Session


class _Place(msgspec.Struct, frozen=True):
    """Under which id the spans at hand of a conversation are stored."""

    session_id: str
    conversation: str
    part: int


async def assemble_received(
    database: Database, trace_id: str, options: PrepareOptions, now: datetime
) -> Assembled | None:
    """Put together the sessions that a trace is part of; None where there is nothing to do, or another does it."""
    async with database.connection() as connection:
        if not await claim_receiving(connection):
            return None
        traces = await read_group(connection, trace_id)
        if not any(one.trace_id == trace_id and one.waits for one in traces):
            return None
        ids = [one.trace_id for one in traces]
        size = await measure_parts(connection, ids)
        if size > MOST_BYTES:
            problem = f"{len(ids)} traces of one conversation have {size:,} bytes; at most {MOST_BYTES:,} are read"
            await mark_assembled(connection, traces, {one.trace_id: one.sessions for one in traces}, problem)
            return Assembled((), (problem,))
        parts = await read_parts(connection, ids)
        found = await asyncio.to_thread(lambda: sessions_of(spans_of(parts)))
        return await _store(connection, traces, found, options, now)


async def give_up_old(database: Database, now: datetime, retention: timedelta) -> int:
    """Delete the spans of conversations to which nothing has come for so long; how many traces they had."""
    async with database.connection() as connection:
        if not await claim_receiving(connection):
            return 0
        done: set[str] = set()
        for trace_id in await old_traces(connection, now, retention, _AT_ONCE):
            group = [] if trace_id in done else await read_group(connection, trace_id)
            newest = max((one.last_received_at for one in group), default=now)
            old = newest < now - retention or not any(one.sessions for one in group)
            ids = [one.trace_id for one in group]
            if group and old and await still_rest(connection, ids):
                await give_up_parts(connection, ids)
                done.update(ids)
        return len(done)


async def _store(
    connection: Connection,
    traces: Sequence[TraceRow],
    found: Mapping[str, Sequence[Span]],
    options: PrepareOptions,
    now: datetime,
) -> Assembled:
    places = {name: await _place(connection, name) for name in found}
    members: dict[str, list[str]] = {one.trace_id: [] for one in traces}
    for name, spans in found.items():
        for trace_id in sorted({span.trace_id for span in spans}):
            members[trace_id].append(places[name].session_id)
    await _give_way(connection, traces, members, places, now)
    problems = []
    for name, spans in sorted(found.items(), key=lambda pair: (pair[1][0].start, pair[0])):
        problem = await _store_one(connection, places[name], spans, options, now)
        problems += [problem] if problem else []
    await mark_assembled(connection, traces, members, "; ".join(problems) or None)
    return Assembled(tuple(place.session_id for place in places.values()), tuple(problems))


async def _place(connection: Connection, conversation: str) -> _Place:
    """A conversation's own name; a further part where the spans of those before are given up."""
    query = """SELECT session_id, part, settled FROM received_sessions WHERE conversation = %s
        ORDER BY part DESC LIMIT 1"""
    row = await (await connection.execute(query, [conversation])).fetchone()
    if row is None:
        return _Place(conversation, conversation, 0)
    session_id, part, settled = row
    if not settled:
        return _Place(session_id, conversation, part)
    return _Place(derived_id("sesn", NAME, conversation, str(part + 1)), conversation, part + 1)


async def _give_way(
    connection: Connection,
    traces: Sequence[TraceRow],
    members: Mapping[str, Sequence[str]],
    places: Mapping[str, _Place],
    now: datetime,
) -> None:
    """Sessions that these traces were stored as and are no more, since their conversation became known, give way."""
    present = {session_id for ids in members.values() for session_id in ids}
    for session_id in sorted({one for trace in traces for one in trace.sessions} - present):
        stored = await _find(connection, session_id)
        if stored is None or not stored.is_ours:
            continue  # Deleted by a person, or grown by an import: it is theirs.
        heirs = {heir for trace in traces if session_id in trace.sessions for heir in members[trace.trace_id]}
        heir = next(iter(heirs)) if len(heirs) == 1 else None
        if heir is None or await _find(connection, heir) is not None:
            await dissolve_session(connection, session_id, heir, now)
            continue
        await rename_session(connection, session_id, heir, now)
        place = next(place for place in places.values() if place.session_id == heir)
        await connection.execute(
            "UPDATE received_sessions SET conversation = %s, part = %s WHERE session_id = %s",
            [place.conversation, place.part, heir],
        )


async def _find(connection: Connection, session_id: str) -> _Stored | None:
    row = await (await connection.execute(_FIND, [session_id])).fetchone()
    if row is None:
        return None
    told = None if row[3] is None else msgspec.convert(row[3], Told)
    return _Stored(row[0], row[1], row[2], told, bool(row[4]), Session(*row[5:]))


async def _store_one(
    connection: Connection, place: _Place, spans: Sequence[Span], options: PrepareOptions, now: datetime
) -> str | None:
    """Store or replace one session; what was wrong, if something was."""
    record = RawRecord(_PATH, 1, NAME, joined_data(place.session_id, spans))
    if place.part:
        # Such a part began where the one before it was, and says nothing of its own accord.
        options = msgspec.structs.replace(options, overrides={"part_of": place.conversation})
    stored = await _find(connection, place.session_id)
    ours = stored if stored is not None and stored.is_ours else None
    key = ours.key if ours else (await reserve_keys(connection, 1))[0]
    done = await asyncio.to_thread(prepare_batch, [record], [key], options)
    if done.problems:
        return f"{place.session_id}: {done.problems[0].reason}"
    (prepared,) = done.sessions
    if ours is not None:
        await _renew(connection, ours, record, prepared, options, now)
    else:
        await store_batch(connection, [record], [prepared], options, now, set())
        found = await _find(connection, place.session_id)
        if found is None or found.content_sha256 != prepared.content_sha256:
            return f"{place.session_id} is stored with other events, not from these spans; they are kept"
    told = Told(prepared.session, {score.metric: score.value for score in prepared.scores})
    values: list[Any] = [place.session_id, place.conversation, place.part, prepared.content_sha256]
    await connection.execute(_REMEMBER, [*values, Jsonb(msgspec.to_builtins(told))])
    return None


async def _renew(
    connection: Connection,
    stored: _Stored,
    record: RawRecord,
    prepared: PreparedSession,
    options: PrepareOptions,
    now: datetime,
) -> None:
    """Bring a stored session to what all its spans say by now; what people gave it or changed of it stays."""
    if prepared.content_sha256 != stored.content_sha256:
        extension = await asyncio.to_thread(
            prepare_extension, record, stored.key, stored.event_count, stored.content_sha256, options
        )
        if extension is None:
            await replace_events(connection, prepared, prepared.session.id, now)
        else:
            await _extend(connection, extension)
    before = stored.told or Told(stored.session, {})
    await set_tags(connection, stored.key, merged_tags(stored.session, before.session, prepared.session))
    told = {score.metric: score for score in prepared.scores}
    told_anew = [score for name, score in told.items() if before.scores.get(name) != score.value]
    await record_scores(connection, [(stored.key, score) for score in told_anew])


async def _extend(connection: Connection, extension: PreparedSession) -> None:
    async with connection.cursor() as cursor, cursor.copy(COPY_EVENTS) as copy:
        await copy.write(extension.rows)
    await connection.execute(
        "UPDATE sessions SET event_count = %s, content_sha256 = %s WHERE key = %s",
        [extension.event_count, extension.content_sha256, extension.key],
    )
