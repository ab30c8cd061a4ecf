"""What may not get lost when a model words something anew.

The checks are literal and rather refuse a faithful text than pass a false one: where one fails, the old text stands.
"""

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[+−-]?\d+(?:[.,:/]\d+)*\s?%?")
_QUOTED = re.compile(r"`[^`\n]+`|“[^”\n]+”|\"[^\"\n]+\"")
_ADDRESS = re.compile(r"\b\w+://[^\s)>\]]+|\bwww\.[^\s)>\]]+|[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_IDENTIFIER = re.compile(r"\b\w*(?:[a-z]_[a-z]|[a-z][A-Z]|[a-zA-Z]\d|\d[a-zA-Z])\w*\b")
_NAME = re.compile(r"(?<![.!?:]\s)(?<=\s)[A-Z]\w+")
"""A capital within a sentence."""
_NAMES = (_QUOTED, _ADDRESS, _IDENTIFIER, _NAME)
_NEGATION = re.compile(
    r"\b(?:not|never|no|nor|none|without|unless|except|avoid|skip|omit|stop|refuse|cannot|(?:do|ca|wo|does|did|is|must)n['’]t)\b"
)
_DIRECTION = re.compile(
    r"\b(?:before|after|first|last|more|less|fewer|most|least|over|under|until|only|instead|always|all|any|every)\b"
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_LEAST_KEPT_MERGED = 0.7
"""Share of the distinct longer words that must survive."""
_LEAST_KEPT_REWORDED = 0.5
_MOST_GROWTH = 1.5


def lost_in_rewording(original: str, reworded: str) -> str:
    """Why ``reworded`` may not stand for the sentence ``original``; empty when it may."""
    if not reworded.isprintable():
        return "there are characters that cannot be seen"
    if re.search(r"[.!?]\s", reworded.strip()):
        return "it is not one sentence"
    if len(reworded) > _MOST_GROWTH * len(original) + 40:
        return "it is much longer"
    # In the same order, too: "call `a` before `b`" holds the same names as its opposite.
    for what, pattern in (("numbers", _NUMBER), ("names or quotations", _QUOTED), ("addresses", _ADDRESS)):
        if _found(pattern, original) != _found(pattern, reworded):
            return f"its {what} differ"
    first, second = original.lower(), reworded.lower()
    if len(_NEGATION.findall(first)) != len(_NEGATION.findall(second)):
        return "it negates something else"
    if _found(_DIRECTION, first) != _found(_DIRECTION, second):
        return "it puts things in another order or degree"
    return _lost_words([original], reworded, _LEAST_KEPT_REWORDED)


def lost_in_merging(originals: Sequence[str], merged: str) -> str:
    """Why ``merged`` may not stand for ``originals``; empty when it may.

    Every number, quotation, address, identifier and name of the originals must be in it, and none besides; no fewer
    negations than in any of them; most of their words; and it may not be longer than all of them together.
    """
    if not all(line.replace("\t", " ").isprintable() for line in merged.splitlines()):
        return "there are characters that cannot be seen"
    lost, added = _lost(originals, merged), _added(originals, merged)
    if lost:
        return f"it lacks {', '.join(lost[:3])}"
    if added:
        return f"it adds {', '.join(added[:3])}"
    negations = max((len(_NEGATION.findall(text.lower())) for text in originals), default=0)
    if len(_NEGATION.findall(merged.lower())) < negations:
        return "it lacks a negation"
    if len(merged) > sum(map(len, originals)):
        return "it is longer than what it replaces"
    return _lost_words(originals, merged, _LEAST_KEPT_MERGED)


def _lost_words(originals: Sequence[str], text: str, least: float) -> str:
    words = set().union(*(_WORD.findall(original.lower()) for original in originals))
    kept = len(words & set(_WORD.findall(text.lower())))
    return f"it keeps {kept} of {len(words)} words" if kept < least * len(words) else ""


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    return [found.strip(" .,;") for found in pattern.findall(text)]


def _lost(originals: Sequence[str], merged: str) -> list[str]:
    numbers = set(_found(_NUMBER, merged))
    lost = [number for text in originals for number in _found(_NUMBER, text) if number not in numbers]
    named = (name for text in originals for pattern in _NAMES for name in _found(pattern, text))
    return list(dict.fromkeys([*lost, *(name for name in named if name not in merged)]))


def _added(originals: Sequence[str], merged: str) -> list[str]:
    numbers = {number for text in originals for number in _found(_NUMBER, text)}
    added = [number for number in _found(_NUMBER, merged) if number not in numbers]
    named = (name for pattern in _NAMES for name in _found(pattern, merged))
    return list(dict.fromkeys([*added, *(name for name in named if not any(name in text for text in originals))]))
