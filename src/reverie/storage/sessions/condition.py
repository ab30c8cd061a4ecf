"""The condition of a query that chooses a segment's sessions; no text of an expression becomes part of the SQL."""

from typing import Any

import msgspec

from reverie.sessions.segment import (
    Absence,
    Column,
    Comparison,
    Conjunction,
    Disjunction,
    EverySession,
    Flag,
    Kind,
    Membership,
    MetadataEntry,
    NamedSessions,
    Negation,
    Operand,
    Operator,
    Range,
    Segment,
)

_COLUMNS = {
    "id": "s.id",
    "source": "s.source",
    "agent": "s.agent",
    "agent_version": "s.agent_version",
    "model": "s.model",
    "task_id": "s.task_id",
    "task_category": "s.task_category",
    "user_id": "s.user_id",
    "started_at": "s.started_at",
    "ended_at": "s.ended_at",
    "imported_at": "s.imported_at",
    "reward": "s.reward",
    "scored": "(s.reward IS NOT NULL)",
    "events": "s.event_count",
}
_CASTS: dict[Kind, str] = {"text": "text", "number": "float8", "time": "timestamptz", "boolean": "boolean"}
_OPERATORS: dict[Operator, str] = {
    "=": "=",
    "<>": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "like": "LIKE",
    "ilike": "ILIKE",
}


class Condition(msgspec.Struct, frozen=True):
    """A condition on ``sessions s`` for a query's WHERE, with psycopg's named parameters."""

    sql: str
    parameters: dict[str, Any]


def condition_of(segment: Segment) -> Condition:
    """The condition that the sessions of ``segment`` meet; its parameters are named ``segment_0`` and on."""
    parameters: dict[str, Any] = {}
    return Condition(_sql(segment, parameters), parameters)


def _sql(segment: Segment, parameters: dict[str, Any]) -> str:
    match segment:
        case EverySession():
            return "true"
        case NamedSessions(ids):
            return f"(s.id = ANY ({_parameter(list(ids), parameters)}::text[]))"
        case Negation(condition):
            return f"(NOT {_sql(condition, parameters)})"
        case Conjunction(parts):
            return f"({' AND '.join([_sql(part, parameters) for part in parts])})"
        case Disjunction(parts):
            return f"({' OR '.join([_sql(part, parameters) for part in parts])})"
        case Flag(operand):
            return _operand(operand, parameters)
        case Absence(operand):
            return f"({_operand(operand, parameters)} IS NULL)"
    left, cast = _operand(segment.operand, parameters), _CASTS[segment.operand.kind]
    match segment:
        case Comparison(_, operator, value):
            return f"({left} {_OPERATORS[operator]} {_parameter(value, parameters)}::{cast})"
        case Membership(_, values):
            return f"({left} IN ({', '.join(f'{_parameter(value, parameters)}::{cast}' for value in values)}))"
        case Range(_, low, high):
            return f"({left} BETWEEN {_parameter(low, parameters)}::{cast} AND {_parameter(high, parameters)}::{cast})"


def _operand(operand: Operand, parameters: dict[str, Any]) -> str:
    match operand:
        case Column(name):
            return _COLUMNS[name]
        case MetadataEntry(key):
            return f"(s.metadata ->> {_parameter(key, parameters)}::text)"
    where = f"c.session_key = s.key AND c.metric = {_parameter(operand.metric, parameters)}::text"
    return f"(SELECT c.value FROM scores c WHERE {where})"


def _parameter(value: Any, parameters: dict[str, Any]) -> str:
    """Add ``value``; what stands for it in the SQL."""
    name = f"segment_{len(parameters)}"
    parameters[name] = value
    return f"%({name})s"
