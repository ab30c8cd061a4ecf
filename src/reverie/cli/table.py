"""Tables of text, as wide as the terminal."""

import shutil
import unicodedata
from collections.abc import Sequence

import click

from reverie.display_name import printable

_GAP = "  "
_LEAST_WIDTH = 20
"""Of the last column, however narrow the terminal is."""


def format_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> str:
    """Columns beside each other, the last one wrapped to what is left of the terminal's width.

    Args:
        right: one letter a column, ``r`` for numbers and others that end at the same place; left where it is shorter.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_cells, column)) for column in zip(headings, *rows, strict=True)]
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    widths[-1] = min(widths[-1], max(room, _LEAST_WIDTH))
    sides = right.ljust(len(widths), "l")
    heading = _line(headings, widths, sides)
    return "\n".join([click.style(heading, bold=True), *(_wrapped(row, widths, sides) for row in rows)])


def _wrapped(row: Sequence[str], widths: Sequence[int], sides: str) -> str:
    first, *more = _wrap(row[-1], widths[-1])
    blank = [""] * (len(row) - 1)
    return "\n".join(
        [_line([*row[:-1], first], widths, sides), *(_line([*blank, part], widths, sides) for part in more)]
    )


def _line(cells: Sequence[str], widths: Sequence[int], sides: str) -> str:
    padded = [
        " " * (width - _cells(cell)) + cell if side == "r" else cell + " " * (width - _cells(cell))
        for cell, width, side in zip(cells, widths, sides, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells; a longer word is a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _cells(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _cells(text: str) -> int:
    """The places it takes in a terminal: two for a wide character, none for one that joins the one before."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in click.unstyle(text)
    )
