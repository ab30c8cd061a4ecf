"""Segments: sessions chosen by an SQL-like expression, such as ``agent = 'desk' and reward < 0.5``.

An expression is parsed by sqlglot and built anew, as frozen records, from a list of allowed parts. How they become
a query's condition is known to ``reverie.storage.sessions.condition``.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from reverie.errors import ExpressionError

Kind = Literal["text", "number", "time", "boolean"]
Operator = Literal["=", "<>", "<", "<=", ">", ">=", "like", "ilike"]
Value = str | float | bool | datetime

GRAMMAR = (
    "allowed are the columns id, source, agent, agent_version, model, task_id, task_category (or category), user_id, "
    "started_at, ended_at, imported_at, reward, scored, events, metadata.KEY (or tag.KEY) and score.METRIC; each "
    "compared to literals by =, <>, <, <=, >, >=, [not] in, [not] between, [not] like, [not] ilike, is [not] null; "
    "joined by and, or, not and parentheses"
)

COLUMNS: Mapping[str, Kind] = {
    "id": "text",
    "source": "text",
    "agent": "text",
    "agent_version": "text",
    "model": "text",
    "task_id": "text",
    "task_category": "text",
    "user_id": "text",
    "started_at": "time",
    "ended_at": "time",
    "imported_at": "time",
    "reward": "number",
    "scored": "boolean",
    "events": "number",
}
"""What may be asked of a session, and what it is."""
_ALIASES = {"category": "task_category"}
_COMPARISONS: dict[type[exp.Condition], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Like: "like",
    exp.ILike: "ilike",
}
_MIRRORED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_MOST_CHARACTERS = 10_000


class Column(msgspec.Struct, frozen=True, tag=True):
    """A column of sessions, one of :data:`COLUMNS`."""

    name: str

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return COLUMNS[self.name]


class MetadataEntry(msgspec.Struct, frozen=True, tag=True):
    """The entry of a session's metadata under a key."""

    key: str
    kind: Kind = "text"


class MetricScore(msgspec.Struct, frozen=True, tag=True):
    """A session's score of a metric."""

    metric: str
    kind: Kind = "number"


Operand = Column | MetadataEntry | MetricScore


class EverySession(msgspec.Struct, frozen=True, tag=True):
    """True of every session."""


class NamedSessions(msgspec.Struct, frozen=True, tag=True):
    """True of the sessions with these ids."""

    ids: tuple[str, ...]


class Flag(msgspec.Struct, frozen=True, tag=True):
    """A boolean column by itself."""

    operand: Column


class Comparison(msgspec.Struct, frozen=True, tag=True):
    """An operand compared with a literal of its kind."""

    operand: Operand
    operator: Operator
    value: Value


class Absence(msgspec.Struct, frozen=True, tag=True):
    """True where the session has no value."""

    operand: Operand


class Membership(msgspec.Struct, frozen=True, tag=True):
    """True where the value is one of these literals, of which there is at least one."""

    operand: Operand
    values: tuple[Value, ...]


class Range(msgspec.Struct, frozen=True, tag=True):
    """True from ``low`` to ``high``, both included."""

    operand: Operand
    low: Value
    high: Value


class Negation(msgspec.Struct, frozen=True, tag=True):
    """The opposite; of what is neither true nor false it is neither."""

    condition: "Segment"


class Conjunction(msgspec.Struct, frozen=True, tag=True):
    """All of the parts."""

    parts: tuple["Segment", ...]


class Disjunction(msgspec.Struct, frozen=True, tag=True):
    """One of the parts or several."""

    parts: tuple["Segment", ...]


Segment = (
    EverySession
    | NamedSessions
    | Flag
    | Comparison
    | Absence
    | Membership
    | Range
    | Negation
    | Conjunction
    | Disjunction
)
"""A condition that sessions meet or do not meet."""


def parse_segment(expression: str | None) -> Segment:
    """The segment that ``expression`` describes; None or blank is every session.

    Times without a zone are UTC. A comparison with something a session lacks is neither true nor false, as in SQL.

    Raises:
        ExpressionError: the expression is malformed or uses something that is not allowed.
    """
    if expression is None or not expression.strip():
        return EverySession()
    if len(expression) > _MOST_CHARACTERS or "\0" in expression:
        raise ExpressionError(f"the expression must be text of at most {_MOST_CHARACTERS} characters")
    try:
        return _condition(sqlglot.parse_one(expression, read="postgres", into=exp.Condition))
    except SqlglotError as error:
        raise ExpressionError(f"cannot read {expression!r}{_place(error)}; {GRAMMAR}") from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply") from error


