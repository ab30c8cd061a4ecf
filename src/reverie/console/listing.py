"""Lists of the API as a page shows them: one page of a list, and the address of the next."""

from typing import TypeVar
from urllib.parse import urlencode

import httpx2
import msgspec

from reverie.api.records import Page, Params
from reverie.console.visit import Visit

Item = TypeVar("Item")


async def read_list(visit: Visit, path: str, item: type[Item], asked: Params) -> Page[Item]:
    """The page of one of our own lists that the visit asks for by ``page``.

    Errors of the API are let through.
    """
    given: dict[str, object] = msgspec.to_builtins(asked)
    words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
    words |= page_asked(visit)
    answer = await visit.client.sdk.get(path, cast_to=httpx2.Response, options={"params": words})
    return msgspec.json.decode(answer.content, type=Page[item])  # type: ignore[valid-type]


def page_asked(visit: Visit) -> dict[str, object]:
    """Of the official client's lists, as ``extra_query``: the page that the visit asks for."""
    return {"page": visit.query["page"]} if visit.query.get("page") else {}


def older(visit: Visit, next_page: str | None) -> str:
    """The address of the page after the one that is shown; empty where that is the last."""
    if next_page is None:
        return ""
    kept = [(name, value) for name, value in visit.query.multi_items() if name != "page"]
    return f"{visit.request.url.path}?{urlencode([*kept, ('page', next_page)])}"
