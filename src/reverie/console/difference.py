"""What differs between two states of a document, line by line, as a page shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reverie.api.records import PathDifference
from reverie.memory.memory import Operation

LONGEST = 400
"""Lines of one document that are shown."""
_HEADER_LINES = 2
_KINDS: dict[str, Literal["added", "removed", "place", "same"]] = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line with its sign in front."""

    kind: Literal["added", "removed", "place", "same"]
    text: str


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """A document that differs."""

    path: str
    operation: Operation
    href: str | None
    """The document as it is now, where it is."""
    lines: tuple[ShownLine, ...]
    more: int
    """Lines that are not shown."""


def show(difference: PathDifference, href: str | None) -> ShownDifference:
    """A difference in the unified format as lines; its header, which names the path twice, is left out."""
    lines = difference.diff.split("\n")[_HEADER_LINES:]
    if lines and not lines[-1]:
        lines.pop()
    shown = tuple(_lines(lines[:LONGEST]))
    return ShownDifference(difference.path, difference.operation, href, shown, len(lines) - len(shown))


def _lines(lines: Iterable[str]) -> Iterable[ShownLine]:
    return (ShownLine(_KINDS.get(line[:1], "same"), line) for line in lines)
