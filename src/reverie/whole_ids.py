"""Ids in texts, as whole ids: ``See writer-1.`` names ``writer-1``, and ``writer-101`` and ``a.writer-1`` do not."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping

_JOINTS = "-.:"
"""They are part of an id between its words; at its end they are punctuation."""

_PLAIN = re.compile(r"\d+|[^\W\d_]+")
"""A number or a word, which stands in many texts for what it is."""
_CALLED_SESSION = re.compile(r"sessions?(?:[_ ]ids?)?(?P<then>[\s:=#`'\"(]+)\Z", re.IGNORECASE)


def names_any(value: object, ids: Collection[str], longer: Collection[str] = (), *, anywhere: bool = False) -> bool:
    """Whether a text, or a text anywhere in a value of JSON, names one of ``ids``.

    An id that is a mere number or word, such as ``12`` or ``new``, is named where it is called a session, as in
    ``session `12```, and under a key that speaks of sessions.

    Args:
        longer: other ids that hold one of these, such as ``a/1`` of ``a``: where they stand, they alone are named.
        anywhere: whether a mere number or word counts wherever it stands whole.
    """
    return any(_names(text, each, longer, anywhere) for text in _texts(value) for each in ids if each in text)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, each in value.items():
                yield from _texts(key)
                told = "session" in key and isinstance(each, str | list | tuple)
                yield from (f"session: {text}" if told else text for text in _texts(each))
        case list() | tuple():
            for each in value:
                yield from _texts(each)


def _names(text: str, sought: str, longer: Collection[str], anywhere: bool) -> bool:
    plain = not anywhere and _PLAIN.fullmatch(sought) is not None
    holding = [other for other in longer if sought in other and other != sought and other in text]
    return any(
        _is_whole(text, start, start + len(sought))
        and not (plain and not _is_called_session(text, start, sought))
        and not any(_covers(text, start, sought, other) for other in holding)
        for start in _places(text, sought)
    )


def _is_called_session(text: str, start: int, sought: str) -> bool:
    """``session 12``, ``session `new```, and not ``sessions were``."""
    called = _CALLED_SESSION.search(text[max(0, start - 40) : start])
    return called is not None and (sought.isdigit() or not called["then"].isspace())


def _covers(text: str, start: int, sought: str, other: str) -> bool:
    begins = (start - place for place in _places(other, sought) if place <= start)
    return any(text.startswith(other, begin) and _is_whole(text, begin, begin + len(other)) for begin in begins)


def _places(text: str, sought: str) -> Iterator[int]:
    place = text.find(sought)
    while place >= 0:
        yield place
        place = text.find(sought, place + 1)


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether neither neighbour continues the id, nor a joint with what is behind it."""
    before, after = start - 1, end
    while before >= 0 and text[before] in _JOINTS:
        before -= 1
    while after < len(text) and text[after] in _JOINTS:
        after += 1
    return not (before >= 0 and _is_of_word(text[before])) and not (after < len(text) and _is_of_word(text[after]))


def _is_of_word(character: str) -> bool:
    # Wide scripts are written without spaces: what stands beside an id there is another word.
    return character == "_" or (character.isalnum() and unicodedata.east_asian_width(character) not in ("W", "F"))
