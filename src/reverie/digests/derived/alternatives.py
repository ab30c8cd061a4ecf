"""Many regular expressions asked as one: whether any of them is in a text, in one pass where that can be.

RE2 reads a text once however many expressions there are, where ``re`` tries each at every character. What RE2 has no
words for (lookarounds), what the two read differently (``$`` before a last line break, classes of letters beyond ASCII,
rare kinds of white space) stays with ``re``, so the answer is always that of ``re``.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import re2

_NEVER = "(?!)"
_OTHER_SPACE = ("\x0b", "\x1c", "\x1d", "\x1e", "\x1f")
"""White space to ``re``, and none to RE2."""


class Alternatives(msgspec.Struct, frozen=True):
    """Expressions of which any may hold."""

    whole: re.Pattern[str]
    """All of them, for ``re``."""
    common: Any
    """For RE2, those that both read alike; None where there are none."""
    rest: re.Pattern[str] | None
    """For ``re``, the others; None where there are none."""

    def holds(self, text: str) -> bool:
        """Whether one of them is in the text."""
        if not reads_alike(text):
            return self.whole.search(text) is not None
        return (self.common is not None and self.common.search(text) is not None) or (
            self.rest is not None and self.rest.search(text) is not None
        )


class Numbered:
    """Expressions that each have a place: which of them are in a text."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._common = [place for place, pattern in enumerate(patterns) if _is_common(pattern)]
        self._rest = [place for place, pattern in enumerate(patterns) if not _is_common(pattern)]
        self._set = re2.Set.SearchSet(_options())
        for place in self._common:
            self._set.Add(patterns[place])
        self._set.Compile()

    def held(self, text: str) -> tuple[int, ...]:
        """The places of those that are in the text, ascending."""
        if not reads_alike(text):
            return tuple(self._searched(range(len(self._patterns)), text))
        found = [self._common[number] for number in self._set.Match(text) or ()]  # None: none
        return tuple(sorted([*found, *self._searched(self._rest, text)]))

    def _searched(self, places: Sequence[int], text: str) -> list[int]:
        return [place for place in places if self._patterns[place].search(text)]


def alternatives(patterns: Sequence[str], *, ignore_case: bool = False) -> Alternatives:
    """These regular expressions, in the syntax of ``re``, as one; none of them holds where there are none."""
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    common = [pattern for pattern in patterns if _is_common(pattern)]
    rest = [pattern for pattern in patterns if not _is_common(pattern)]
    return Alternatives(
        whole=re.compile("|".join(patterns) or _NEVER, flags),
        common=_by_re2("|".join(common), ignore_case=ignore_case) if common else None,
        rest=re.compile("|".join(rest), flags) if rest else None,
    )


def reads_alike(text: str) -> bool:
    """Whether ``re`` and RE2 mean the same by white space, letters and digits in this text."""
    return text.isascii() and not any(sign in text for sign in _OTHER_SPACE)


def _is_common(pattern: str) -> bool:
    if "$" in pattern:
        return False
    try:
        _by_re2(pattern, ignore_case=False)
    except re2.error:
        return False
    return True


def _by_re2(pattern: str, *, ignore_case: bool) -> Any:
    options = _options()
    options.case_sensitive = not ignore_case
    compile_: Callable[..., Any] = re2.compile
    return compile_(pattern, options)


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options
