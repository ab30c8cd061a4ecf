"""Sessions in the console: found, read, live, scored."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from reverie import AsyncClient
from reverie.api.routes.session_events import _event_types
from reverie.console.pages.session import STREAMED
from tests.api.conftest import Server
from tests.console.conftest import DESKTOP, PHONE, Visitor, browsing, visiting
from tests.console.seeded import (
    CHINESE,
    GERMAN_CHAT,
    HOSTILE,
    HOSTILE_CHAT,
    Seeded,
    import_chats,
    live_session,
    long_chat,
    said,
)

CHATS = (HOSTILE_CHAT, GERMAN_CHAT, long_chat(160, errors=(20, 140)))
LIST = "/console/sessions"


@pytest_asyncio.fixture
async def seeded(console: Server, tmp_path: Path) -> AsyncIterator[Seeded]:
    """Three imported sessions, the newest first."""
    ids = await import_chats(console, tmp_path, CHATS)
    async with AsyncClient(console.url, await console.key()) as client:
        yield Seeded(console, client, ids)


@pytest_asyncio.fixture
async def reader(seeded: Seeded) -> AsyncIterator[Visitor]:
    """A visitor whose key may read alone."""
    async with visiting(seeded.console, "read") as visitor:
        yield visitor


async def test_an_empty_list_says_what_to_do(visitor: Visitor) -> None:
    assert "reverie import" in (await visitor.get(LIST)).text


async def test_the_list_is_newest_first_and_escapes_what_sessions_say(seeded: Seeded, reader: Visitor) -> None:
    text = (await reader.get(LIST)).text
    places = [text.index(quote(session_id)) for session_id in seeded.ids]
    assert places == sorted(places)
    assert "<script>alert" not in text and "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text


async def test_an_expression_narrows_the_list(seeded: Seeded, reader: Visitor) -> None:
    text = (await reader.get(f"{LIST}?where=agent+%3D+'desk'")).text
    assert [quote(session_id) in text for session_id in seeded.ids] == [False, True, False]


@pytest.mark.usefixtures("seeded")
async def test_what_is_wrong_with_an_expression_stands_at_its_field(reader: Visitor) -> None:
    answer = await reader.get(f"{LIST}?where=colour+%3D+'<b>'")
    assert answer.status_code == 400
    assert 'aria-describedby="where-problem"' in answer.text
    assert "is not a column" in answer.text and "<b>'" not in answer.text


@pytest.mark.usefixtures("seeded")
async def test_values_of_sessions_are_offered_as_conditions(reader: Visitor) -> None:
    assert '<option value="agent = &#39;desk&#39;">' in (await reader.get(LIST)).text


@pytest.mark.usefixtures("seeded")
async def test_a_view_is_saved_in_the_browser_and_forgotten(reader: Visitor) -> None:
    shown = await reader.send(f"{LIST}?where=events>5", "/console/views", name="<b>long</b>", where="events > 5")
    assert "is saved in this browser" in shown.text
    text = (await reader.get(LIST)).text
    assert "?where=events+%3E+5" in text and "&lt;b&gt;long" in text
    await reader.send(LIST, "/console/views/forget", name="<b>long</b>")
    assert "&lt;b&gt;long" not in (await reader.get(LIST)).text


async def test_a_session_is_read_with_calls_and_results_together(seeded: Seeded, reader: Visitor) -> None:
    text = (await reader.get(f"{LIST}/{seeded.ids[1]}")).text
    assert "agent calls look" in text and CHINESE in text
    assert text.index('id="event-2"') < text.index('class="result') < text.index('id="event-3"')
    assert "result of event" not in text


async def test_nothing_that_a_session_says_is_markup(seeded: Seeded, reader: Visitor) -> None:
    text = (await reader.get(f"{LIST}/{seeded.ids[0]}")).text
    assert "<script>alert" not in text and "<img src=x" not in text and 'href="javascript:' not in text


async def test_a_long_text_is_folded_and_its_end_is_on_a_page_of_its_own(seeded: Seeded, reader: Visitor) -> None:
    session = f"{LIST}/{seeded.ids[0]}"
    text = (await reader.get(session)).text
    assert "<details><summary>Show the other" in text and "line 79" not in text
    assert f"{session}/events/3" in text
    assert "line 79" in (await reader.get(f"{session}/events/3")).text


async def test_a_long_session_is_read_by_ranges(seeded: Seeded, reader: Visitor) -> None:
    session = f"{LIST}/{seeded.ids[2]}"
    first, later = (await reader.get(session)).text, (await reader.get(f"{session}?first=100")).text
    assert 'id="event-99"' in first and 'id="event-100"' not in first
    assert f"{session}?first=100#events" in first
    assert 'id="event-100"' in later and f'{session}#events" rel="prev"' in later
    assert 'id="event-250"' in (await reader.get(f"{session}?event=250")).text


async def test_errors_lead_from_one_to_the_next(seeded: Seeded, reader: Visitor) -> None:
    session = f"{LIST}/{seeded.ids[2]}"
    text = (await reader.get(session)).text
    assert f'<a href="{session}?event=42#event-42">Next error' in text
    assert f'<a class="aside" href="{session}?event=282#event-282">next error' in text


async def test_threads_are_read_apart_and_together(seeded: Seeded, reader: Visitor) -> None:
    async with seeded.console.service.database.connection() as connection:
        await connection.execute(
            "INSERT INTO events (session_key, sequence, thread_id, type, payload)"
            " SELECT key, event_count, %s, 'agent.message', %s::jsonb FROM sessions WHERE id = %s",
            [HOSTILE, '{"content": [{"type": "text", "text": "from the side"}]}', seeded.ids[1]],
        )
        await connection.execute("UPDATE sessions SET event_count = event_count + 1 WHERE id = %s", [seeded.ids[1]])
    session = f"{LIST}/{seeded.ids[1]}"
    every, side = (await reader.get(session)).text, (await reader.get(f"{session}?thread={quote(HOSTILE)}")).text
    primary = (await reader.get(f"{session}?thread=primary")).text
    assert [("from the side" in text, CHINESE in text) for text in (every, side, primary)] == [
        (True, True),
        (True, False),
        (False, True),
    ]
    assert 'aria-label="Threads"' in every and "<img src=x" not in every and "<img src=x" not in side


@pytest.mark.parametrize("query", ["first=-1", "event=x", "first=99999999999"])
async def test_a_place_that_is_none_is_refused(seeded: Seeded, reader: Visitor, query: str) -> None:
    assert (await reader.get(f"{LIST}/{seeded.ids[2]}?{query}")).status_code == 400


async def test_a_session_that_is_not_there_is_not_found(reader: Visitor) -> None:
    assert (await reader.get(f"{LIST}/nobody")).status_code == 404
    assert (await reader.get(f"{LIST}/nobody/stream")).status_code == 404


async def test_a_person_scores_a_session(seeded: Seeded) -> None:
    session = f"{LIST}/{seeded.ids[1]}"
    async with visiting(seeded.console, "write") as writer:
        shown = await writer.send(session, f"{session}/score", metric="resolved", value="0,5")
        assert "the session has a reward of 0.50" in shown.text
        wrong = await writer.send(session, f"{session}/score", metric="resolved", value="much")
        assert "is no number" in wrong.text
    (score,) = (await seeded.client.session_facts(seeded.ids[1])).scores
    assert (score.metric, score.value, score.source) == ("resolved", 0.5, "person")


async def test_a_reader_s_key_does_not_score(seeded: Seeded, reader: Visitor) -> None:
    session = f"{LIST}/{seeded.ids[1]}"
    assert 'action="' + session + '/score"' not in (await reader.get(session)).text
    told = await reader.send(session, f"{session}/score", metric="resolved", value="1")
    assert "notice error" in told.text
    assert (await seeded.client.session_facts(seeded.ids[1])).scores == ()


def test_a_browser_listens_to_every_message_of_a_session_s_stream() -> None:
    assert set(STREAMED) == {name for name in _event_types() if not name.startswith("workflow_run.")}


@pytest.mark.parametrize("look", ["desktop", "phone", "dark"])
async def test_the_pages_are_without_fault(seeded: Seeded, look: str) -> None:
    async with browsing(seeded.console, dark=look == "dark") as screen:
        await screen.page.set_viewport_size(PHONE if look == "phone" else DESKTOP)  # type: ignore[arg-type]
        for path in (LIST, f"{LIST}?where=colour", *(f"{LIST}/{session_id}" for session_id in seeded.ids)):
            answer = await screen.page.goto(f"{screen.url}{path}")
            assert answer is not None
            screen.said[:] = [line for line in screen.said if answer.status != 400 or "status of 400" not in line]
            await screen.check()


async def test_new_events_of_a_live_session_come_by_themselves(seeded: Seeded) -> None:
    session_id = await live_session(seeded.client)
    async with browsing(seeded.console) as screen:
        await screen.open(f"{LIST}/{session_id}")
        await seeded.client.record(session_id, [said("first words")])
        await screen.page.get_by_text("first words").wait_for()
        await seeded.client.record(session_id, [said("second words")])
        await screen.page.get_by_text("second words").wait_for()
        assert await screen.page.get_by_text("first words").count() == 1
        await screen.check()


async def test_a_link_to_an_event_far_down_leads_to_its_range(seeded: Seeded) -> None:
    async with browsing(seeded.console) as screen:
        await screen.open(f"{LIST}/{seeded.ids[2]}#event-250")
        await screen.page.locator("#event-250").wait_for()
        await screen.check()


async def test_conditions_are_offered_behind_what_is_written(seeded: Seeded) -> None:
    async with browsing(seeded.console) as screen:
        await screen.open(LIST)
        await screen.page.get_by_label("Which sessions?").fill("events > 1 and ")
        await screen.page.locator("option[value=\"events > 1 and agent = 'desk'\"]").wait_for(state="attached")
