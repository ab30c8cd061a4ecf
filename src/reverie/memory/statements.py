"""Statements of fact in notes: ``Refund window: 30 days``, ``The refund window is 30 days``, and their opposites."""

# ruff: noqa: E501 (tables of words and patterns)
import re
from collections.abc import Iterator

import msgspec

from reverie.memory.polarity import ATTITUDE, NEGATIONS, signed_words
from reverie.memory.rank import words_of
from reverie.memory.subject import is_dated

_UNIT = re.compile(r"[^\n]+?(?:[.!?](?=\s)|[。！？]|(?=\n)|$)[ \t]*")
_HEADING = re.compile(r"#{1,6}\s+(?P<words>.*)")
_FIELD = re.compile(
    r"(?:[-*]\s+)?(?P<subject>[^:：=|`#]{2,60}?)\s*(?:[:=]\s+|：\s*)(?P<value>[^:：=|]{1,80}?)[.。]?\s*"
)
_CLAIM = re.compile(
    r"(?:[-*]\s+)?(?P<whose>the|our|their|its|my|his|her|[\w-]+['’]s)\s+(?P<subject>[\w' -]{3,60}?)\s+(?:is|are|was|were)\s+"
    r"(?:now\s+)?(?P<value>.{1,80})",
    re.IGNORECASE,
)
# What one can do in one place, or for one employer, at a time.
_RELATIONS = (
    r"(?P<live>\b(?:lives?|living|resides?|is based|based|moved|is located|located)\s+(?:now\s+)?(?:in|at|to)\b|\bwohnt\s+in\b|\bhabite\s+à\b"
    r"|\bvit\s+à\b|\bvive\s+(?:en|a|em)\b|\babita\s+a\b|\bmora\s+em\b|\bwoont\s+in\b|живёт\s+в|живет\s+в|住在|居住在)"
    r"|(?P<work>\bworks?\s+(?:now\s+)?(?:at|for)\b|\bis employed by\b|\barbeitet\s+bei\b|\btravaille\s+chez\b|\btrabaja\s+(?:en|para)\b"
    r"|\blavora\s+(?:per|presso)\b|\btrabalha\s+(?:na|no|em|para)\b|\bwerkt\s+bij\b|работает\s+в|就职于|任职于)"
    r"|(?P<born>\b(?:was\s+)?born\s+(?:in|on)\b)|(?P<report>\breports?\s+to\b)|(?P<study>\bstudies\s+at\b)"
    r"|(?P<name>\bis\s+(?:called|named)\b)"
)
_RELATION = re.compile(rf"(?:[-*]\s+)?(?P<subject>.{{0,40}}?)\s*(?:{_RELATIONS})\s*(?P<value>.{{1,60}})", re.IGNORECASE)
_FILLERS = frozenset(
    {"a", "an", "the", "our", "their", "its", "do", "does", "did", "is", "are", "was", "will", "can", "please"}
    | {
        "my",
        "his",
        "her",
        "i",
        "he",
        "she",
        "they",
        "user",
        "now",
        "currently",
        "still",
        "用户",
        "用戶",
        "我",
        "他",
        "她",
    }
    | {"don", "doesn", "didn", "isn", "aren", "wasn", "won"}  # the beginnings of "don't" and its like
)
_ATTRIBUTES = frozenset(
    [
        "city",
        "phone",
        "email",
        "address",
        "country",
        "language",
        "timezone",
        "employer",
        "job",
        "role",
        "name",
        "age",
        "birthday",
        "status",
        "owner",
        "version",
        "deadline",
        "price",
        "location",
        "manager",
        "diet",
        "wohnort",
        "telefon",
        "ville",
        "téléphone",
        "ciudad",
        "teléfono",
        "città",
        "город",
        "телефон",
    ]
)
"""Single words that name what somebody or something has one of."""
_FEWEST_SUBJECT_WORDS = 2
_FEWEST_STATEMENT_WORDS = 3
_FEWEST_ATTITUDE_WORDS = 2
_MOST_VALUE_WORDS = 8


class Statement(msgspec.Struct, frozen=True):
    """A sentence or line, where it stands, and what it says of what."""

    start: int
    end: int
    text: str
    heading: frozenset[str]
    """The words of the heading it stands under."""
    words: tuple[str, ...]
    """Without fillers and negations, opposites made one."""
    negated: bool
    subject: tuple[str, ...] | None
    """None where the sentence gives no subject a value."""
    value: tuple[str, ...]

    @property
    def is_record(self) -> bool:
        """Whether it gives a subject a value, as every record of its kind may."""
        return self.subject is not None


def statements_of(content: str) -> Iterator[Statement]:
    """The sentences and lines of a text that are long enough to say something.

    Headings, quotations, tables, questions and what stands under a dated heading are no statements.
    """
    heading: frozenset[str] = frozenset()
    dated = False
    for match in _UNIT.finditer(content):
        text = match.group().strip()
        if (titled := _HEADING.match(text)) is not None:
            heading, dated = frozenset(words_of(titled["words"])), is_dated(titled["words"])
        if dated or text.startswith(("#", ">", "|", "```")) or text.endswith(("?", "？")):
            continue
        kept, negated = signed_words(text)
        subject, value = _split(text)
        if subject is not None or _says_something(kept):
            yield Statement(match.start(), match.end(), text, heading, kept, negated, subject, value)


def identifiers_of(content: str) -> frozenset[str]:
    """Words that hold a digit and a letter, or stand after ``#``: what tells one record from another."""
    found = re.findall(r"#\w+|\b(?=\w*\d)(?=\w*[^\W\d])\w{3,}\b", content)
    return frozenset(word.lower() for word in found)


def _says_something(words: tuple[str, ...]) -> bool:
    if ATTITUDE in words:
        return len(words) >= _FEWEST_ATTITUDE_WORDS
    unspaced = sum(len(word) for word in words if not word.isascii() and not word.islower())
    return len(words) >= _FEWEST_STATEMENT_WORDS or unspaced >= 2 * _FEWEST_STATEMENT_WORDS


def _split(text: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    relation = _RELATION.fullmatch(text)
    match = relation or _FIELD.fullmatch(text) or _CLAIM.fullmatch(text)
    if match is None:
        return None, ()
    subject = tuple(word for word in words_of(match["subject"]) if word not in _FILLERS)
    whose = match.groupdict().get("whose") or ""
    if whose.endswith(("'s", "’s")):
        subject = (*words_of(whose[:-2]), *subject)
    value = tuple(words_of(match["value"]))
    if not 1 <= len(value) <= _MOST_VALUE_WORDS or NEGATIONS & {*subject, *value}:
        return None, ()
    if relation is not None:
        kind = next(name for name, found in relation.groupdict().items() if found and name not in ("subject", "value"))
        return (f"±{kind}", *subject), value
    enough = len(subject) >= _FEWEST_SUBJECT_WORDS or not _ATTRIBUTES.isdisjoint(subject) or _unspaced(subject)
    return (subject, value) if enough else (None, ())


def _unspaced(subject: tuple[str, ...]) -> bool:
    return any(len(word) >= 2 and not word.islower() and not word.isascii() for word in subject)
