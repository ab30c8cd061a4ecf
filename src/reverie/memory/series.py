"""Numbered series: ``/talks/may/017.md`` stands between ``016.md`` and ``018.md``, and they explain each other.

A reply often holds the answer while the words of the question stand in the turn before. Which memories are a series
follows from their paths alone: the number ends the name, and a letter or digit does not touch it on the left.
"""

import re
from collections.abc import Iterator

_NUMBERED = re.compile(r"(?P<stem>.*?(?<![^\W_]))(?P<number>\d{1,9})(?P<suffix>(?:\.[^\W\d]+)?)", re.DOTALL)


def series_neighbours(path: str, reach: int) -> Iterator[tuple[str, int]]:
    """Paths up to ``reach`` steps before and after, nearest first, each with its distance.

    A number of two widths (``9`` and ``09``) is looked for in both, so a distance may come twice.
    """
    match = _NUMBERED.fullmatch(path)
    if match is None:
        return
    stem, digits, suffix = match["stem"], match["number"], match["suffix"]
    for distance in range(1, reach + 1):
        for number in (int(digits) - distance, int(digits) + distance):
            if number >= 0:
                for name in {f"{number:0{len(digits)}}", str(number)}:
                    yield f"{stem}{name}{suffix}", distance
