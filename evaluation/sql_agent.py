"""An agent that answers questions with SQL, as a function of the request that a model would be sent.

It has eight habits. In each session each of them is on or off by the flip of a coin; advice in the system prompt leans
the coin, by one rule for all habits: how many words it shares with what the habit is. Which habits help is decided by
the databases' questions, not here: run ``python -m evaluation.closed_loop --brute-force`` to see.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

import msgspec

from reverie.testing.fake_models import Reply, Request, call, say

TOOL = "run_sql"
BASE = 0.5
"""How likely a habit is without advice."""
LEANED = 0.95
"""How likely a habit is that was advised; one that was advised against is as unlikely."""
_LEAST_OVERLAP = 2
_MOST_QUERIES = 6

HABITS: Mapping[str, str] = {
    "inspect": "inspect look up schema of the tables sqlite_master describe list tables columns before first query",
    "inspect_after_error": "after an error look at inspect the schema tables columns of the query that failed",
    "distinct": "use distinct select distinct rows without duplicates",
    "count_column": "count a named column count column instead of count star",
    "like": "use like pattern match text compare instead of equals",
    "subquery": "wrap the query in a subquery nested select",
    "peek": "peek sample a few rows of the table limit select star first",
    "repeat": "repeat the same query again run twice",
}
_NEGATIONS = re.compile(r"\b(?:do not|don't|never|avoid|stop|rather than|without)\b", re.IGNORECASE)
_AFTER_ADVICE = re.compile(r" (?:Others did this instead|Example): ")
_WORD = re.compile(r"[a-z]+")
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "in",
        "on",
        "to",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "for",
        "with",
        "by",
        "from",
        "it",
        "its",
        "that",
        "this",
        "use",
        "when",
        "do",
    ]
)
SCHEMA = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
_CREATE = re.compile(r"CREATE TABLE\s+[\"'`\[]?(\w+)[\"'`\]]?\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_GUIDANCE = re.compile(r"<reverie-guidance[^>]*>(.*?)</reverie-guidance>", re.DOTALL)


class Column(msgspec.Struct, frozen=True):
    """A column of a table, and whether it holds text."""

    table: str
    name: str
    is_text: bool


def act(request: Request) -> Reply:
    """The next step: a query, or the end."""
    question = question_of(request)
    habits = draw_habits(request.system, question)
    query = next_query(question, habits, asked_queries(request))
    return call(TOOL, {"query": query}) if query is not None else say("That is my answer.")


def asked_queries(request: Request) -> list[tuple[str, str]]:
    """The queries so far, and what they gave."""
    blocks = [block for message in request.messages for block in message["content"]]
    results = {block["tool_use_id"]: _text_of(block) for block in blocks if block["type"] == "tool_result"}
    return [(str(one["input"].get("query", "")), results.get(one["id"], "")) for one in request.calls]


def _text_of(block: Mapping[str, Any]) -> str:
    return "\n".join(part["text"] for part in block.get("content") or () if part["type"] == "text")


def question_of(request: Request) -> str:
    """What a session was asked: its first message."""
    first = request.messages[0]["content"]
    return "\n".join(block["text"] for block in first if block["type"] == "text")


def draw_habits(system: str, question: str) -> dict[str, bool]:
    """Which habits this session has: flips that its question decides, leaned by the advice in the system prompt."""
    random = Random(hashlib.sha256(question.encode()).digest())
    leanings = lean(system)
    return {habit: random.random() < leanings.get(habit, BASE) for habit in HABITS}


@lru_cache(maxsize=1024)  # Few briefings, many sessions.
def lean(system: str) -> dict[str, float]:
    """How likely advised habits are: each line of advice speaks of the habit that it shares most words with.

    What others did instead and an example follow the advice; they are not it.
    """
    found = _GUIDANCE.search(system)
    leanings = {}
    for line in found.group(1).splitlines() if found else ():
        if not line.startswith("- "):
            continue
        advice = _AFTER_ADVICE.split(line)[0]
        shared = {habit: len(_words(advice) & _words(words)) for habit, words in HABITS.items()}
        habit = max(shared, key=lambda name: shared[name])
        if shared[habit] >= _LEAST_OVERLAP:
            leanings[habit] = 1 - LEANED if _NEGATIONS.search(advice) else LEANED
    return leanings


def next_query(question: str, habits: Mapping[str, bool], asked: Sequence[tuple[str, str]]) -> str | None:
    """The next query of a session; None when it is done."""
    text = question.partition("\n")[0]
    columns = known_columns(asked)
    if len(asked) >= _MOST_QUERIES:
        return None
    if not asked and habits["inspect"]:
        return SCHEMA
    if asked and asked[-1][1].startswith("Error") and not columns and habits["inspect_after_error"]:
        return SCHEMA
    tries = [query for query, _ in asked if query != SCHEMA and "LIMIT 3" not in query]
    best = build_query(text, columns, habits, len(set(tries)))
    table = _table_of(best)
    if habits["peek"] and table and not any("LIMIT 3" in query for query, _ in asked) and columns:
        return f"SELECT * FROM {table} LIMIT 3"
    failed = bool(asked) and asked[-1][1].startswith("Error")
    if not tries or (failed and len(asked) < _MOST_QUERIES and len(set(tries)) < 3):
        return best
    if habits["repeat"] and len(tries) == len(set(tries)) and not failed:
        return tries[-1]
    return None


def known_columns(asked: Sequence[tuple[str, str]]) -> list[Column]:
    """What the answers to earlier queries say of tables and columns."""
    known = []
    for _, text in asked:
        for line in text.splitlines()[1:]:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            match = _CREATE.search(str(row[1])) if isinstance(row, list) and len(row) == 2 else None
            if match:
                known += _columns(match.group(1), match.group(2))
    return known


def _columns(table: str, body: str) -> list[Column]:
    columns = []
    for part in re.split(r",(?![^(]*\))", body):
        words = part.replace('"', " ").replace("`", " ").replace("'", " ").split()
        if words and words[0].upper() not in ("PRIMARY", "FOREIGN", "UNIQUE", "CONSTRAINT", "CHECK", "KEY"):
            kind = " ".join(words[1:]).upper()
            columns.append(Column(table, words[0], "CHAR" in kind or "TEXT" in kind))
    return columns


def build_query(text: str, columns: Sequence[Column], habits: Mapping[str, bool], attempt: int) -> str:
    """A query for a question, from its words and from what is known; later attempts say less."""
    table, chosen = _choose(text, columns) if columns else _guess(text, attempt)
    where = _where(text, [column for column in columns if column.table == table], habits) if attempt < 2 else ""
    words = text.lower()
    if re.search(r"\bhow many\b|\bnumber of\b|\bcount\b", words) and not re.search(r"\bfor each\b|\beach\b", words):
        what = f"count({chosen[0]})" if habits["count_column"] and chosen else "count(*)"
        return _wrap(f"SELECT {what} FROM {table}{where}", habits)
    for word, function in (
        ("average", "avg"),
        ("mean", "avg"),
        ("maximum", "max"),
        ("minimum", "min"),
        ("total", "sum"),
    ):
        if re.search(rf"\b{word}\b", words) and chosen:
            return _wrap(f"SELECT {function}({chosen[-1]}) FROM {table}{where}", habits)
    distinct = "DISTINCT " if habits["distinct"] or re.search(r"\bdistinct\b|\bdifferent\b", words) else ""
    return _wrap(f"SELECT {distinct}{', '.join(chosen) or '*'} FROM {table}{where}{_order(words, chosen)}", habits)


def _wrap(query: str, habits: Mapping[str, bool]) -> str:
    return f"SELECT * FROM ({query})" if habits["subquery"] else query


def _choose(text: str, columns: Sequence[Column]) -> tuple[str, list[str]]:
    """The table and columns that the question's words name best."""
    stems = [_stem(word) for word in _WORD.findall(text.lower())]
    tables = list(dict.fromkeys(column.table for column in columns))

    def named(name: str) -> int:
        parts = [_stem(part) for part in _split(name)]
        places = [stems.index(part) for part in parts if part in stems]
        return min(places) if len(places) == len(parts) and parts else -1

    def score(table: str) -> tuple[float, int]:
        own = sum(named(column.name) >= 0 for column in columns if column.table == table)
        return (own + 2.5 * (named(table) >= 0), -len(table))

    table = max(tables, key=score)
    found = sorted((named(column.name), column.name) for column in columns if column.table == table)
    return table, [name for place, name in found if place >= 0]


