"""Many regular expressions asked as one: whether any of them is in a text, in one pass where that can be.

A set of RE2 reads a text once however many expressions there are, where ``re`` tries each at every character. What RE2
has no words for (lookarounds) is left out of what it looks for, and ``re`` has the last word where that much is found.
Texts that the two read differently are left to ``re``, so the answer is always that of ``re``.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import re2

_NEVER = "(?!)"
_OTHER_SPACE = ("\x0b", "\x1c", "\x1d", "\x1e", "\x1f")
"""White space to ``re``, and none to RE2."""
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<?[=!]|.", re.DOTALL)
"""A part of an expression: an escaped sign, a class, the beginning of a lookaround, or one sign."""


class Alternatives(msgspec.Struct, frozen=True):
    """Expressions of which any may hold."""

    whole: re.Pattern[str]
    """All of them, for ``re``."""
    sieve: Any
    """The set of RE2, those without lookarounds first; None where it cannot read one."""
    certain: int
    """How many of the set are the expressions themselves."""

    def holds(self, text: str) -> bool:
        """Whether one of them is in the text."""
        if self.sieve is None or not reads_alike(text):
            return self.whole.search(text) is not None
        found = self.sieve.Match(text)
        if not found:  # an empty list, or None
            return False
        return min(found) < self.certain or self.whole.search(text) is not None


class Numbered:
    """Expressions that each have a place: which of them are in a text."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._sieve = _sieve([without_lookarounds(pattern) for pattern in patterns])

    def held(self, text: str) -> tuple[int, ...]:
        """The places of those that are in the text, ascending."""
        places: Sequence[int] = range(len(self._patterns))
        if self._sieve is not None and reads_alike(text):
            places = sorted(self._sieve.Match(text) or ())
        return tuple(place for place in places if self._patterns[place].search(text))


def alternatives(patterns: Sequence[str], *, ignore_case: bool = False) -> Alternatives:
    """These regular expressions, in the syntax of ``re``, as one; none of them holds where there are none."""
    bare = [(pattern, without_lookarounds(pattern)) for pattern in patterns]
    certain = [pattern for pattern, left in bare if pattern == left]
    wider = [left for pattern, left in bare if pattern != left]
    return Alternatives(
        whole=re.compile("|".join(patterns) or _NEVER, re.IGNORECASE if ignore_case else re.NOFLAG),
        sieve=_sieve([*certain, *wider], ignore_case=ignore_case),
        certain=len(certain),
    )


def reads_alike(text: str) -> bool:
    """Whether ``re`` and RE2 mean the same by white space, letters, digits and the end of this text."""
    return text.isascii() and not text.endswith("\n") and not any(sign in text for sign in _OTHER_SPACE)


def without_lookarounds(pattern: str) -> str:
    """The expression without its lookarounds: it holds wherever the whole does, and maybe elsewhere."""
    kept: list[str] = []
    depth = 0
    """Of the parentheses within a lookaround; 0 outside."""
    for piece in _PIECE.findall(pattern):
        if depth:
            depth += piece.startswith("(") - (piece == ")")
        elif piece in _LOOKS:
            depth = 1
        else:
            kept.append(piece)
    return "".join(kept)


def _sieve(patterns: Sequence[str], *, ignore_case: bool = False) -> Any:
    """The set of these; None where there are none, or RE2 cannot read one."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    sieve = re2.Set.SearchSet(options)
    try:
        for pattern in patterns:
            sieve.Add(pattern)
    except re2.error:
        return None
    if not patterns:
        return None
    sieve.Compile()
    return sieve
