"""Three agents that answer questions with SQL, each with one skill; functions of the request that a model would see.

All look at the schema, ask once, and ask again in fewer words where that failed. What differs is which queries they can
make: ``filters`` knows WHERE, ORDER BY and LIMIT, ``sums`` knows aggregates and WHERE, ``links`` knows joins and GROUP
BY. Skills are planted, and so is the rule that tells families of questions apart; how much a skill is worth in a family
is decided by the databases' gold queries. Run ``python -m evaluation.sql_team --brute-force`` to see.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from evaluation.sql_agent import SCHEMA, Column, known_columns

AGENTS = ("filters", "sums", "links")
FAMILIES: Mapping[str, str] = {
    "groups": r"\b(?:each|every|per|most common|most frequent|most number|most popular|fewest|group)\b",
    "amounts": r"\b(?:how many|how much|number of|count|average|mean|total|sum|maximum|minimum)\b",
    "extremes": r"\b(?:most|least|\w+est|first|last|top|order|sorted|ordered|alphabetical|descending|ascending)\b",
}
"""The first whose words a question has is its family; all others are of :data:`ROWS`."""
ROWS = "rows"
LUCK = 0.9
"""How often an agent has its skill at hand; else it asks for the columns and no more."""
_AGGREGATES = {"average": "avg", "mean": "avg", "maximum": "max", "minimum": "min", "total": "sum", "sum": "sum"}
_COUNTED = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b")
_DIFFERENT = re.compile(r"\bdistinct\b|\bdifferent\b|\bunique\b")
_CONDITION = re.compile(r"\b(?:whose|who|with|that|where|named|called|from|in|for|having|ordered|sorted|by)\b")
_SUPERLATIVE = re.compile(r"\b(?:most|least|\w+est|descending|ascending|alphabetical|order|ordered|sorted)\b")
_DOWN = re.compile(r"\b(?:most|highest|largest|oldest|greatest|biggest|longest|latest|descending|heaviest)\b")
_ONE = re.compile(r"\b(?:most|least|\w+est)\b")
_QUOTED = re.compile(r"['\"“]+\s*([^'\"”]+?)\s*['\"”]+")
_CAPITAL = re.compile(r"(?<=[a-z,] )([A-Z][\w.]*(?: [A-Z][\w.]*)*)")
_NUMBER = re.compile(
    r"(?P<sign>more than|greater than|older than|after|above|over|larger than|less than|younger than|before|below|under"
    r"|smaller than|is|in|of|equal to) (?P<number>\d+)"
)
_ABOVE = ("more", "greater", "older", "after", "above", "over", "larger")
_BELOW = ("less", "younger", "before", "below", "under", "smaller")
_MOST_QUERIES = 3


class _Reading(NamedTuple):
    """What a question names of a schema."""

    words: str
    table: str
    asked: tuple[str, ...]
    """Columns of the table that are asked for."""
    later: tuple[str, ...]
    """Columns that are named where the question says which rows."""
    own: tuple[Column, ...]


def family_of(question: str) -> str:
    """The family of a question, by its words."""
    words = question.lower()
    return next((name for name, pattern in FAMILIES.items() if re.search(pattern, words)), ROWS)


def next_step(agent: str, question: str, chance: float, asked: Sequence[tuple[str, str]]) -> str | None:
    """The next query of an agent for a question; None when it is done.

    Args:
        chance: what decides whether it has its skill at hand, in [0, 1).
        asked: the queries so far, and what they gave.
    """
    if not asked:
        return SCHEMA
    failed = asked[-1][1].startswith("Error")
    if len(asked) > 1 and (not failed or len(asked) >= _MOST_QUERIES):
        return None
    columns = known_columns(asked)
    if not columns:
        return None
    build = _plain if failed or chance >= LUCK else _BUILDERS[agent]
    return build(question, columns)


def _plain(question: str, columns: Sequence[Column]) -> str:
    read = _read(question, columns)
    return f"SELECT {', '.join(read.asked) or '*'} FROM {read.table}"


def _filters(question: str, columns: Sequence[Column]) -> str:
    read = _read(question, columns)
    distinct = "DISTINCT " if _DIFFERENT.search(read.words) else ""
    ordered = _order(read) if _SUPERLATIVE.search(read.words) else ""
    return f"SELECT {distinct}{', '.join(read.asked) or '*'} FROM {read.table}{_where(question, read)}{ordered}"


def _sums(question: str, columns: Sequence[Column]) -> str:
    read = _read(question, columns)
    condition = _where(question, read)
    numbers = [name for name in read.asked if not _is_text(read, name)]
    wanted = [f"{call}({name})" for word, call in _AGGREGATES.items() if word in read.words.split() for name in numbers]
    if wanted:
        return f"SELECT {', '.join(wanted)} FROM {read.table}{condition}"
    if not _COUNTED.search(read.words):
        return _plain(question, columns)
    different = _DIFFERENT.search(read.words) and read.asked
    return f"SELECT count({f'DISTINCT {read.asked[0]}' if different else '*'}) FROM {read.table}{condition}"


def _links(question: str, columns: Sequence[Column]) -> str:
    read = _read(question, columns)
    joined = _joined(read, columns)
    key = "" if joined is None else f"{read.table}.{joined[1]} = {joined[0]}.{joined[1]}"
    source = read.table if joined is None else f"{read.table} JOIN {joined[0]} ON {key}"
    asked = ", ".join(f"{read.table}.{name}" for name in read.asked)
    if asked and re.search(r"\bmost\b|\blargest number\b", read.words):
        return f"SELECT {asked} FROM {source} GROUP BY {asked} ORDER BY count(*) DESC LIMIT 1"
    if asked and re.search(FAMILIES["groups"], read.words):
        return f"SELECT {asked}, count(*) FROM {source} GROUP BY {asked}"
    return f"SELECT {asked or '*'} FROM {source}"


_BUILDERS: Mapping[str, Callable[[str, Sequence[Column]], str]] = {"filters": _filters, "sums": _sums, "links": _links}


def _read(question: str, columns: Sequence[Column]) -> _Reading:
    """Read a question: the table that it names best, the columns it asks for, and those that say which rows."""
    words = question.lower()
    stems = _stems(words)
    tables = list(dict.fromkeys(column.table for column in columns))

    def score(table: str) -> tuple[float, int]:
        own = sum(_place(column.name, stems) >= 0 for column in columns if column.table == table)
        return (own + 1.5 * (_place(table, stems) >= 0), -len(table))

    table = max(tables, key=score)
    own = tuple(column for column in columns if column.table == table)
    named = [name for place, name in sorted((_place(column.name, stems), column.name) for column in own) if place >= 0]
    found = _CONDITION.search(words, len(words) // 6)
    ends = len(_stems(words[: found.start()])) if found else len(stems)
    asked = tuple(name for name in named if _place(name, stems) < ends)
    return _Reading(words, table, asked, tuple(name for name in named if name not in asked), own)


def _where(question: str, read: _Reading) -> str:
    quoted, capital = _QUOTED.search(question), _CAPITAL.search(question)
    texts = [column.name for column in read.own if column.is_text]
    value = quoted or capital
    if value and texts:
        name = next((name for name in read.later if name in texts), texts[0])
        return f" WHERE {name} = '{value[1]}'"
    number = _NUMBER.search(read.words)
    numbers = [name for name in (*read.later, *read.asked) if not _is_text(read, name)]
    if number and numbers:
        first = number["sign"].split()[0]
        sign = ">" if first in _ABOVE else "<" if first in _BELOW else "="
        return f" WHERE {numbers[0]} {sign} {number['number']}"
    return ""


def _order(read: _Reading) -> str:
    by = read.later or read.asked[-1:]
    if not by:
        return ""
    down = " DESC" if _DOWN.search(read.words) else ""
    return f" ORDER BY {by[0]}{down}{' LIMIT 1' if _ONE.search(read.words) else ''}"


def _joined(read: _Reading, columns: Sequence[Column]) -> tuple[str, str] | None:
    """Another table that the question names, and the column that both have."""
    own = {column.name.lower() for column in read.own}
    stems = _stems(read.words)
    for other in dict.fromkeys(column.table for column in columns):
        shared = [column.name for column in columns if column.table == other and column.name.lower() in own]
        if other != read.table and shared and _place(other, stems) >= 0:
            return other, shared[0]
    return None


def _is_text(read: _Reading, name: str) -> bool:
    return any(column.is_text for column in read.own if column.name == name)


def _place(name: str, stems: Sequence[str]) -> int:
    """Where a question names a table or column: all words of the name occur; -1 where they do not."""
    parts = [_stem(part.lower()) for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]
    places = [stems.index(part) for part in parts if part in stems]
    return max(places) if parts and len(places) == len(parts) else -1


def _stems(words: str) -> list[str]:
    return [_stem(word) for word in re.findall(r"[a-z]+", words)]


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word.removesuffix("ies") + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word.removesuffix("es")
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word