def choose_sessions(session_ids: Sequence[str]) -> Segment:
    """The segment of exactly these sessions."""
    return NamedSessions(tuple(session_ids))


def _place(error: SqlglotError) -> str:
    places = getattr(error, "errors", None)
    if not places:
        return ""
    return f" at column {places[0]['col']}, near {places[0]['highlight']!r}"


def _condition(node: exp.Condition) -> Segment:
    if isinstance(node, exp.Paren):
        return _condition(node.this)
    if isinstance(node, exp.And | exp.Or):
        parts = tuple(_condition(part) for part in _chain(node))
        return Conjunction(parts) if isinstance(node, exp.And) else Disjunction(parts)
    if isinstance(node, exp.Not):
        return Negation(_condition(node.this))
    if isinstance(node, exp.Column):
        operand = _operand(node)
        if not isinstance(operand, Column) or operand.kind != "boolean":
            raise _refusal(node, "is not a condition by itself")
        return Flag(operand)
    predicate = _predicate(node)
    return Negation(predicate) if node.args.get("negate") else predicate


def _chain(node: exp.Condition) -> list[exp.Condition]:
    """The links of a chain of one connective, which the parser nests to the left; its length is no depth."""
    connective, links = type(node), []
    while type(node) is connective:
        links.append(node.expression)
        node = node.this
    return [node, *reversed(links)]


def _predicate(node: exp.Condition) -> Segment:
    if type(node) in _COMPARISONS:
        return _comparison(node, _COMPARISONS[type(node)])
    if not isinstance(node, exp.Is | exp.In | exp.Between):
        raise _refusal(node, "is not allowed")
    operand = _operand(node.this)
    if isinstance(node, exp.Is):
        if not isinstance(node.expression, exp.Null):
            raise _refusal(node, "is not allowed; 'is' is for null")
        return Absence(operand)
    if isinstance(node, exp.In):
        if not node.expressions:
            raise _refusal(node, "is not a list of literals")
        return Membership(operand, tuple(_literal(value, operand.kind) for value in node.expressions))
    if node.args.get("symmetric"):
        raise _refusal(node, "is not allowed; leave out 'symmetric'")
    return Range(operand, _literal(node.args["low"], operand.kind), _literal(node.args["high"], operand.kind))


def _comparison(node: exp.Condition, operator: Operator) -> Comparison:
    left, right = node.this, node.expression
    if operator in _MIRRORED and not isinstance(left, exp.Column):
        left, right, operator = right, left, _MIRRORED[operator]
    operand = _operand(left)
    if operator in ("like", "ilike"):
        if operand.kind != "text":
            raise _refusal(node, f"compares a {operand.kind} with a pattern")
        pattern = str(right.this)
        if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
            raise _refusal(node, "ends its pattern with a lone backslash")
    return Comparison(operand, operator, _literal(right, operand.kind))


def _operand(node: exp.Condition) -> Operand:
    if not isinstance(node, exp.Column) or node.args.get("db") or isinstance(node.this, exp.Star):
        raise _refusal(node, "is not a column")
    name, family = node.name, node.table.lower()
    if family in ("metadata", "tag"):
        return MetadataEntry(name)
    if family == "score":
        return MetricScore(name)
    column = _ALIASES.get(name.lower(), name.lower())
    if family or column not in COLUMNS:
        raise _refusal(node, "is not a column")
    return Column(column)


def _literal(node: exp.Condition, kind: Kind) -> Value:
    try:
        return _READERS[kind](node)
    except ValueError as error:
        hint = "; put the value in quotes" if kind == "text" else ""
        raise _refusal(node, f"is not a literal {kind}{hint}") from error


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


_READERS: dict[Kind, Callable[[exp.Condition], Value]] = {
    "text": _text,
    "number": _number,
    "time": _time,
    "boolean": _boolean,
}


def _refusal(node: exp.Condition, reason: str) -> ExpressionError:
    return ExpressionError(f"{node.sql(dialect='postgres', comments=False)!r} {reason}; {GRAMMAR}")
