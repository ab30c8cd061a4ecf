"""Segments: sessions chosen by an SQL-like expression, such as ``agent = 'desk' and reward < 0.5``.

An expression is parsed by sqlglot and built anew from a list of allowed parts; no text of it reaches the database
other than as a parameter.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from reverie.errors import ExpressionError

Kind = Literal["text", "number", "time", "boolean"]

GRAMMAR = (
    "allowed are the columns id, source, agent, agent_version, model, task_id, task_category (or category), user_id, "
    "started_at, ended_at, imported_at, reward, scored, events, metadata.KEY (or tag.KEY) and score.METRIC; each "
    "compared to literals by =, <>, <, <=, >, >=, [not] in, [not] between, [not] like, [not] ilike, is [not] null; "
    "joined by and, or, not and parentheses"
)

_COLUMNS: dict[str, tuple[str, Kind]] = {
    "id": ("s.id", "text"),
    "source": ("s.source", "text"),
    "agent": ("s.agent", "text"),
    "agent_version": ("s.agent_version", "text"),
    "model": ("s.model", "text"),
    "task_id": ("s.task_id", "text"),
    "task_category": ("s.task_category", "text"),
    "category": ("s.task_category", "text"),
    "user_id": ("s.user_id", "text"),
    "started_at": ("s.started_at", "time"),
    "ended_at": ("s.ended_at", "time"),
    "imported_at": ("s.imported_at", "time"),
    "reward": ("s.reward", "number"),
    "scored": ("(s.reward IS NOT NULL)", "boolean"),
    "events": ("s.event_count", "number"),
}
_CASTS: dict[Kind, str] = {"text": "text", "number": "float8", "time": "timestamptz", "boolean": "boolean"}
_COMPARISONS: dict[type[exp.Condition], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_MOST_CHARACTERS = 10_000


class Segment(msgspec.Struct, frozen=True):
    """A condition on ``sessions s`` for a query's WHERE, with psycopg's named parameters."""

    sql: str
    parameters: dict[str, Any]


def compile_segment(expression: str | None) -> Segment:
    """The segment that ``expression`` describes; None or blank is every session.

    Times without a zone are UTC. A comparison with something a session lacks is neither true nor false, as in SQL.

    Raises:
        ExpressionError: the expression is malformed or uses something that is not allowed.
    """
    if expression is None or not expression.strip():
        return Segment("true", {})
    if len(expression) > _MOST_CHARACTERS or "\0" in expression:
        raise ExpressionError(f"the expression must be text of at most {_MOST_CHARACTERS} characters")
    parameters: dict[str, Any] = {}
    try:
        tree = sqlglot.parse_one(expression, read="postgres", into=exp.Condition)
        return Segment(_condition(tree, parameters), parameters)
    except SqlglotError as error:
        raise ExpressionError(f"cannot read {expression!r}{_place(error)}; {GRAMMAR}") from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply") from error


def choose_sessions(session_ids: Sequence[str]) -> Segment:
    """The segment of exactly these sessions."""
    return Segment("(s.id = ANY (%(segment_ids)s::text[]))", {"segment_ids": list(session_ids)})


def _place(error: SqlglotError) -> str:
    places = getattr(error, "errors", None)
    if not places:
        return ""
    return f" at column {places[0]['col']}, near {places[0]['highlight']!r}"


def _condition(node: exp.Condition, parameters: dict[str, Any]) -> str:
    if isinstance(node, exp.Paren):
        return _condition(node.this, parameters)
    if isinstance(node, exp.And | exp.Or):
        word = "AND" if isinstance(node, exp.And) else "OR"
        return f"({_condition(node.this, parameters)} {word} {_condition(node.expression, parameters)})"
    if isinstance(node, exp.Not):
        return f"(NOT {_condition(node.this, parameters)})"
    if isinstance(node, exp.Column):
        sql, kind = _column(node, parameters)
        if kind != "boolean":
            raise _refusal(node, "is not a condition by itself")
        return sql
    sql = _predicate(node, parameters)
    return f"(NOT {sql})" if node.args.get("negate") else sql


def _predicate(node: exp.Condition, parameters: dict[str, Any]) -> str:
    if type(node) in _COMPARISONS:
        return _comparison(node, _COMPARISONS[type(node)], parameters)
    if not isinstance(node, exp.Is | exp.In | exp.Between):
        raise _refusal(node, "is not allowed")
    sql, kind = _column(node.this, parameters)
    if isinstance(node, exp.Is):
        if not isinstance(node.expression, exp.Null):
            raise _refusal(node, "is not allowed; 'is' is for null")
        return f"({sql} IS NULL)"
    if isinstance(node, exp.In):
        if not node.expressions:
            raise _refusal(node, "is not a list of literals")
        values = ", ".join(_parameter(value, kind, parameters) for value in node.expressions)
        return f"({sql} IN ({values}))"
    if node.args.get("symmetric"):
        raise _refusal(node, "is not allowed; leave out 'symmetric'")
    low, high = (_parameter(node.args[end], kind, parameters) for end in ("low", "high"))
    return f"({sql} BETWEEN {low} AND {high})"


def _comparison(node: exp.Condition, operator: str, parameters: dict[str, Any]) -> str:
    left, right = node.this, node.expression
    if operator in _MIRRORED and not isinstance(left, exp.Column):
        left, right, operator = right, left, _MIRRORED[operator]
    sql, kind = _column(left, parameters)
    if operator in ("LIKE", "ILIKE"):
        if kind != "text":
            raise _refusal(node, f"compares a {kind} with a pattern")
        pattern = str(right.this)
        if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
            raise _refusal(node, "ends its pattern with a lone backslash")
    return f"({sql} {operator} {_parameter(right, kind, parameters)})"


def _column(node: exp.Condition, parameters: dict[str, Any]) -> tuple[str, Kind]:
    if not isinstance(node, exp.Column) or node.args.get("db") or isinstance(node.this, exp.Star):
        raise _refusal(node, "is not a column")
    name, family = node.name, node.table.lower()
    if family in ("metadata", "tag"):
        return f"(s.metadata ->> {_named(name, parameters)}::text)", "text"
    if family == "score":
        where = f"c.session_key = s.key AND c.metric = {_named(name, parameters)}::text"
        return f"(SELECT c.value FROM scores c WHERE {where})", "number"
    column = _COLUMNS.get(name.lower())
    if family or column is None:
        raise _refusal(node, "is not a column")
    return column


def _parameter(node: exp.Condition, kind: Kind, parameters: dict[str, Any]) -> str:
    try:
        value = _READERS[kind](node)
    except ValueError as error:
        hint = "; put the value in quotes" if kind == "text" else ""
        raise _refusal(node, f"is not a literal {kind}{hint}") from error
    return f"{_named(value, parameters)}::{_CASTS[kind]}"


def _named(value: Any, parameters: dict[str, Any]) -> str:
    name = f"segment_{len(parameters)}"
    parameters[name] = value
    return f"%({name})s"


def _text(node: exp.Condition) -> str:
    if type(node) is not exp.Literal or not node.is_string:
        raise ValueError
    return str(node.this)


def _number(node: exp.Condition) -> float:
    if isinstance(node, exp.Neg):
        return -_number(node.this)
    if type(node) is not exp.Literal or node.is_string:
        raise ValueError
    return float(node.this)


def _time(node: exp.Condition) -> datetime:
    time = datetime.fromisoformat(_text(node))
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _boolean(node: exp.Condition) -> bool:
    if not isinstance(node, exp.Boolean):
        raise ValueError
    return bool(node.this)


_READERS: dict[Kind, Callable[[exp.Condition], Any]] = {
    "text": _text,
    "number": _number,
    "time": _time,
    "boolean": _boolean,
}


def _refusal(node: exp.Condition, reason: str) -> ExpressionError:
    return ExpressionError(f"{node.sql(dialect='postgres', comments=False)!r} {reason}; {GRAMMAR}")
