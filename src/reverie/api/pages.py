"""Pages of lists: opaque cursors, and the envelope."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from reverie.errors import InputError

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


def decode_position(cursor: str | None) -> tuple[datetime, str] | None:
    """The position in a list that is sorted by time and id; None for the first page.

    Raises:
        InputError: it is not a cursor of such a list.
    """
    if cursor is None:
        return None
    position: tuple[datetime, str] = decode_cursor(cursor, tuple[datetime, str])
    return position


def page_of(
    rows: Sequence[Row], limit: int, cursor_of: Callable[[Row], tuple[Any, ...]]
) -> tuple[Sequence[Row], str | None]:
    """The first ``limit`` rows, and the cursor of the page after them when there are more rows than that."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode_cursor(*cursor_of(shown[-1]))


def envelope(data: Sequence[Any], next_page: str | None) -> dict[str, Any]:
    """A list as it is answered, with what older clients look for besides."""
    ids = [item["id"] for item in data if isinstance(item, dict) and "id" in item]
    return {
        "data": list(data),
        "next_page": next_page,
        "has_more": next_page is not None,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
    }
