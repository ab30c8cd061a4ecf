"""The part of JSON Schema (2020-12) that reports are held to: what a value is, what it has, and its bounds.

A part only, so that nothing that is written goes unchecked in silence: a schema with another keyword is refused when it
is set. Patterns are RE2, which never run away.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from reverie.digests.predicate import searcher
from reverie.errors import InputError

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_SIZES: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minLength": ("string", lambda value, bound: len(value) >= bound),
    "maxLength": ("string", lambda value, bound: len(value) <= bound),
    "minItems": ("array", lambda value, bound: len(value) >= bound),
    "maxItems": ("array", lambda value, bound: len(value) <= bound),
    "minimum": ("number", lambda value, bound: value >= bound),
    "maximum": ("number", lambda value, bound: value <= bound),
}
"""Bounds by keyword: of which type they are, and whether a value keeps to them."""
_NOTES = frozenset({"$schema", "title", "description", "examples", "default"})
_OTHERS = frozenset({"type", "enum", "const", "pattern", "properties", "required", "additionalProperties", "items"})
_MOST_DEPTH = 20


def check_schema(schema: Any, place: str, depth: int = 0) -> None:
    """Accept a schema that can be checked.

    Raises:
        InputError: it cannot; the message names the keyword by its path.
        PredicateError: a pattern is not in RE2's syntax.
    """
    if not isinstance(schema, Mapping) or depth > _MOST_DEPTH:
        raise InputError(f"{place}: give a JSON Schema object, at most {_MOST_DEPTH} levels deep")
    for name, value in schema.items():
        where = f"{place}.{name}"
        if name not in _NOTES | _OTHERS | _SIZES.keys():
            known = ", ".join(sorted({*_OTHERS, *_SIZES}))
            raise InputError(f"{where}: this keyword is not checked here; known are {known}")
        _check_keyword(name, value, where, depth)


def _check_keyword(name: str, value: Any, where: str, depth: int) -> None:
    is_right = True
    match name:
        case "type":
            named = value if isinstance(value, list) else [value]
            is_right = bool(named) and all(isinstance(one, str) and one in _TYPES for one in named)
        case "enum":
            is_right = isinstance(value, list) and bool(value)
        case "required":
            is_right = isinstance(value, list) and all(isinstance(one, str) for one in value)
        case "additionalProperties":
            is_right = isinstance(value, bool)
        case "pattern":
            is_right = isinstance(value, str)
            searcher(str(value))
        case "items":
            check_schema(value, where, depth + 1)
        case "properties":
            is_right = isinstance(value, Mapping)
            for field, part in value.items() if is_right else ():
                check_schema(part, f"{where}.{field}", depth + 1)
        case _ if name in _SIZES:
            is_right = _TYPES["number"](value)
    if not is_right:
        raise InputError(f"{where}: has a value that JSON Schema does not know")


def shape_problem(value: Any, schema: Mapping[str, Any], place: str = "") -> str | None:
    """What of a value does not have the shape, the first that is found; None where it has it.

    Args:
        schema: one that :func:`check_schema` accepts.
    """
    return next(_problems(value, schema, place), None)


def _problems(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    where = place or "the report"
    types = schema.get("type")
    named = types if isinstance(types, list) else [types] if types else []
    if named and not any(_TYPES[name](value) for name in named):
        yield f"{where} must be {' or '.join(named)}"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where} must be one of {_json(schema['enum'])}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} must be {_json(schema['const'])}"
    for name, (kind, keeps) in _SIZES.items():
        if name in schema and _TYPES[kind](value) and not keeps(value, schema[name]):
            yield f"{where}: {name} is {schema[name]}"
    if "pattern" in schema and isinstance(value, str) and not searcher(schema["pattern"])(value):
        yield f"{where} must match {schema['pattern']}"
    if isinstance(value, dict):
        yield from _object_problems(value, schema, place)
    if isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            yield from _problems(one, schema["items"], f"{place}[{number}]")


def _object_problems(value: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place or 'the report'} lacks {name}"
    for name, one in value.items():
        if name in known:
            yield from _problems(one, known[name], f"{place}.{name}" if place else name)
        elif schema.get("additionalProperties") is False:
            yield f"{place or 'the report'} must not have {name}"


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON, where true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
