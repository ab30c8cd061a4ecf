"""The passage of a text that shows why it was found."""

from bisect import bisect_right
from collections.abc import Sequence

from reverie.memory.words import fold

_CHARACTERS = 240
_READ_CHARACTERS = 20_000
_PLACES_OF_A_TERM = 50


def passage(content: str, terms: Sequence[str]) -> str:
    """A line of at most some 240 characters that holds as many of the terms as can be; of equals the first.

    A term is a word's beginning, without accents, as the index has it.
    """
    text = " ".join(content[:_READ_CHARACTERS].split())
    if len(text) <= _CHARACTERS:
        return text
    start = _densest(_places(_same_length(text), terms))
    # A third of the room goes to what leads up to the first term; the cut falls between words, where there are any.
    begin = max(0, min(start - _CHARACTERS // 3, len(text) - _CHARACTERS))
    begin = _after_space(text, begin, start) if begin else 0
    end = begin + _CHARACTERS
    if end < len(text) and (space := text.rfind(" ", begin + _CHARACTERS // 2, end)) > 0:
        end = space
    return text[begin:end]


def _same_length(text: str) -> str:
    """Lower-case and without accents, each character in its place."""
    folded = fold(text.lower())
    if len(folded) == len(text):
        return folded
    return "".join(plain if len(plain := fold(lower)) == 1 else lower[:1] for lower in map(str.lower, text))


def _places(text: str, terms: Sequence[str]) -> list[tuple[int, int]]:
    """Where terms begin, each with its number, in text order."""
    found: list[tuple[int, int]] = []
    for number, term in enumerate(terms):
        place = text.find(term)
        while place >= 0 and len(found) < _PLACES_OF_A_TERM * (number + 1):
            if not (term.isascii() and place and text[place - 1].isalnum()):
                found.append((place, number))
            place = text.find(term, place + 1)
    return sorted(found)


def _densest(places: Sequence[tuple[int, int]]) -> int:
    """Where the room begins that holds most different terms; 0 where there are none."""
    starts = [place for place, _ in places]
    room = _CHARACTERS * 2 // 3
    numbers = [
        {number for _, number in places[i : bisect_right(starts, start + room)]} for i, start in enumerate(starts)
    ]
    return starts[max(range(len(starts)), key=lambda i: len(numbers[i]))] if starts else 0


def _after_space(text: str, begin: int, latest: int) -> int:
    space = text.find(" ", begin - 1, latest)
    return begin if space < 0 else space + 1
