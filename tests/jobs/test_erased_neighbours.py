"""What only looks like an erased session's stays, with its history: longer ids, lines that many lessons say."""

import msgspec
import pytest_asyncio

from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Effect, Evidence, Example, Lesson, Scope
from reverie.memory.memory import Edit
from reverie.storage.memory.memories import apply_edits
from reverie.storage.postgres.database import Database
from tests.jobs.test_erased_notes import NOW, Desk, desk
from tests.jobs.tried import insert_session

__all__ = ["desk"]
QUOTED = 'ask({"drawer": "the one of writer one"})'
COMMON = Lesson(
    id="lsn_000000000000000000000001",
    kind="best_practice",
    scope=Scope(),
    behaviour="start | call:verify",
    effect=Effect(0.2, 0.1, 0.3),
    q_value=0.0001,
    strata_informative=4,
    sessions_with=20,
    sessions_without=20,
    evidence=(Evidence("writer-1", "e1"), Evidence("writer-7", "e7")),
    status="adopted",
    reason="found (q < 0.001) and confirmed on other sessions (q < 0.001)",
    do="call `verify`",
    examples=(Example("writer-1", "e1", QUOTED),),
    shadows=("start | then:lookup→noise_tool",),
)


def other_lesson(number: int, *cited: str) -> Lesson:
    """A lesson of the same numbers that rests on other sessions."""
    return msgspec.structs.replace(
        COMMON,
        id=f"lsn_{number:024}",
        behaviour=f"start | call:tool{number}",
        do=f"call `tool{number}`",
        evidence=tuple(Evidence(each, f"e-{each}") for each in cited),
        examples=(),
    )


async def learn(desk: Desk, *lessons: Lesson) -> None:
    """Keep lessons with their documents."""
    async with desk.database.connection() as connection:
        for lesson in lessons:
            await connection.execute(
                "INSERT INTO lessons (memory_store_id, id, status, kind, lesson) VALUES (%s, %s, %s, %s, %s::jsonb)",
                [desk.store_id, lesson.id, lesson.status, lesson.kind, msgspec.json.encode(lesson).decode()],
            )
        edits = [Edit(lesson_path(one), lesson_document(one), "found", lesson_id=one.id) for one in lessons]
        await apply_edits(connection, desk.store_id, edits, act="dream", actor="drm_1", reason="a dream", now=desk.now)


async def redacted_paths(database: Database) -> set[str]:
    """Of documents with a version that is redacted."""
    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT DISTINCT m.path FROM memories m JOIN memory_versions v ON v.memory_id = m.id"
            " WHERE v.redacted_at IS NOT NULL"
        )
        return {path for (path,) in await rows.fetchall()}


@pytest_asyncio.fixture
async def writers(desk: Desk) -> Desk:
    """A desk with writers whose ids begin alike."""
    async with desk.database.connection() as connection:
        for name in ("writer-1", "writer-7", "writer-101", "writer-1.b", "a:writer-1", "writer-1/2"):
            await insert_session(connection, name, "writer", None, NOW)
    return desk


async def test_ids_that_hold_the_erased_one_are_other_ids(writers: Desk) -> None:
    other = other_lesson(2, "writer-101", "writer-1.b", "a:writer-1", "writer-1/2")
    await learn(writers, COMMON, other)
    note = "Seen in writer-101, writer-1.b, a:writer-1 and writer-1/2.\n"
    await writers.write("/seen.md", note)
    await writers.write("/named.md", "Keep this line of the note.\n\nAs writer-1: the door sticks.\n\nAnd this.\n")
    report = await writers.erase("writer-1")
    left = await writers.contents()
    assert left[lesson_path(other)] == lesson_document(other)
    assert left["/seen.md"] == note
    assert left["/named.md"] == "Keep this line of the note.\n\nAnd this.\n"
    assert await redacted_paths(writers.database) == {lesson_path(COMMON), "/named.md"}
    assert (len(report.memories_changed), len(report.versions_redacted)) == (2, 2)


async def test_lines_that_every_lesson_says_stay_in_what_does_not_come_from_the_session(writers: Desk) -> None:
    other = other_lesson(2, "writer-7")
    await learn(writers, COMMON, other)
    copied = lesson_document(other_lesson(3, "writer-7")).replace("# Call", "# I say: call")
    await writers.write("/mine.md", copied)
    await writers.write("/table.md", "| --- | --- |\n| a | b |\n\n- `start | then:lookup→noise_tool`\n")
    before = await writers.contents()
    await writers.erase("writer-1", "writer-7")
    left = await writers.contents()
    assert left["/table.md"] == before["/table.md"]
    assert left["/mine.md"] == copied.replace("- session `writer-7`, event `e-writer-7`\n\n", "")
    assert await redacted_paths(writers.database) == {"/mine.md"}


async def test_a_session_that_noted_what_a_lesson_says_takes_no_line_of_the_lesson_along(writers: Desk) -> None:
    other = other_lesson(2, "writer-7")
    await writers.write(
        "/note.md", f"{lesson_document(other)}\nWhat I think of it is mine.\n\n------------\n", "writer-1"
    )
    await writers.write("/rules.md", "One\n\n------------\n\nTwo\n")
    await learn(writers, other)
    await writers.erase("writer-1")
    assert await writers.contents() == {
        lesson_path(other): lesson_document(other),
        "/rules.md": "One\n\n------------\n\nTwo\n",
    }
    assert await redacted_paths(writers.database) == set()


async def test_what_a_lesson_quotes_of_the_session_is_cut_wherever_it_was_copied(writers: Desk) -> None:
    worded = msgspec.structs.replace(COMMON, words="Ask for the drawer of writer one before all else")
    await learn(writers, worded)
    await writers.write("/copy.md", f"First.\n\n{worded.words}, they say.\n\nLike so: {QUOTED}\n\nLast.\n")
    await writers.erase("writer-1")
    assert (await writers.contents())["/copy.md"] == "First.\n\nLast.\n"
