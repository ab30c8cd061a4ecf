"""What a detector is, and the gate that keeps clean text away from all of them."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

_FOLD = bytes(ord("0") if chr(b).isdecimal() else ord(chr(b).lower()) for b in range(128)) + bytes(range(128, 256))
_RUNS = bytes(ord("w") if chr(b).isalnum() or b in b"_-" else b for b in range(128)) + bytes(range(128, 256))

LONG_RUN = b"w" * 16
"""A hint's ``first`` that stands for 16 characters of ``[A-Za-z0-9_-]`` in a row, which every issued token has."""
HAS_LONG_RUN = re.compile(r"[A-Za-z0-9_-]{16}")

CLEAN_START = re.compile(r"(?<![A-Za-z0-9])|(?<=\\[nrt])")
"""Matches where a value may begin: not inside a word, unless that word is the letter of a JSON escape."""

Needle = bytes | re.Pattern[bytes]


class Found(NamedTuple):
    """A value to replace: where it is, and the form in which equal values are equal text."""

    start: int
    end: int
    value: str


class Hint(msgspec.Struct, frozen=True):
    """What the bytes of a text hold whenever the detector has something to find.

    The bytes are UTF-8 with ASCII letters in lower case and every ASCII digit as ``0``.
    """

    first: Needle
    """Tested first, once for all hints that share it."""
    any_of: tuple[Needle, ...] = ()
    """At least one of these is there too; empty asks for nothing more."""


class Detector(msgspec.Struct, frozen=True):
    """Finds one kind of value."""

    kind: str
    """The name in the placeholder."""
    hints: tuple[Hint, ...]
    """A *necessary* condition: nothing can be found, nor told by its key, where no hint holds."""
    find: Callable[[str], Iterator[Found]]
    keyed: Callable[[str, str], str | None] | None = None
    """Told the key and the value of an object's field, gives the value in normal form when the key makes it one."""
    personal: bool = False


def _holds(needle: Needle, folded: bytes) -> bool:
    return needle in folded if isinstance(needle, bytes) else needle.search(folded) is not None


class Gate:
    """Says which detectors a text could concern, by substring tests that cost far less than detection."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        self._by_first: dict[Needle, list[tuple[tuple[Needle, ...], int]]] = {}
        for position, detector in enumerate(detectors):
            for hint in detector.hints:
                self._by_first.setdefault(hint.first, []).append((hint.any_of, position))

    def detectors(self, text: bytes) -> list[Detector]:
        """Those whose hints hold in ``text`` (UTF-8, plain or inside JSON), in the order given."""
        if b"\\u" in text:
            # JSON inside the text may spell any character as an escape.
            return list(self._detectors)
        folded = text.translate(_FOLD)
        passed: set[int] = set()
        for first, rest in self._by_first.items():
            if not _holds(first, folded.translate(_RUNS) if first is LONG_RUN else folded):
                continue
            passed.update(p for any_of, p in rest if not any_of or any(_holds(needle, folded) for needle in any_of))
        return [self._detectors[position] for position in sorted(passed)]
