"""Statements of fact in notes: ``Refund window: 30 days``, ``The refund window is 30 days``, and their negations."""

import re
from collections.abc import Iterator

import msgspec

from reverie.memory.duplicates import NEGATIONS
from reverie.memory.rank import words_of

_UNIT = re.compile(r"[^\n]+?(?:[.!?](?=\s)|(?=\n)|$)[ \t]*")
_FIELD = re.compile(r"(?:[-*]\s+)?(?P<subject>[^:=|`#]{3,60}?)\s*[:=]\s+(?P<value>[^:=|]{1,80})")
_CLAIM = re.compile(
    r"(?:[-*]\s+)?(?:the|our|their|its)\s+(?P<subject>[\w' -]{3,60}?)\s+(?:is|are|was|were)\s+(?:now\s+)?"
    r"(?P<value>.{1,80})",
    re.IGNORECASE,
)
_FILLERS = frozenset(
    {"a", "an", "the", "our", "their", "its", "do", "does", "did", "is", "are", "was", "will", "can", "please"}
    | {"don", "doesn", "didn", "isn", "aren", "wasn", "won"}  # the beginnings of "don't" and its like
)
_FEWEST_SUBJECT_WORDS = 2
_FEWEST_STATEMENT_WORDS = 3
_MOST_VALUE_WORDS = 8


class Statement(msgspec.Struct, frozen=True):
    """A sentence or line, where it stands, and what it says of what."""

    start: int
    end: int
    words: tuple[str, ...]
    """Without fillers and negations."""
    negated: bool
    subject: tuple[str, ...] | None
    """None where the sentence gives no subject a value."""
    value: tuple[str, ...]


def statements_of(content: str) -> Iterator[Statement]:
    """The sentences and lines of a text that are long enough to say something; headings and quotations are not."""
    for match in _UNIT.finditer(content):
        text = match.group().strip()
        if text.startswith(("#", ">", "|", "```")):
            continue
        words = words_of(text)
        kept = tuple(word for word in words if word not in _FILLERS and word not in NEGATIONS)
        if len(kept) >= _FEWEST_STATEMENT_WORDS or _FIELD.fullmatch(text):
            negated = sum(word in NEGATIONS for word in words) % 2 == 1
            subject, value = _split(text)
            yield Statement(match.start(), match.end(), kept, negated, subject, value)


def identifiers_of(content: str) -> frozenset[str]:
    """Words that hold a digit and a letter, or stand after ``#``: what tells one record from another."""
    found = re.findall(r"#\w+|\b(?=\w*\d)(?=\w*[^\W\d])\w{3,}\b", content)
    return frozenset(word.lower() for word in found)


def _split(text: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    match = _FIELD.fullmatch(text) or _CLAIM.fullmatch(text)
    if match is None:
        return None, ()
    subject = tuple(word for word in words_of(match["subject"]) if word not in _FILLERS)
    value = tuple(words_of(match["value"]))
    if (
        len(subject) < _FEWEST_SUBJECT_WORDS
        or not 1 <= len(value) <= _MOST_VALUE_WORDS
        or NEGATIONS & {*subject, *value}
    ):
        return None, ()
    return subject, value
