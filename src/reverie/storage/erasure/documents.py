"""The documents of an erasure: which versions came from the erased sessions, and what stands without them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from reverie.lessons.document import lesson_document
from reverie.lessons.lesson import Lesson
from reverie.lessons.retelling import Label, free_lines
from reverie.memory.derived_text import TELLING_CHARACTERS, kept_lines, lines_of, telling_lines, without_lines
from reverie.memory.memory import Edit
from reverie.storage.erasure.lessons import ChangedLesson
from reverie.storage.erasure.naming import longer_ids
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.revisions import blank_versions
from reverie.storage.postgres.database import Connection

REASON = "without what came from erased sessions"
# Lines that stood in a store before the session wrote them are not its own.
_OWN_LINES = """
SELECT own.memory_id, own.line FROM unnest(%(memories)s::text[], %(lines)s::text[], %(entries)s::bigint[])
    AS own (memory_id, line, entry)
WHERE NOT EXISTS (
    SELECT FROM memory_versions v
    WHERE v.entry < own.entry AND strpos(v.content, own.line) > 0
        AND (v.memory_id = own.memory_id OR length(own.line) >= %(telling)s)
        AND coalesce(v.created_by ->> 'session_id', '') <> ALL (%(erased)s)
)
"""
# Those that may have come from the sessions; whether a text names one, or holds a line, is for `Origin.is_in` to say.
_DERIVED = """
SELECT * FROM (
    SELECT v.id, v.memory_id, coalesce(v.content, '') AS content,
        coalesce(v.created_by ->> 'session_id' = ANY (%(erased)s), false)
        OR EXISTS (SELECT FROM unnest(%(stores)s::text[], %(lessons)s::text[]) AS told (store_id, lesson_id)
            WHERE v.memory_store_id = told.store_id AND v.lesson_id = told.lesson_id) AS surely
    FROM memory_versions v WHERE v.redacted_at IS NULL
) v WHERE v.surely
    OR EXISTS (SELECT FROM unnest(%(erased)s::text[]) AS cited WHERE strpos(v.content, cited) > 0)
    OR EXISTS (SELECT FROM unnest(%(lines)s::text[]) AS line WHERE strpos(v.content, line) > 0)
    OR EXISTS (SELECT FROM unnest(%(memories)s::text[], %(short)s::text[]) AS own (memory_id, line)
        WHERE v.memory_id = own.memory_id AND strpos(v.content, own.line) > 0)
"""
_HEADS = """
SELECT m.memory_store_id, m.id, m.path, m.content, m.lesson_id FROM memories m
WHERE m.memory_version_id = ANY (%s) ORDER BY m.memory_store_id, m.path
"""


class Origin(msgspec.Struct, frozen=True):
    """What in documents came from the erased sessions."""

    erased: list[str]
    """Ids of the sessions."""
    longer: list[str]
    """Ids of other sessions that hold one of theirs."""
    own: dict[str, set[str]]
    """Lines that they wrote, by memory."""
    lines: list[str]
    """Those of them, and of what lessons quote of the sessions, that are known again in any document."""

    def gone_from(self, memory_id: str) -> set[str]:
        """Lines that go from a memory."""
        return self.own.get(memory_id, set()) | set(self.lines)

    def is_in(self, memory_id: str, content: str) -> bool:
        """Whether a memory that says this would lose a line."""
        kept = kept_lines(content, self.gone_from(memory_id), self.erased, self.longer)
        return len(kept) < len(content.splitlines())


class DocumentChanges(msgspec.Struct, frozen=True):
    """What an erasure did to documents: ids of memories and versions."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]
    redacted: tuple[str, ...]
    told: tuple[str, ...]
    """Lines and paths by which what came from the sessions is known again; content, so it goes into no report."""


async def change_documents(
    connection: Connection,
    erased: Sequence[str],
    changed: Sequence[ChangedLesson],
    gone: Collection[Label],
    actor: Mapping[str, str],
    erasure_id: str,
    now: datetime,
) -> DocumentChanges:
    """Write every document that came from erased sessions without them, and redact its versions until then.

    Args:
        gone: the behaviours that no session that is left shows.
    """
    origin = await _origin(connection, erased, changed, gone)
    derived = await _derived(connection, origin, changed)
    rows = await (await connection.execute(_HEADS, [list(derived)])).fetchall()
    lessons = {(one.store_id, one.before.id): one for one in changed}
    edits: defaultdict[str, list[Edit]] = defaultdict(list)
    memories: dict[str, bool] = {}
    for store_id, memory_id, path, content, lesson_id in rows:
        lesson = lessons.get((store_id, lesson_id)) if lesson_id else None
        told = _told_again(content, lesson, origin, memory_id)
        kept = lesson_id if told else None
        edits[store_id].append(Edit(path, told or None, REASON, lesson_id=kept))
        memories[memory_id] = bool(told)
    for store_id, wanted in sorted(edits.items()):
        await _write(connection, store_id, wanted, erasure_id, now)
        ended = [edit.path for edit in wanted if edit.content is None]
        await connection.execute(
            "DELETE FROM memory_confirmations WHERE memory_store_id = %s AND path = ANY (%s)", [store_id, ended]
        )
    derived |= await _ended_with(connection, erased, [memory for memory, stays in memories.items() if not stays])
    redacted = await blank_versions(connection, sorted(derived), actor, erasure_id, now)
    return DocumentChanges(
        tuple(sorted(memory for memory, stays in memories.items() if stays)),
        tuple(sorted(memory for memory, stays in memories.items() if not stays)),
        tuple(redacted),
        (*origin.lines, *(edit.path for wanted in edits.values() for edit in wanted if edit.content is None)),
    )


