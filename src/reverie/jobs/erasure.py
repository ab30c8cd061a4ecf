"""Erasing sessions with all that came from them: sessions in batches, then what was learned, in one transaction.

Whoever is killed between two transactions has erased so much; asked for the same again, the erasure goes on there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from reverie.clock import Clock
from reverie.jobs.labelling import blind_view, content_sha256
from reverie.storage.erasure.documents import change_documents
from reverie.storage.erasure.dreams import change_dreams
from reverie.storage.erasure.erasure import (
    Erasure,
    begin_erasure,
    end_erasure,
    lock_erasure,
    read_erasure,
)
from reverie.storage.erasure.lessons import ChangedLesson, change_lessons, end_trials
from reverie.storage.erasure.remains import blank_briefings, blank_grades, what_is_left
from reverie.storage.erasure.report import ErasureReport, ErasureRequest
from reverie.storage.erasure.sessions import erase_by_ids, erase_sessions, next_sessions, take_gone_behaviours
from reverie.storage.postgres.act import record_act
from reverie.storage.postgres.announcement import announce
from reverie.storage.postgres.database import Connection, Database

ACTION = "sessions.erase"
"""The act of the audit log that says an erasure is done."""
Tell = Callable[[int, int], None]
"""Told of sessions erased, of all to erase."""


async def erase(
    database: Database,
    request: ErasureRequest,
    actor: Mapping[str, str],
    clock: Clock,
    *,
    request_id: str = "",
    tell: Tell | None = None,
) -> Erasure:
    """Erase sessions, and what was learned from them; an erasure of the same that was cut short goes on.

    Raises:
        InputError: nothing is asked for.
        NotFoundError: something that is named is not known here.
        StateError: a session runs, or a dream goes on that may read one.
    """
    async with database.connection() as connection:
        erasure = await begin_erasure(connection, request, actor, clock.now())
    more = True
    while more:
        async with database.connection() as connection:
            more = await erase_some(connection, erasure.id)
            done = await read_erasure(connection, erasure.id)
        if tell is not None:
            tell(len(done.progress.sessions), len(erasure.session_ids))
    async with database.connection() as connection:
        return await conclude(connection, erasure.id, request, clock.now(), request_id)


async def rehearse(database: Database, request: ErasureRequest, actor: Mapping[str, str], clock: Clock) -> Erasure:
    """What :func:`erase` would do: all of it is done, told, and taken back.

    Raises:
        InputError, NotFoundError, StateError: as :func:`erase` does.
    """
    now = clock.now()
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        erasure = await begin_erasure(connection, request, actor, now)
        while await erase_some(connection, erasure.id):
            pass
        return await conclude(connection, erasure.id, request, now)


async def erase_some(connection: Connection, erasure_id: str) -> bool:
    """Erase the next sessions; whether there were any."""
    erasure = await lock_erasure(connection, erasure_id)
    found = await next_sessions(connection, erasure.session_ids)
    if not found or erasure.report is not None:
        return False
    contents = [content_sha256(await blind_view(connection, session_id)) for _, session_id, _ in found]
    await blank_grades(connection, contents)
    await erase_sessions(connection, erasure, found)
    for _, session_id, _ in found:
        await announce(connection, session_id)
    return True


async def conclude(
    connection: Connection, erasure_id: str, request: ErasureRequest, now: datetime, request_id: str = ""
) -> Erasure:
    """Take what came from the erased sessions out of what was learned, and write the report; all of it or nothing."""
    erasure = await lock_erasure(connection, erasure_id)
    if erasure.report is not None:
        return erasure
    erased = erasure.session_ids
    rows = Counter(erasure.progress.rows)
    rows.update(await erase_by_ids(connection, erased))
    gone = await take_gone_behaviours(connection, erasure.progress.codes)
    rows["behaviours"] += len(gone)
    lessons = await change_lessons(connection, set(erased), gone)
    trials = await end_trials(connection, lessons, erasure_id, now)
    documents = await change_documents(connection, erased, lessons, gone, erasure.actor, erasure_id, now)
    dreams = await change_dreams(connection, erased, erasure.lowest_key, gone, documents.told)
    lesson_ids = sorted({one.before.id for one in lessons})
    subjects = [*lesson_ids, *documents.changed, *documents.removed]
    shown_in = await blank_briefings(connection, subjects, documents.redacted)
    rows["memory_versions"] += len(documents.redacted)
    report = ErasureReport(
        sessions=erasure.progress.sessions,
        rows={table: count for table, count in sorted(rows.items()) if count},
        lessons_retold=_ids(one for one in lessons if one.after is not None and one.stands),
        lessons_retired=_ids(one for one in lessons if one.after is not None and not one.stands),
        lessons_removed=_ids(one for one in lessons if one.after is None),
        memories_changed=documents.changed,
        memories_removed=documents.removed,
        versions_redacted=documents.redacted,
        dreams_changed=tuple(dreams),
        trials_ended=tuple(trials),
        shown_in=tuple(shown_in),
        left=tuple(await what_is_left(connection, request, lesson_ids)),
    )
    await end_erasure(connection, erasure_id, report, now)
    details = {"sessions": len(report.sessions), "rows": report.rows, "lessons": len(lessons), "left": len(report.left)}
    await record_act(connection, erasure.actor, ACTION, erasure_id, request_id, now, details)
    return await read_erasure(connection, erasure_id)


def _ids(lessons: Iterable[ChangedLesson]) -> tuple[str, ...]:
    return tuple(sorted({one.before.id for one in lessons}))
