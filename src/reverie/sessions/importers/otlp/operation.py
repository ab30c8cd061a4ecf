"""What a span says of an agent's work, whichever vocabulary it is written in."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.parts import Part
from reverie.sessions.importers.roles import Role

Kind = Literal["model", "tool", "agent", "chain", "judge", "other"]
"""``judge`` is an evaluator or a guardrail, whose words are no part of the session; ``chain`` a step of a program."""


class Message(msgspec.Struct, frozen=True):
    """One message to or from a model."""

    role: Role
    parts: tuple[Part, ...]


class ToolRun(msgspec.Struct, frozen=True):
    """One run of a tool."""

    name: str
    arguments: dict[str, Any]
    call_id: str
    """Empty where the span does not say which call it answers."""
    result: tuple[str, ...] | None
    """None where it was not recorded."""
    is_error: bool | None = None
    """What the result itself says; None where it says nothing."""


class Evaluation(msgspec.Struct, frozen=True):
    """One result of an evaluator."""

    name: str
    value: Any
    """A number, or a word."""
    at: int


class Operation(msgspec.Struct, frozen=True):
    """What one span tells; empty fields where it does not."""

    kind: Kind = "other"
    heard: tuple[Message, ...] = ()
    """The messages that went in: for a model, mostly the whole history."""
    said: tuple[Message, ...] = ()
    tool: ToolRun | None = None
    agent: str = ""
    agent_version: str = ""
    model: str = ""
    usage: dict[str, Any] = {}
    """Token counts by the names of ``span.model_request_end``; ``cost_usd``."""
    user_id: str = ""
    metadata: dict[str, Any] = {}
    finish_reason: str = ""
    evaluations: tuple[Evaluation, ...] = ()


def joined(first: Operation, second: Operation) -> Operation:
    """What one span says in two vocabularies: field by field, the first that says something."""
    both = {field: getattr(first, field) or getattr(second, field) for field in Operation.__struct_fields__}
    kinds = (first.kind, second.kind)
    kind = "judge" if "judge" in kinds else next((kind for kind in kinds if kind != "other"), "other")
    return Operation(**both | {"kind": kind})


def structured(value: Any) -> Any:
    """``value``, which may be an object or list written as JSON text, as spans must hold it; other text as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return decode_json(value)
    except ImportFormatError:
        return value


def first_text(attributes: Mapping[str, Any], *names: str) -> str:
    """The first of the attributes that holds text."""
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), "")