def _told_again(content: str, lesson: ChangedLesson | None, origin: Origin, memory_id: str) -> str:
    """What the document shall say; empty where nothing of it stands."""
    if lesson is None:
        return without_lines(content, origin.gone_from(memory_id), origin.erased, origin.longer)
    return lesson_document(lesson.after) if lesson.after is not None and lesson.stands else ""


async def _origin(
    connection: Connection, erased: Sequence[str], changed: Sequence[ChangedLesson], gone: Collection[Label]
) -> Origin:
    rows = await connection.execute(
        "SELECT memory_id, content, entry FROM memory_versions"
        " WHERE created_by ->> 'session_id' = ANY (%s) AND content IS NOT NULL ORDER BY entry",
        [list(erased)],
    )
    written = [(memory, line, entry) for memory, text, entry in await rows.fetchall() for line in lines_of(text)]
    found = await connection.execute(
        _OWN_LINES,
        {
            "memories": [memory for memory, _, _ in written],
            "lines": [line for _, line, _ in written],
            "entries": [entry for _, _, entry in written],
            "erased": list(erased),
            "telling": TELLING_CHARACTERS,
        },
    )
    own: defaultdict[str, set[str]] = defaultdict(set)
    for memory, line in await found.fetchall():
        own[memory].add(line)
    telling = set(telling_lines({line for lines in own.values() for line in lines}))
    told = set(telling_lines({line for one in changed for line in free_lines(one.before, erased, gone)}))
    lines = (telling | told) - await _lines_that_stand(connection) if telling | told else set()
    return Origin(list(erased), await longer_ids(connection, erased), dict(own), sorted(lines))


async def _lines_that_stand(connection: Connection) -> set[str]:
    """What the documents of lessons say after the erasure: whoever wrote the like does not take it along."""
    rows = await connection.execute("SELECT lesson::text FROM lessons")
    lessons = [msgspec.json.decode(text, type=Lesson) for (text,) in await rows.fetchall()]
    return {line for lesson in lessons for line in lines_of(lesson_document(lesson))}


async def _derived(connection: Connection, origin: Origin, changed: Sequence[ChangedLesson]) -> set[str]:
    """Ids of the versions that came from the erased sessions."""
    own = [(memory, line) for memory, lines in sorted(origin.own.items()) for line in sorted(lines)]
    rows = await connection.execute(
        _DERIVED,
        {
            "erased": origin.erased,
            "lines": origin.lines,
            "memories": [memory for memory, _ in own],
            "short": [line for _, line in own],
            "stores": [one.store_id for one in changed],
            "lessons": [one.before.id for one in changed],
        },
    )
    found = await rows.fetchall()
    return {version for version, memory_id, content, surely in found if surely or origin.is_in(memory_id, content)}


async def _ended_with(connection: Connection, erased: Collection[str], removed: Sequence[str]) -> set[str]:
    """The versions that say no more than that a memory of the erased sessions is gone: they bear its path."""
    rows = await connection.execute(
        """
        SELECT v.id FROM memory_versions v
        WHERE v.operation = 'deleted' AND v.redacted_at IS NULL AND (v.memory_id = ANY (%(removed)s) OR (
            EXISTS (SELECT FROM memory_versions made WHERE made.memory_id = v.memory_id
                AND made.operation = 'created' AND made.created_by ->> 'session_id' = ANY (%(erased)s))
            AND NOT EXISTS (SELECT FROM memories m WHERE m.id = v.memory_id)))
        """,
        {"removed": list(removed), "erased": list(erased)},
    )
    return {version_id for (version_id,) in await rows.fetchall()}


async def _write(connection: Connection, store_id: str, edits: Sequence[Edit], erasure_id: str, now: datetime) -> None:
    """Write them as one revision; an archived store is closed to everything but this."""
    rows = await connection.execute("SELECT archived_at FROM memory_stores WHERE id = %s FOR UPDATE", [store_id])
    ((archived_at,),) = await rows.fetchall()
    opened = "UPDATE memory_stores SET archived_at = %s WHERE id = %s"
    if archived_at is not None:
        await connection.execute(opened, [None, store_id])
    await apply_edits(connection, store_id, edits, act="write", actor=erasure_id, reason=REASON, now=now)
    if archived_at is not None:
        await connection.execute(opened, [archived_at, store_id])
