"""JSON Schema (2020-12) that reports are held to, by the ``jsonschema`` library.

Patterns are RE2, which never run away, and nothing is fetched: a reference leads to somewhere in the schema itself.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import re2
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from reverie.errors import InputError

_MOST_SHOWN = 300
_OF_ITSELF = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
"""Keywords whose schemas are held against the value itself."""


def check_schema(schema: Any, place: str) -> None:
    """Accept a schema that can be checked.

    Raises:
        InputError: it cannot; the message names the keyword by its path.
    """
    try:
        Draft202012Validator.check_schema(schema)
        resolver = Registry().with_resource("", Resource(schema, DRAFT202012)).resolver()  # type: ignore[call-arg]
        for where, name, value in _keywords(schema, place):
            if name == "patternProperties":
                raise InputError(f"{where}: is not checked here; name the properties")
            if name == "pattern" and isinstance(value, str):
                _compiled(value)
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                resolver.lookup(value)
        _check_ends(schema, resolver, place)
    except SchemaError as error:
        raise InputError(f"{place}{error.json_path[1:]}: {_cut(error.message)}") from error
    except re2.error as error:
        raise InputError(f"{where}: is not in RE2's syntax") from error
    except Unresolvable as error:
        raise InputError(f"{where}: leads to nowhere in this schema; nothing is fetched") from error
    except RecursionError as error:
        raise InputError(f"{place}: is too deep") from error


def _check_ends(schema: Any, resolver: Any, place: str) -> None:
    """Refuse references that lead back to themselves without a step into the value.

    What a schema says of the value itself, and not of a part of it, is followed.
    """
    open_, ended = set(), set()

    def follow(one: Any, where: str) -> None:
        if not isinstance(one, Mapping) or id(one) in ended:
            return
        if id(one) in open_:
            raise InputError(f"{where}: the schema refers to itself without end; refer to it from within a part")
        open_.add(id(one))
        for name in ("$ref", "$dynamicRef"):
            if isinstance(one.get(name), str):
                follow(resolver.lookup(one[name]).contents, f"{where}.{name}")
        for name in _OF_ITSELF:
            parts = one.get(name)
            for part in parts if isinstance(parts, list) else [parts]:
                follow(part, f"{where}.{name}")
        open_.discard(id(one))
        ended.add(id(one))

    for where, one in _schemas(schema, place):
        follow(one, where)


def _schemas(schema: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every mapping in a schema, with its path."""
    yield place, schema
    for where, _, value in _keywords(schema, place):
        if isinstance(value, Mapping):
            yield where, value


def _keywords(schema: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Path, name and value of everything in a schema."""
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            yield f"{place}.{name}", name, value
            yield from _keywords(value, f"{place}.{name}")
    elif isinstance(schema, list):
        for number, one in enumerate(schema):
            yield from _keywords(one, f"{place}[{number}]")


def shape_problem(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What of a value does not have the shape, the most telling; None where it has it.

    Args:
        schema: one that :func:`check_schema` accepts.
    """
    try:
        error = best_match(_Validator(schema).iter_errors(value))
    except RecursionError:
        return "the schema refers to itself without end"
    if error is None:
        return None
    place = error.json_path.removeprefix("$").removeprefix(".") or "the report"
    return f"{place}: {_cut(error.message)}"


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and _compiled(pattern).search(value.encode("utf-8", "replace")) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern.encode(), options)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
