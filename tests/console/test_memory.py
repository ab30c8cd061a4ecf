"""The pages of memory: documents, whose they are, what changed, and the way back."""

import html
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.lessons.document import lesson_path
from tests.api.conftest import Server
from tests.console.conftest import PHONE, Visitor, browsing, visiting
from tests.console.learned import ATTACK, NOTE, Shape, plant


def said(page: str) -> str:
    """The words of a page, as a reader sees them."""
    return html.unescape(page)


async def test_without_stores_the_page_says_how_to_make_one(visitor: Visitor) -> None:
    assert "reverie memory create" in (await visitor.get("/console/memory")).text


async def test_stores_lead_to_directories_and_directories_to_documents(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    assert learned.store in Shape((await visitor.get("/console/memory")).text).links
    links = Shape((await visitor.get(learned.store)).text).links
    assert f"{learned.store}?path=%2Flessons%2F" in links and f"{learned.store}?path=%2Fnotes%2F" in links
    beneath = Shape((await visitor.get(f"{learned.store}?path=/notes/")).text).links
    assert f"{learned.store}?path=%2Fnotes%2Fhours.md" in beneath
    assert NOTE in (await visitor.get(f"{learned.store}?path=/notes/hours.md")).text


async def test_a_document_is_blamed_on_its_dream_its_lesson_and_the_sessions_it_went_by(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console)
    path = lesson_path(learned.lessons[0])
    page = await visitor.http.get(learned.store, params={"path": path})
    links = Shape(page.text).links
    assert learned.dream in links
    assert f"{learned.lesson()}?store={learned.store_id}" in links
    assert [f"/console/sessions/desk-{n:04d}" in links for n in range(7)] == [True] * 6 + [False]
    assert "intermediate" in page.text


async def test_a_document_can_be_read_as_it_was_and_compared_with_what_it_became(
    console: Server, visitor: Visitor
) -> None:
    learned = await plant(console)
    await write(console, learned.store_id, "/notes/hours.md", "The desk opens at ten.\n")
    then = await visitor.get(f"{learned.store}?path=/notes/hours.md&revision=1")
    assert NOTE in then.text and "This is how it was at revision 1" in then.text
    diff = said((await visitor.get(f"{learned.store}/diff?revision=3&path=/notes/hours.md")).text)
    assert "-The desk opens at nine." in diff and "+The desk opens at ten." in diff
    whole = said((await visitor.get(f"{learned.store}/diff?revision=3&against=0")).text)
    assert "4 documents created, 0 changed, 0 deleted" in whole


async def write(console: Server, store_id: str, path: str, content: str) -> None:
    """Change a document in the name of a key."""
    async with console.client(await console.key()) as client:
        await change(client, store_id, path, content)


async def change(client: AsyncAnthropic, store_id: str, path: str, content: str) -> None:
    """The same by a client."""
    memories: Any = client.beta.memory_stores.memories
    (memory_id,) = [item.id async for item in memories.list(store_id) if item.path == path]
    await memories.update(memory_id, memory_store_id=store_id, content=content)


async def test_going_back_is_shown_before_it_is_done_and_is_in_the_audit_log(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    preview = f"{learned.store}/roll-back?to=1"
    page = said((await visitor.get(preview)).text)
    assert "no documents would come back, 0 would change and 3 would go" in page
    done = await visitor.send(preview, f"{learned.store}/roll-back", to="1", present="2", reason="they were wrong")
    assert "as it was at revision 1; that is revision 3" in said(done.text)
    gone = await visitor.http.get(learned.store, params={"path": lesson_path(learned.lessons[0])})
    assert gone.status_code == 404
    log = said((await visitor.get(f"{learned.store}/revisions")).text)
    assert "back to revision 1: they were wrong" in log and "rollback" in log
    async with console.http(await console.key()) as http:
        audited = (await http.get("/v1/audit_log", params={"action": "memory_stores.revisions.rollback"})).json()
    assert [entry["resource_id"] for entry in audited["data"]] == [learned.store_id]


async def test_what_changed_since_it_was_shown_is_not_undone_unseen(console: Server, visitor: Visitor) -> None:
    learned = await plant(console)
    preview = f"{learned.store}/roll-back?to=1"
    await write(console, learned.store_id, "/notes/hours.md", "new\n")
    refused = await visitor.send(preview, f"{learned.store}/roll-back", to="1", present="2")
    assert "has changed since revision 2" in said(refused.text)
    assert "new" in (await visitor.get(f"{learned.store}?path=/notes/hours.md")).text


async def test_a_key_that_reads_sees_the_preview_and_cannot_go_back(console: Server) -> None:
    learned = await plant(console)
    preview = f"{learned.store}/roll-back?to=1"
    async with visiting(console, "read") as reader:
        assert "Your key may look and not change" in (await reader.get(preview)).text
        assert "Go back" not in (await reader.get(learned.store)).text
        refused = await reader.send(preview, f"{learned.store}/roll-back", to="1", present="2")
        assert "needs role write" in said(refused.text) or "role" in said(refused.text)
        assert (
            await reader.http.get(learned.store, params={"path": lesson_path(learned.lessons[0])})
        ).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("?path=/none", 404), ("/diff?revision=9", 404), ("/diff?revision=x", 400), ("/diff", 400), ("/roll-back", 400)],
)
async def test_what_is_not_there_or_is_no_number_is_said_so(
    console: Server, visitor: Visitor, path: str, status: int
) -> None:
    learned = await plant(console)
    assert (await visitor.get(f"{learned.store}{path}")).status_code == status


async def test_a_large_directory_is_paged(console: Server, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.console.pages.memory.PAGE", 1)
    learned = await plant(console)
    first = Shape((await visitor.get(learned.store)).text).links
    (further,) = [link for link in first if "page=" in link]
    second = Shape((await visitor.get(further)).text).links
    assert [f"{learned.store}?path=%2Fnotes%2F" in links for links in (first, second)] == [False, True]


async def test_hostile_documents_names_and_reasons_are_shown_and_never_run(console: Server, visitor: Visitor) -> None:
    learned = await plant(console, ATTACK)
    for path in ("", "?path=/notes/hours.md", "/revisions", "/diff?revision=2", "/diff?revision=1", "/roll-back?to=0"):
        page = await visitor.get(f"{learned.store}{path}")
        assert (page.status_code, "alert(1)" in page.text) == (200, True)
        Shape(page.text).check()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_pages_of_memory_are_without_fault_at_every_size(console: Server, dark: bool) -> None:
    learned = await plant(console, "漢字" * 40 + "Donaudampfschifffahrtsgesellschaft" * 15)
    async with browsing(console, dark=dark) as screen:
        if dark:
            await screen.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        for path in ("", "?path=/notes/hours.md", "/revisions", "/diff?revision=2", "/roll-back?to=1"):
            await screen.open(f"{learned.store}{path}")
            await screen.check()
