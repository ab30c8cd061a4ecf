"""Labelling in the console: the next session, answered, skipped, taken back, by keyboard too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reverie import AsyncClient
from tests.api.conftest import Server
from tests.console.conftest import DESKTOP, PHONE, Visitor, browsing, visiting
from tests.console.seeded import GERMAN_CHAT, HOSTILE_CHAT, Seeded, chat, import_chats

ASKED = "/console/labels?metric=reward"


@pytest_asyncio.fixture
async def seeded(console: Server, tmp_path: Path) -> AsyncIterator[Seeded]:
    """Three sessions without scores."""
    ids = await import_chats(console, tmp_path, (HOSTILE_CHAT, GERMAN_CHAT, chat("hello")))
    async with AsyncClient(console.url, await console.key()) as client:
        yield Seeded(console, client, ids)


@pytest_asyncio.fixture
async def writer(seeded: Seeded) -> AsyncIterator[Visitor]:
    """A visitor whose key may write."""
    async with visiting(seeded.console, "write") as visitor:
        yield visitor


async def asked_for(seeded: Seeded) -> str:
    """The session that is to be scored now."""
    task = await seeded.client.next_label_task()
    assert task.session_id is not None
    return task.session_id


async def test_a_session_is_shown_without_its_agent_and_escaped(writer: Visitor) -> None:
    text = (await writer.get(ASKED)).text
    assert "0 skipped, 3 sessions left" in text
    assert "<script>alert" not in text and "<img src=x" not in text


async def test_an_answer_is_recorded_and_the_next_session_asked_for(seeded: Seeded, writer: Visitor) -> None:
    session_id = await asked_for(seeded)
    shown = await writer.send(ASKED, f"/console/labels/{session_id}", metric="reward", where="", value="1")
    assert "Scored 1." in shown.text and "1 answer, 0 skipped, 2 sessions left" in shown.text
    assert (await seeded.client.scores(session_id)).reward == 1.0
    assert await asked_for(seeded) != session_id


async def test_a_session_is_skipped_and_the_skip_taken_back(seeded: Seeded, writer: Visitor) -> None:
    session_id = await asked_for(seeded)
    path = f"/console/labels/{session_id}"
    skipped = await writer.send(ASKED, path, metric="reward", where="", skip="yes")
    assert "1 skipped" in skipped.text and f'action="{path}/undo"' in skipped.text
    undone = await writer.send(ASKED, f"{path}/undo", metric="reward", where="")
    assert "Taken back" in undone.text and "0 skipped, 3 sessions left" in undone.text


async def test_what_is_no_number_is_said_so(seeded: Seeded, writer: Visitor) -> None:
    session_id = await asked_for(seeded)
    shown = await writer.send(ASKED, f"/console/labels/{session_id}", metric="reward", where="", value="nan")
    assert "is no number" in shown.text and "3 sessions left" in shown.text


async def test_where_every_session_was_asked_for_it_is_said_so(writer: Visitor) -> None:
    shown = await writer.get("/console/labels?metric=reward&where=agent+%3D+'nobody'")
    assert "no session without a score" in shown.text


@pytest.mark.usefixtures("seeded")
async def test_a_reader_is_told_to_sign_in_with_another_key(console: Server) -> None:
    async with visiting(console, "read") as reader:
        assert "Your key may read alone" in (await reader.get(ASKED)).text


async def test_sessions_are_scored_by_keyboard(seeded: Seeded) -> None:
    first = await asked_for(seeded)
    async with browsing(seeded.console) as screen:
        await screen.open("/console/labels")
        await screen.check()
        await screen.page.get_by_role("button", name="Begin").click()
        await screen.page.get_by_role("button", name="Good: 1").wait_for()
        await screen.page.keyboard.press("n")
        await screen.page.get_by_text("Scored 0.").wait_for()
        assert (await seeded.client.scores(first)).reward == 0.0
        await screen.page.keyboard.press("u")
        await screen.page.get_by_text("Taken back").wait_for()
        assert (await seeded.client.scores(first)).reward is None


@pytest.mark.parametrize("look", ["desktop", "phone", "dark"])
async def test_the_pages_are_without_fault(seeded: Seeded, look: str) -> None:
    async with browsing(seeded.console, dark=look == "dark") as screen:
        await screen.page.set_viewport_size(PHONE if look == "phone" else DESKTOP)  # type: ignore[arg-type]
        for _ in seeded.ids:
            await screen.open(ASKED)
            await screen.check()
            await screen.page.get_by_role("button", name="Skip").click()
            await screen.page.get_by_text("Skipped.").wait_for()
        await screen.check()