def _guess(text: str, attempt: int) -> tuple[str, list[str]]:
    """A table and columns from the question's words alone."""
    nouns = [word for word in _WORD.findall(text.lower()) if word not in _ASKING and len(word) > 2]
    tables = [word for word in nouns if word.endswith("s")] or nouns or ["data"]
    table = tables[-1 - attempt % len(tables)]
    table = table if attempt % 2 else table.removesuffix("s")
    return table, [word for word in nouns if word not in (table, f"{table}s")][:2]


_ASKING = frozenset(
    [
        "what",
        "which",
        "who",
        "whose",
        "where",
        "how",
        "many",
        "much",
        "list",
        "show",
        "find",
        "give",
        "return",
        "tell",
        "the",
        "are",
        "is",
        "was",
        "were",
        "all",
        "each",
        "every",
        "of",
        "and",
        "for",
        "with",
        "that",
        "have",
        "has",
        "there",
        "number",
        "average",
        "maximum",
        "minimum",
        "total",
        "different",
        "distinct",
        "name",
        "names",
        "me",
        "please",
    ]
) - {"name", "names"}


def _where(text: str, columns: Sequence[Column], habits: Mapping[str, bool]) -> str:
    quoted = re.findall(r"['\"“]([^'\"”]+)['\"”]", text)
    capital = re.findall(r"(?<=[a-z,] )([A-Z][\w.]*(?: [A-Z][\w.]*)*)", text)
    textual = [column.name for column in columns if column.is_text]
    value = (quoted or capital or [None])[0]
    if value is not None and textual:
        near = _nearest(text, value, textual)
        compare = f"LIKE '%{value}%'" if habits["like"] else f"= '{value}'"
        return f" WHERE {near} {compare.replace(chr(39) * 3, chr(39))}"
    number = re.search(
        r"(more than|greater than|older than|after|above|over|less than|younger than|before|below|under) (\d+)", text
    )
    numeric = [column.name for column in columns if not column.is_text]
    if number and numeric:
        sign = ">" if number.group(1).split()[0] in ("more", "greater", "older", "after", "above", "over") else "<"
        return f" WHERE {_nearest(text, number.group(2), numeric)} {sign} {number.group(2)}"
    return ""


def _nearest(text: str, value: str, names: Sequence[str]) -> str:
    """The column whose name stands nearest before a value, or the first."""
    before = [_stem(word) for word in _WORD.findall(text[: text.find(value)].lower())]
    places = {
        name: max((before.index(_stem(p)) for p in _split(name) if _stem(p) in before), default=-1) for name in names
    }
    return max(names, key=lambda name: places[name])


def _order(words: str, chosen: Sequence[str]) -> str:
    if not chosen:
        return ""
    if re.search(r"\b(?:most|highest|largest|oldest|greatest|biggest)\b", words):
        return f" ORDER BY {chosen[-1]} DESC LIMIT 1"
    if re.search(r"\b(?:least|lowest|smallest|youngest|fewest)\b", words):
        return f" ORDER BY {chosen[-1]} LIMIT 1"
    return ""


def _table_of(query: str) -> str | None:
    found = re.search(r"FROM (\w+)", query)
    return found.group(1) if found else None


def _split(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def _stem(word: str) -> str:
    for ending in ("ies", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending) + ("y" if ending == "ies" else "")
    return word


def _words(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower())} - _STOP
