"""Pages of every list."""

from typing import Any

import pytest
from anthropic import BadRequestError

from tests.conformance.lists import LISTS, items
from tests.conformance.sdk_methods import sdk_methods
from tests.conformance.world import World

NAMES = list(LISTS)


def test_every_list_of_the_sdk_is_here() -> None:
    lists = {method.removesuffix(".list") for method in sdk_methods() if method.endswith(".list")}
    # A thread's events are the session's, seen from one thread.
    assert set(LISTS) == lists - {"sessions.threads.events"}


async def parent_of(world: World, name: str) -> str:
    parent = LISTS[name].parent
    return "" if parent is None else await parent(world)


@pytest.mark.parametrize("name", NAMES)
async def test_every_list_pages_through_all_items_once(name: str, world: World) -> None:
    """Every list autopaginates; 1.5: ``next_page`` is null on the last page."""
    parent = await parent_of(world, name)
    for _ in range(3):
        await LISTS[name].make(world, parent)
    whole = [key(item) async for item in items(world, name, parent)]
    by_one = [key(item) async for item in items(world, name, parent, limit=1)]
    by_two = [key(item) async for item in items(world, name, parent, limit=2)]
    assert len(set(whole)) == len(whole) >= 3
    assert whole == by_one == by_two


def key(item: Any) -> str:
    return f"{item.id} {getattr(item, 'version', '')}"


@pytest.mark.parametrize("name", NAMES)
async def test_limits_out_of_range_are_refused(name: str, world: World) -> None:
    """A limit above the list's largest is a 400, and so is one below 1."""
    parent = await parent_of(world, name)
    await page(world, name, parent, limit=LISTS[name].most)
    for limit in (0, -1, LISTS[name].most + 1):
        with pytest.raises(BadRequestError):
            await page(world, name, parent, limit=limit)


@pytest.mark.parametrize("name", NAMES)
async def test_cursors_that_no_answer_gave_are_refused(name: str, world: World) -> None:
    """Bad cursors are 400."""
    parent = await parent_of(world, name)
    for cursor in ("nonsense", "page_", "page_AAAA", "page_kqA", "page_ü"):
        with pytest.raises(BadRequestError):
            await page(world, name, parent, page=cursor)


async def page(world: World, name: str, parent: str, **query: Any) -> Any:
    paginator: Any = items(world, name, parent, **query)
    return await paginator
