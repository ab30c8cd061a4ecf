"""One life in a real browser: sessions come in, a dream is begun, its lesson is read, its document found and undone."""

from pathlib import Path

from reverie import AsyncClient
from tests.api.conftest import Server
from tests.console.conftest import Screen
from tests.dreams.small_desk import small_desk


async def import_desk(console: Server, folder: Path) -> None:
    """Sessions and an empty store come in by the API."""
    async with console.client(await console.key()) as sdk, AsyncClient(sdk=sdk) as client:
        await client.import_sessions(small_desk(folder / "desk.jsonl"))
        await client.beta.memory_stores.create(name="desk")


async def begin_dream(screen: Screen) -> None:
    """Fill in the form, look at the estimate, and begin; the dream's page says of itself when it has completed."""
    page = screen.page
    await screen.open("/console")
    await page.get_by_role("navigation").get_by_role("link", name="Dreams").click()
    await page.get_by_role("button", name="Estimate").click()
    await page.get_by_text("It would read 600 sessions").wait_for()
    await page.get_by_role("button", name="Begin").click()
    await page.get_by_text("The dream has been asked for").wait_for()
    await page.get_by_role("heading", name="What it changed").wait_for()
    await screen.check()
    await page.locator("iframe").scroll_into_view_if_needed()
    await page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()


async def read_lesson(screen: Screen) -> str:
    """From the dream to its lesson, with the sessions that decide; the path of the lesson's document."""
    page = screen.page
    await page.locator("#lessons ~ .card", has_text="adopted").first.get_by_role("link").click()
    await page.get_by_role("heading", name="What would change this").wait_for()
    assert await page.get_by_role("heading", name="Deciding moments").is_visible()
    await page.get_by_text("for it", exact=True).first.wait_for()
    assert await page.get_by_text("a dream found it adopted").is_visible()
    await screen.check()
    link = page.locator("dd a", has_text="/lessons/")
    path = await link.inner_text()
    await link.click()
    return path


async def roll_back(screen: Screen) -> None:
    """From the store to what going back would change, and back."""
    page = screen.page
    await page.get_by_role("link", name="desk", exact=True).click()
    await page.get_by_role("link", name="Go back to before revision 1").click()
    await page.get_by_role("heading", name="Roll back to the empty store?").wait_for()
    await screen.check()
    await page.get_by_label("Why").fill("it was a rehearsal")
    await page.get_by_role("button", name="Roll back").click()
    await page.get_by_text("The store is as it was at revision 0; that is revision 2.").wait_for()


async def test_a_life_from_import_to_lesson_to_roll_back_is_clicked_through(
    console: Server, screen: Screen, tmp_path: Path
) -> None:
    await import_desk(console, tmp_path)
    await begin_dream(screen)
    path = await read_lesson(screen)
    page = screen.page
    await page.get_by_role("heading", name=path).wait_for()
    await page.get_by_role("region", name="The document").get_by_text("What to do").wait_for()
    await roll_back(screen)
    assert await page.get_by_text("There is nothing here").is_visible()
    await page.get_by_text("back to revision 0: it was a rehearsal").wait_for()
    gone = await page.goto(f"{page.url}?path={path}")
    assert gone is not None and gone.status == 404
