"""Store one batch of prepared sessions; the caller's transaction makes it all or nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from concurrent.futures import Executor
from datetime import datetime
from functools import partial

import msgspec

from reverie.sessions.importers import RawRecord
from reverie.storage.postgres.copy_text import COPY_EVENTS
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.import_summary import ImportCounts, ImportSummary, added
from reverie.storage.sessions.prepare import (
    PreparedSession,
    PrepareOptions,
    is_beginning,
    prepare_extension,
    prepare_renamed,
)
from reverie.storage.sessions.scores import record_scores
from reverie.storage.sessions.transcripts import read_transcript

# In the order of their ids, so that two imports of the same sessions wait for each other instead of deadlocking.
_INSERT_SESSIONS = """
INSERT INTO sessions (key, id, source, agent, agent_version, model, task_id, task_category, user_id,
                      started_at, ended_at, imported_at, metadata, event_count, content_sha256)
SELECT key, id, source, agent, agent_version, model, task_id, task_category, user_id,
       started_at, ended_at, imported_at, metadata, event_count, content_sha256
FROM json_populate_recordset(NULL::sessions, %s) ORDER BY id, key
ON CONFLICT (id) DO NOTHING RETURNING key
"""
_SELECT_STORED = """
SELECT id, key, event_count, content_sha256 FROM sessions WHERE id = ANY (%s) ORDER BY id FOR UPDATE
"""
_EXTEND_SESSION = """
UPDATE sessions SET event_count = %s, content_sha256 = %s, ended_at = coalesce(%s, ended_at) WHERE key = %s
"""


class _Stored(msgspec.Struct, frozen=True):
    key: int
    event_count: int
    content_sha256: str


class _Known(msgspec.Struct, frozen=True):
    """What became of sessions whose ids were taken."""

    keys: dict[str, int]
    extensions: list[PreparedSession]
    warnings: list[str]
    clashes: list[PreparedSession]
    """Those whose id an earlier record of this import has, with other events."""


async def reserve_keys(connection: Connection, count: int) -> list[int]:
    """Session keys that nobody else will be given."""
    query = "SELECT nextval(pg_get_serial_sequence('sessions', 'key')) FROM generate_series(1, %s)"
    return [row[0] for row in await (await connection.execute(query, [count])).fetchall()]


async def store_batch(
    connection: Connection,
    records: Sequence[RawRecord],
    prepared: Sequence[PreparedSession],
    options: PrepareOptions,
    now: datetime,
    met: set[str],
    executor: Executor | None = None,
) -> ImportSummary:
    """Create the new sessions, extend the grown ones, leave the others, and record everybody's scores.

    ``met`` are the ids that the import has had so far; this batch's are added. Two different sessions of one import
    that share an id are both kept, the later under an id of its own.
    Grown sessions are parsed and redacted by ``executor``, None being a thread: never in the event loop, which serves
    others.
    """
    loop = asyncio.get_running_loop()
    repeated = _repeated(prepared, met)
    stored, clashes = await _store(connection, records, prepared, options, now, repeated, executor)
    for whole in (False, True):  # All events always tell two different sessions apart.
        if not clashes:
            break
        others = [
            await loop.run_in_executor(
                executor, partial(prepare_renamed, records[clash.record], clash.key, clash.record, options, whole=whole)
            )
            for clash in clashes
        ]
        warnings = [
            f"{records[old.record].path}:{records[old.record].line}: the id {old.session.id} is also another "
            f"session's in this import; this one is kept as {new.session.id}"
            for old, new in zip(clashes, others, strict=True)
        ]
        more, again = await _store(
            connection, records, others, options, now, {other.record for other in others}, executor
        )
        left = {clash.record for clash in again}
        kept = [text for text, other in zip(warnings, others, strict=True) if other.record not in left]
        stored = added(stored, msgspec.structs.replace(more, warnings=more.warnings + kept))
        clashes = [clash for clash in clashes if clash.record in left]
    return stored


def _repeated(prepared: Sequence[PreparedSession], met: set[str]) -> set[int]:
    """Positions of the records whose id this import has had before."""
    repeated = set()
    for session in prepared:
        if session.session.id in met:
            repeated.add(session.record)
        met.add(session.session.id)
    return repeated


async def _store(
    connection: Connection,
    records: Sequence[RawRecord],
    prepared: Sequence[PreparedSession],
    options: PrepareOptions,
    now: datetime,
    repeated: Set[int],
    executor: Executor | None,
) -> tuple[ImportSummary, list[PreparedSession]]:
    """Store all but those that clash, which are given back."""
    # PostgreSQL plans the foreign key check of events once a connection. If it first looks while sessions are few, it
    # settles on scanning them all, for every event, however many they become.
    await connection.execute("SET LOCAL enable_seqscan = off")
    new_keys = await _insert_sessions(connection, prepared, now)
    created = [session for session in prepared if session.key in new_keys]
    others = [session for session in prepared if session.key not in new_keys]
    # Written first, so that a session met twice in the batch can be compared with what is stored.
    await _copy_events(connection, created)
    known = await _extend(connection, records, others, options, repeated, executor)
    keys = known.keys | {session.session.id: session.key for session in created}
    clashing = {clash.record for clash in known.clashes}
    kept = [session for session in prepared if session.record not in clashing]
    scores = [(keys[session.session.id], score) for session in kept for score in session.scores]
    redactions = Counter[str]()
    for session in (*created, *known.extensions):
        redactions.update(session.redactions)
    summary = ImportSummary(
        sessions=ImportCounts(
            created=len(created),
            unchanged=len(others) - len(known.extensions) - len(known.clashes),
            extended=len(known.extensions),
        ),
        events=sum(session.new_events for session in (*created, *known.extensions)),
        scores=await record_scores(connection, scores),
        redactions=dict(redactions),
        warnings=known.warnings,
    )
    return summary, known.clashes


async def _insert_sessions(connection: Connection, prepared: Sequence[PreparedSession], now: datetime) -> set[int]:
    """Insert those whose ids are free; their keys."""
    rows = [
        {
            **msgspec.structs.asdict(session.session),
            "key": session.key,
            "imported_at": now,
            "event_count": session.event_count,
            "content_sha256": session.content_sha256,
        }
        for session in prepared
    ]
    cursor = await connection.execute(_INSERT_SESSIONS, [msgspec.json.encode(rows).decode()])
    return {row[0] for row in await cursor.fetchall()}


async def _extend(
    connection: Connection,
    records: Sequence[RawRecord],
    known: Sequence[PreparedSession],
    options: PrepareOptions,
    repeated: Set[int],
    executor: Executor | None,
) -> _Known:
    loop = asyncio.get_running_loop()
    cursor = await connection.execute(_SELECT_STORED, [[session.session.id for session in known]])
    stored = {row[0]: _Stored(*row[1:]) for row in await cursor.fetchall()}
    extensions = []
    warnings = []
    clashes = []
    for session in known:
        record, before = records[session.record], stored[session.session.id]
        if session.content_sha256 == before.content_sha256:
            continue
        # One after the other: a batch may hold a session twice, and the second goes on where the first ends.
        extension = await loop.run_in_executor(
            executor, prepare_extension, record, before.key, before.event_count, before.content_sha256, options
        )
        if extension is None and session.record in repeated:
            stored_one = await read_transcript(connection, session.session.id)
            if not await loop.run_in_executor(executor, is_beginning, record, stored_one, options):
                clashes.append(session)
            continue
        if extension is None:
            warnings.append(
                f"{record.path}:{record.line}: session {session.session.id} is stored with other events, which are kept"
            )
            continue
        after = _Stored(before.key, extension.event_count, extension.content_sha256)
        await connection.execute(
            _EXTEND_SESSION, [after.event_count, after.content_sha256, extension.session.ended_at, after.key]
        )
        stored[session.session.id] = after
        await _copy_events(connection, [extension])
        extensions.append(extension)
    return _Known({name: session.key for name, session in stored.items()}, extensions, warnings, clashes)


async def _copy_events(connection: Connection, sessions: Iterable[PreparedSession]) -> None:
    async with connection.cursor() as cursor, cursor.copy(COPY_EVENTS) as copy:
        for session in sessions:
            await copy.write(session.rows)
