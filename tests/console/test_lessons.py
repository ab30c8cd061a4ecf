"""The pages of lessons: what is said, to whom, and that nothing in it runs."""

import pytest

from tests.api.conftest import Server
from tests.console.conftest import PHONE, Visitor, browsing, visiting
from tests.console.learned import ATTACK, Shape, plant


async def test_without_lessons_the_page_says_where_they_come_from(visitor: Visitor) -> None:
    page = await visitor.get("/console/lessons")
    assert (page.status_code, "reverie dream" in page.text) == (200, True)


async def test_lessons_are_listed_with_what_holds_first_and_chosen_by_status_kind_agent_and_store(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console)
    page = (await visitor.get("/console/lessons")).text
    places = [page.index(lesson.id) for lesson in learned.lessons]
    assert places == sorted(places)
    for query, shown in (
        ("status=candidate", [3]),
        ("kind=failure_mitigation", [1]),
        (f"store={learned.store_id}&status=refused", [4]),
        ("store=memstore_none", []),
        ("agent=another", []),
    ):
        chosen = (await visitor.get(f"/console/lessons?{query}")).text
        assert [n for n, lesson in enumerate(learned.lessons) if lesson.id in chosen] == shown, query
    assert "No lesson is like that" in chosen
    assert (await visitor.get("/console/lessons?status=rumour")).status_code == 400


async def test_a_long_list_of_lessons_is_paged_by_links_that_keep_what_was_chosen(
    console: Server, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.console.pages.lessons.PAGE", 2)
    learned = await plant(console)
    seen, path = [], "/console/lessons?kind=best_practice"
    while path:
        page = (await visitor.get(path)).text
        seen += [lesson.id for lesson in learned.lessons if lesson.id in page]
        links = [link for link in Shape(page).links if "page=" in link]
        path = links[0] if links else ""
    assert seen == [lesson.id for lesson in learned.lessons if lesson.kind == "best_practice"]


async def test_a_lesson_s_page_has_the_advice_the_numbers_both_sides_and_the_history(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console)
    page = (await visitor.get(learned.lesson())).text
    assert "before the first <code>issue_refund</code>" in page
    assert "+0.19" in page and "+0.08 to +0.30" in page and "Pooled, without regard to the task" in page
    assert "no lessons in 20 runs" in page
    assert "Effect" in page and "<svg" in page
    links = Shape(page).links
    assert "/console/sessions/desk-0000?event=11#event-11" in links, "the deciding moment"
    assert "/console/sessions/desk-0006?event=11#event-11" in links, "the other side"
    assert f"{learned.store}?path=%2Flessons%2Fbest-practices%2F" in page
    assert f"{learned.store}/diff?revision=2" in links
    assert learned.dream in links
    assert "a dream found it adopted" in page and "its document was written" in page


async def test_what_would_change_a_lesson_is_a_piece_of_its_own_that_needs_no_script(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console)
    whole = await visitor.get(f"{learned.lesson()}/evidence?store={learned.store_id}")
    assert "with=evidence" in str(whole.url)
    assert "What would change this" in whole.text and "crosses 0" in whole.text and "<nav" in whole.text
    piece = await visitor.http.get(f"{learned.lesson()}/evidence", headers={"hx-request": "true"})
    assert "What would change this" in piece.text and "<nav" not in piece.text


async def test_a_candidate_is_tried_live_by_an_admin_and_by_nobody_else(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    candidate = learned.lesson(3)
    async with visiting(console, "write") as writer:
        assert "Try it live" not in (await writer.get(candidate)).text
        refused = await writer.send(candidate, f"{candidate}/try", store=learned.store_id)
        assert "role" in refused.text
    await visitor.http.post("/console/sign-out")
    async with visiting(console) as admin:
        page = (await admin.get(candidate)).text
        assert "Try it live" in page
        await admin.send(candidate, f"{candidate}/try", store=learned.store_id)
        told = (await admin.get(candidate)).text
        assert "a live trial began" in told or "live trials are off" in told


async def test_what_is_not_there_is_not_found(visitor: Visitor) -> None:
    assert (await visitor.get("/console/lessons/lsn_none")).status_code == 404


@pytest.mark.parametrize("role", ["read", "admin"])
async def test_hostile_words_are_shown_and_never_run(console: Server, role: str) -> None:
    learned = await plant(console, ATTACK)
    async with visiting(console, role) as visitor:  # type: ignore[arg-type]
        for path in ("/console/lessons", learned.lesson(), f"{learned.lesson(3)}?with=evidence"):
            page = await visitor.get(path)
            assert (page.status_code, "alert(1)" in page.text, "49" in page.text.split("{{ 7")[0][-3:]) == (
                200,
                True,
                False,
            )
            Shape(page.text).check()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_pages_of_lessons_are_without_fault_at_every_size(console: Server, dark: bool) -> None:
    learned = await plant(console, "漢字" * 40 + "Donaudampfschifffahrtsgesellschaft" * 15)
    async with browsing(console, dark=dark) as screen:
        for size in (None, PHONE):
            if size:
                await screen.page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in ("/console/lessons", learned.lesson()):
                await screen.open(path)
                await screen.check()
            await screen.page.get_by_role("heading", name="What would change this").wait_for()
            await screen.check()
