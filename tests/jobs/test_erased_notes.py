"""What sessions wrote into memory goes with them, wherever it was carried; what others wrote stays."""

from datetime import UTC, datetime, timedelta

import pytest_asyncio

from reverie.clock import ManualClock
from reverie.jobs.erasure import erase
from reverie.memory.memory import Edit
from reverie.storage.erasure.report import ErasureReport, ErasureRequest
from reverie.storage.memory.clone import clone_store
from reverie.storage.memory.memories import apply_edits, list_memories
from reverie.storage.memory.stores import archive_store, create_store
from reverie.storage.postgres.database import Database
from reverie.storage.service.verification import verify_history
from reverie.storage.sessions.pulled import write_marks
from tests.jobs.erased import tables_that_say
from tests.jobs.tried import insert_session

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
ANNAS = "The blue key of Anna lies under the third stone."
OTHERS = "The shop opens at nine o'clock on weekdays."
ACTOR = {"type": "system", "name": "test"}


class Desk:
    """A store that sessions and people write to, a minute apart."""

    def __init__(self, database: Database) -> None:
        self.database, self.now, self.store_id = database, NOW, ""

    async def write(self, path: str, content: str | None, session_id: str | None = None) -> None:
        """Write a memory, as a session or as a person."""
        self.now += timedelta(minutes=1)
        writer = {"type": "session_actor", "session_id": session_id} if session_id else None
        async with self.database.connection() as connection:
            await apply_edits(
                connection,
                self.store_id,
                [Edit(path, content, "said so")],
                act="write",
                actor=session_id or "user",
                reason="said so",
                created_by=writer,
                now=self.now,
            )

    async def erase(self, *session_ids: str) -> ErasureReport:
        """Erase sessions."""
        done = await erase(self.database, ErasureRequest(session_ids), ACTOR, ManualClock(self.now))
        assert done.report is not None
        return done.report

    async def contents(self, store: str = "") -> dict[str, str | None]:
        """The store's documents by path."""
        async with self.database.connection() as connection:
            found = await list_memories(connection, store or self.store_id, with_content=True)
        return {memory.path: memory.content for memory in found}


@pytest_asyncio.fixture
async def desk(database: Database) -> Desk:
    """An empty store, and two sessions."""
    made = Desk(database)
    async with database.connection() as connection:
        made.store_id = (await create_store(connection, "desk", "", {}, NOW)).id
        for name in ("sesn_anna", "sesn_bert"):
            await insert_session(connection, name, "clerk", None, NOW)
    return made


async def test_a_note_that_an_erased_session_wrote_is_gone_with_its_path_and_its_versions(desk: Desk) -> None:
    await desk.write("/keys-of-anna.md", f"# Keys\n\n{ANNAS}\n", "sesn_anna")
    await desk.write("/hours.md", OTHERS, "sesn_bert")
    report = await desk.erase("sesn_anna")
    assert await desk.contents() == {"/hours.md": OTHERS}
    assert (len(report.memories_removed), report.memories_changed) == (1, ())
    for text in (ANNAS, "keys-of-anna", "blue", "third stone"):
        assert tables_that_say(desk.database.url, text) == {}, text


async def test_lines_that_others_wrote_into_the_same_note_stay(desk: Desk) -> None:
    await desk.write("/notes.md", f"{OTHERS}\n", "sesn_bert")
    await desk.write("/notes.md", f"{OTHERS}\n{ANNAS}\n- ok\n", "sesn_anna")
    await desk.write("/notes.md", f"{OTHERS}\n{ANNAS}\n- ok\nClosed on Sundays, says the owner.\n")
    report = await desk.erase("sesn_anna")
    assert await desk.contents() == {"/notes.md": f"{OTHERS}\nClosed on Sundays, says the owner.\n"}
    assert len(report.memories_changed) == 1
    assert tables_that_say(desk.database.url, ANNAS) == {}


async def test_what_was_merged_or_cloned_elsewhere_is_found_by_its_lines(desk: Desk) -> None:
    await desk.write("/a.md", f"{ANNAS}\n", "sesn_anna")
    await desk.write("/b.md", f"{OTHERS}\n- {ANNAS}\n")
    await desk.write("/a.md", None)
    async with desk.database.connection() as connection:
        await clone_store(connection, desk.store_id, "memstore_clone", "drm_1", None, desk.now)
        await archive_store(connection, "memstore_clone", desk.now)
    await desk.erase("sesn_anna")
    for store in ("", "memstore_clone"):
        assert await desk.contents(store) == {"/b.md": f"{OTHERS}\n"}
    assert tables_that_say(desk.database.url, ANNAS) == {}


async def test_a_session_that_repeats_what_was_there_takes_nothing_of_it_along(desk: Desk) -> None:
    await desk.write("/hours.md", f"{OTHERS}\n")
    await desk.write("/copy.md", f"{OTHERS}\n{ANNAS}\n", "sesn_anna")
    await desk.erase("sesn_anna")
    assert (await desk.contents())["/hours.md"] == f"{OTHERS}\n"
    assert tables_that_say(desk.database.url, ANNAS) == {}


async def test_the_history_is_verified_after_an_erasure_and_what_was_brought_stays_marked(desk: Desk) -> None:
    await desk.write("/a.md", f"{ANNAS}\n", "sesn_anna")
    async with desk.database.connection() as connection:
        await write_marks(connection, "pull", "place", {"sesn_anna": "1"}, NOW)
    await desk.erase("sesn_anna")
    found = await verify_history(desk.database, {}, None)
    assert (found.clean, len(found.findings)) == (True, 0)
    assert set(tables_that_say(desk.database.url, "sesn_anna")) == {
        *("public.pulled", "public.erasures", "public.memory_versions", "public.store_revisions")
    }


async def test_erasing_again_changes_nothing_more(desk: Desk) -> None:
    await desk.write("/notes.md", f"{OTHERS}\n", "sesn_bert")
    await desk.write("/notes.md", f"{OTHERS}\n{ANNAS}\n", "sesn_anna")
    await desk.erase("sesn_anna")
    again = await desk.erase("sesn_anna")
    assert (again.sessions, again.memories_changed, again.versions_redacted) == ((), (), ())
    assert await desk.contents() == {"/notes.md": f"{OTHERS}\n"}
