"""What a detector is, and the gate that keeps clean text away from all of them."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import re2
from ahocorasick_rs import BytesAhoCorasick, Implementation

_FOLD = bytes(ord("0") if chr(b).isdecimal() else ord(chr(b).lower()) for b in range(128)) + bytes(range(128, 256))
_RUNS = bytes(ord("w") if chr(b).isalnum() or b in b"_-" else b for b in range(128)) + bytes(range(128, 256))
_ESCAPE = b"\\u"
_ESCAPED = re.compile(rb"\\+u([0-9A-Fa-f]{4})")
LATIN = re2.Options()
LATIN.encoding = re2.Options.Encoding.LATIN1

HAS_LONG_RUN = re.compile(r"[A-Za-z0-9_-]{16}")
"""What every issued key and token has."""

CLEAN_START = re.compile(r"(?<![A-Za-z0-9])|(?<=\\[nrt])")
"""Matches where a value may begin: not inside a word, unless that word is the letter of a JSON escape."""


INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Characters without width, which a reader does not see and which would break a value in two."""

_INVISIBLE_BYTES = re2.compile(
    rb"\xc2\xad|\xcd\x8f|\xd8\x9c|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa4\xa6-\xa9]|\xef\xbb\xbf",
    LATIN,
)
_CACHED_SETS = 4096
_CAPITALS = re.compile("[A-Z]+")


def folded(text: str) -> bytes:
    """``text`` as the gate sees it: UTF-8, ASCII letters in lower case, each ASCII digit as ``0``."""
    return text.encode("utf-8", "surrogatepass").translate(_FOLD)


def ascii_lower(text: str) -> str:
    """Of the same length as ``text``, and no more alike than the gate takes it for: other letters stay as they are."""
    return text.lower() if text.isascii() else _CAPITALS.sub(lambda capitals: capitals[0].lower(), text)


class Found(NamedTuple):
    """A value to replace: where it is, and the form in which equal values are equal text."""

    start: int
    end: int
    value: str
    kind: str = ""
    """What it is, where that differs from what the detector is called."""


class Detector(msgspec.Struct, frozen=True):
    """Finds one kind of value.

    ``needles``, ``run`` and ``patterns`` are *necessary* conditions on the text as UTF-8 with ASCII letters in lower
    case and each ASCII digit as ``0``: where one does not hold, there is nothing to find.
    """

    kind: str
    """The name in the placeholder."""
    find: Callable[[str], Iterator[Found]]
    needles: tuple[bytes, ...] = ()
    """One of these is in the text, unless empty."""
    run: int = 0
    """The text has so many characters of ``[A-Za-z0-9_-]`` in a row."""
    patterns: tuple[re.Pattern[bytes], ...] = ()
    """One of these matches somewhere in the text, unless empty."""
    spelled: re.Pattern[bytes] | None = None
    """This expression of RE2 matches somewhere in the text as it is written, unless None; needed without needles."""
    key: re.Pattern[str] | None = None
    """Fields with a name in which this matches hold such a value, ..."""
    whole: Callable[[str], str | None] | None = None
    """... if this gives its normal form and not None."""
    personal: bool = False


def _unescaped(text: bytes) -> bytes:
    r"""``text`` with the character in place of each ``\uXXXX``, also where JSON stands within JSON."""
    return _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)).encode("utf-8", "replace"), text)


def _possible(detector: Detector, text: bytes, folded: bytes, runs: bytes) -> bool:
    """Whether the conditions other than needles hold."""
    return (
        (not detector.run or b"w" * detector.run in runs)
        and (not detector.patterns or any(pattern.search(folded) for pattern in detector.patterns))
        and (detector.spelled is None or detector.spelled.search(text) is not None)
    )


def _spelling(detector: Detector) -> bytes:
    """The expression for a detector without needles; raises ``ValueError`` where it has none."""
    if detector.spelled is None:
        raise ValueError(f"detector {detector.kind} has neither needles nor an expression: give it one of them")
    return detector.spelled.pattern


class Gate:
    """Says which detectors a text could concern, in one pass that costs far less than detection.

    All needles are searched at once by the automaton of Aho and Corasick (1975).
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        needles = sorted({needle for detector in detectors for needle in detector.needles})
        self._automaton = BytesAhoCorasick(needles, implementation=Implementation.DFA)
        owners: dict[bytes, int] = dict.fromkeys(needles, 0)
        for position, detector in enumerate(detectors):
            for needle in detector.needles:
                owners[needle] |= 1 << position
        self._owners = [owners[needle] for needle in needles]
        spelled = [position for position, detector in enumerate(detectors) if not detector.needles]
        self._by_spelling = sum(1 << position for position in spelled)
        self._spellings = re2.compile(b"|".join(_spelling(detectors[position]) for position in spelled), LATIN)
        self._shortest_run = b"w" * min((detectors[position].run for position in spelled), default=1 << 30)
        self._possible = lru_cache(maxsize=_CACHED_SETS)(self._members)

    def detectors(self, text: bytes) -> list[Detector]:
        """Those that could find something in ``text`` (UTF-8, plain or inside JSON), in the order given."""
        concerned = self._concerned(text)
        if _ESCAPE in text:
            # JSON inside the text may spell any character as an escape.
            concerned |= self._concerned(_unescaped(text))
        return [self._detectors[position] for position in sorted(concerned)] if concerned else []

    def _members(self, bits: int) -> list[tuple[int, Detector]]:
        return [(position, detector) for position, detector in enumerate(self._detectors) if bits >> position & 1]

    def _concerned(self, text: bytes) -> set[int]:
        if not text.isascii():
            text = _INVISIBLE_BYTES.sub(b"", text)
        folded = text.translate(_FOLD)
        runs = folded.translate(_RUNS)
        bits = self._by_spelling if self._shortest_run in runs and self._spellings.search(text) else 0
        for needle, _, _ in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            bits |= self._owners[needle]
        return {p for p, detector in self._possible(bits) if _possible(detector, text, folded, runs)} if bits else set()
