"""Pages of lists: opaque cursors, and the envelope."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from reverie.errors import InputError

DEFAULT_LIMIT = 20
_LONG_LIMIT = 1_000
_PREFIX = "page_"

Row = TypeVar("Row")


def encode_cursor(*position: Any) -> str:
    """An opaque cursor that stands for ``position``: what the last row shown is sorted by."""
    packed = msgspec.msgpack.encode(position)
    return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(cursor: str, types: Any) -> Any:
    """The position that a cursor stands for, as ``types``, such as ``tuple[datetime, str]``.

    Raises:
        InputError: it is not a cursor of this list.
    """
    try:
        text = cursor.removeprefix(_PREFIX)
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(packed, type=types)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise InputError("page: this is no cursor of this list; use next_page of an earlier answer") from error


@dataclass(frozen=True)
class Order(Generic[Row]):
    """What a list is sorted by, and so where a page ends."""

    types: Any
    """Of a position: a tuple type, such as ``tuple[datetime, str]``."""
    position_of: Callable[[Row], tuple[Any, ...]]

    def read(self, cursor: str | None) -> Any:
        """The position that a cursor stands for, None without one; a position of one value is that value.

        Raises:
            InputError: it is not a cursor of such a list.
        """
        if cursor is None:
            return None
        position = decode_cursor(cursor, self.types)
        return position[0] if len(position) == 1 else position

    def cut(self, rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
        """The first ``limit`` rows, and the cursor of the page after them when there are more rows than that."""
        shown = rows[:limit]
        return shown, encode_cursor(*self.position_of(shown[-1])) if len(rows) > limit else None


NEWEST_FIRST: Order[Any] = Order(tuple[datetime, str], lambda row: (row.created_at, row.id))
"""Of resources, by when they were made."""


async def answer_page(
    query: Mapping[str, Any],
    wire: Callable[[Row], Any],
    read: Callable[[Any, int], Awaitable[Sequence[Row]]],
    order: Order[Row] = NEWEST_FIRST,
    limit: int | None = None,
) -> dict[str, Any]:
    """The page of a list that ``query`` asks for by ``page`` and ``limit``.

    Args:
        wire: a row as it is answered.
        read: gives the rows after a position (None: from the beginning), at most so many.
        limit: how many rows a page has; by default what the query says.

    Raises:
        InputError: the cursor is not one of this list.
    """
    limit = query.get("limit", DEFAULT_LIMIT) if limit is None else limit
    rows = await read(order.read(query.get("page")), limit + 1)
    shown, next_page = order.cut(rows, limit)
    return envelope([wire(row) for row in shown], next_page)


_SLICES: Order[Any] = Order(tuple[int], lambda row: (row,))


def answer_slice(query: Mapping[str, Any], items: Sequence[Any]) -> dict[str, Any]:
    """A page of a list that is read whole; up to 1,000 items unless the query says otherwise.

    Raises:
        InputError: the cursor is not one of this list.
    """
    start, limit = _SLICES.read(query.get("page")) or 0, query.get("limit", _LONG_LIMIT)
    end = start + limit
    return envelope(items[start:end], encode_cursor(end) if end < len(items) else None)


class TwoWayPage(msgspec.Struct, Generic[Row], frozen=True):
    """A page of a list that is read in either direction, in the list's own order."""

    rows: Sequence[Row]
    has_before: bool
    has_after: bool


def two_way_page(rows: Sequence[Row], limit: int, *, backwards: bool, begun: bool) -> TwoWayPage[Row]:
    """The page that ``rows`` make: one more than ``limit`` was read, from the last place on in the page's direction.

    ``begun`` says that the reading began at a cursor, so there is something behind it.
    """
    more, shown = len(rows) > limit, rows[:limit]
    if not shown:
        return TwoWayPage((), has_before=False, has_after=False)
    if backwards:
        return TwoWayPage(shown[::-1], has_before=more, has_after=True)
    return TwoWayPage(shown, has_before=begun, has_after=more)


def envelope(data: Sequence[Any], next_page: str | None) -> dict[str, Any]:
    """A list as it is answered, with what older clients look for besides."""
    ids = [id_ for id_ in map(_id_of, data) if id_ is not None]
    return {
        "data": list(data),
        "next_page": next_page,
        "has_more": next_page is not None,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
    }


def _id_of(item: Any) -> str | None:
    id_: str | None = item.get("id") if isinstance(item, dict) else getattr(item, "id", None)
    return id_
