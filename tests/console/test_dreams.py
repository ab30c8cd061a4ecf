"""The pages of dreams: asked for, watched, read, decided."""

import html
from pathlib import Path

import pytest

from tests.api.conftest import Server
from tests.api.dream_desk import fill_desk, slot_taken
from tests.console.conftest import PHONE, Visitor, browsing, visiting
from tests.console.learned import ATTACK, Learned, Shape, plant


def said(page: str) -> str:
    """The words of a page, as a reader sees them."""
    return html.unescape(page)


async def test_before_the_first_dream_the_page_says_what_is_needed(visitor: Visitor) -> None:
    assert "reverie memory create" in (await visitor.get("/console/dreams")).text


async def test_dreams_are_listed_with_their_sessions_lessons_and_cost(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    page = (await visitor.get("/console/dreams")).text
    assert learned.dream in Shape(page).links
    assert "2,000" in page and "3 adopted, 1 candidates" in page and "no model" in page
    other = (await visitor.get("/console/dreams?store=memstore_none")).text
    assert learned.dream not in Shape(other).links


async def test_a_dream_is_estimated_begun_watched_and_canceled_by_forms(
    console: Server, visitor: Visitor, tmp_path: Path
) -> None:
    store = await fill_desk(console.service.database, console.service.settings, tmp_path)
    form = {"store": store, "where": "reward > 0.5", "output": "store", "instructions": "Mind the hours."}
    with slot_taken(console.service.database.url, store):
        told = said((await visitor.send("/console/dreams", "/console/dreams", act="estimate", **form)).text)
        assert "It would read" in told and "reward > 0.5" in told and "ask no model" in told
        begun = await visitor.send("/console/dreams", "/console/dreams", act="begin", **form)
        assert "The dream has been asked for" in begun.text and "It waits for its turn" in begun.text
        dream = begun.url.path
        piece = await visitor.http.get(f"{dream}/progress", headers={"hx-request": "true"})
        assert "every 2s" in piece.text and "<nav" not in piece.text and "hx-refresh" not in piece.headers
        canceled = await visitor.send(dream, f"{dream}/cancel")
        assert "canceled" in canceled.text
        ended = await visitor.http.get(f"{dream}/progress", headers={"hx-request": "true"})
        assert ended.headers["hx-refresh"] == "true"
    assert "Mind the hours." in canceled.text


async def test_an_expression_that_is_none_goes_back_to_the_form_with_the_reason(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console)
    form = {"store": learned.store_id, "where": "reward >", "output": "store", "act": "begin"}
    refused = await visitor.send("/console/dreams", "/console/dreams", **form)
    assert refused.url.path == "/console/dreams" and 'role="alert"' in refused.text


async def test_a_completed_dream_tells_what_it_found_and_changed(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    page = (await visitor.get(learned.dream)).text
    links = Shape(page).links
    assert [f"{learned.lesson(n)}?store={learned.store_id}" in links for n in range(5)] == [True] * 4 + [False]
    assert f"{learned.store}/roll-back?to=1" in links
    assert f"{learned.store}/diff?revision=2" in links
    assert "the placebo found no lessons in 20 runs" in page


async def test_the_report_is_framed_with_a_policy_of_its_own_and_without_scripts(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console, ATTACK)
    page = (await visitor.get(learned.dream)).text
    assert f'<iframe class="report" sandbox title="The report of this dream" src="{learned.dream}/report"' in page
    report = await visitor.get(f"{learned.dream}/report")
    policy = report.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox;" in policy and "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    shape = Shape(report.text)
    assert (shape.scripts, shape.handlers) == ([], [])


async def start_trial(console: Server, learned: Learned) -> str:
    """Begin a trial of the candidate as if its dream had; the trial's id."""
    async with console.http(await console.key()) as http:
        path = f"/v1/memory_stores/{learned.store_id}/policy"
        await http.post(path, json={"policy": {"live": {"mode": "ask"}}})
        body = {"memory_store_id": learned.store_id, "lesson_id": learned.lessons[3].id}
        trial = str((await http.post("/v1/trials", json=body)).json()["id"])
    async with console.service.database.connection() as connection:
        await connection.execute("UPDATE trials SET batch = %s WHERE id = %s", [learned.dream_id, trial])
    return trial


@pytest.mark.parametrize(
    ("act", "state", "words", "documents"),
    [("adopt", "ended", "accepted", 4), ("reject", "rejected", "rejected", 3)],
)
async def test_what_is_tried_before_it_is_kept_is_accepted_or_rejected_on_the_dream_s_page(
    console: Server, visitor: Visitor, act: str, state: str, words: str, documents: int
) -> None:
    learned = await plant(console)
    trial = await start_trial(console, learned)
    page = (await visitor.get(learned.dream)).text
    assert "Accept" in page and "Reject" in page and f"/console/trials/{trial}" in page
    done = await visitor.send(learned.dream, f"{learned.dream}/decide", trial=trial, act=act)
    assert f": {words}." in done.text and "Accept" not in done.text
    assert await lesson_documents(console, learned.store_id) == documents
    async with console.http(await console.key()) as http:
        assert (await http.get(f"/v1/trials/{trial}")).json()["state"] == state
    assert "Take the decision back" in done.text
    back = await visitor.send(learned.dream, f"{learned.dream}/decide", trial=trial, act="undo")
    assert "decision taken back" in back.text and "Take the decision back" not in back.text
    assert await lesson_documents(console, learned.store_id) == 3


async def lesson_documents(console: Server, store_id: str) -> int:
    """How many lessons a store has as documents."""
    async with console.http(await console.key()) as http:
        path = f"/v1/memory_stores/{store_id}/memories"
        return len((await http.get(path, params={"path_prefix": "/lessons/"})).json()["data"])


async def test_a_key_that_reads_sees_everything_and_changes_nothing(console: Server) -> None:
    learned = await plant(console)
    trial = await start_trial(console, learned)
    async with visiting(console, "read") as reader:
        page = (await reader.get(learned.dream)).text
        assert [word in page for word in ("Accept", "Archive", "Undo all of it")] == [False] * 3
        assert "Begin a dream" not in (await reader.get("/console/dreams")).text
        for path, form in (
            ("/console/dreams", {"act": "begin", "store": learned.store_id}),
            (f"{learned.dream}/decide", {"trial": trial, "act": "adopt"}),
            (f"{learned.dream}/archive", {}),
            (f"{learned.dream}/cancel", {}),
        ):
            assert "role" in (await reader.send(learned.dream, path, **form)).text, path
    async with console.http(await console.key()) as http:
        assert (await http.get(f"/v1/trials/{trial}")).json()["state"] == "trial"


async def test_a_dream_that_has_ended_can_be_archived(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    done = await visitor.send(learned.dream, f"{learned.dream}/archive")
    assert "is archived" in done.text and learned.dream not in Shape(done.text).links
    assert "archived" in (await visitor.get(learned.dream)).text


async def test_what_is_not_there_is_not_found(visitor: Visitor) -> None:
    for path in ("drm_none", "drm_none/report", "drm_none/progress"):
        assert (await visitor.get(f"/console/dreams/{path}")).status_code == 404, path


async def test_hostile_words_of_dreams_are_shown_and_never_run(console: Server, visitor: Visitor) -> None:
    learned = await plant(console, ATTACK)
    for path in ("/console/dreams", learned.dream):
        page = await visitor.get(path)
        assert (page.status_code, "alert(1)" in page.text) == (200, True)
        Shape(page.text).check()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_pages_of_dreams_are_without_fault_at_every_size(console: Server, dark: bool) -> None:
    learned = await plant(console, "漢字" * 40 + "Donaudampfschifffahrtsgesellschaft" * 15)
    await start_trial(console, learned)
    async with browsing(console, dark=dark) as screen:
        if dark:
            await screen.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        for path in ("/console/dreams", learned.dream):
            await screen.open(path)
            await screen.check()
        await screen.page.locator("iframe").scroll_into_view_if_needed()
        await screen.page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
        await screen.check()
