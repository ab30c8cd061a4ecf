"""What is wrong with a request, in a sentence that names the field and says what would be right.

Pydantic says what is wrong with a value under every member of a union that it might have been. Here the member is
chosen by what the value is, so that one thing is said, and nothing of how the types are written.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

Path = tuple[int | str, ...]
"""Names of fields and numbers of items, from the whole value to a part of it."""

_KINDS = {
    "string_type": "a string",
    "dict_type": "an object",
    "list_type": "a list",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "none_required": "null",
    "bytes_type": "bytes",
    "datetime_type": "a time",
}
"""Errors that say only that a value is of another kind, with the kind that was looked for."""
_NAMED = ("missing", "extra_forbidden")
"""Errors whose location ends with a field of the type, not of the value."""
_TAGS = ("type", "name")
"""Fields by which objects are discriminated."""


def describe_problem(error: ValidationError, value: object, annotation: Any) -> str:
    """The first thing wrong with ``value``, which should have been of the type ``annotation``."""
    found = [(_path(detail, value), detail) for detail in error.errors(include_url=False)]
    apt = [(path, detail) for path, detail in found if not _is_overruled(path, detail, found)]
    # Where nothing fits better, all say of the same value that it is of the wrong kind.
    path, detail = (apt or found)[0]
    text = _say(path, detail, value, annotation, [other for at, other in (apt or found) if at == path])
    tag = [detail["ctx"]["discriminator"][1:-1]] if detail["type"].startswith("union_tag_") else []
    place = ".".join(map(str, [*path, *tag]))
    return f"{place}: {text}" if place else text


def _is_overruled(path: Path, detail: ErrorDetails, found: Sequence[tuple[Path, ErrorDetails]]) -> bool:
    """Whether another member of a union is of the kind that the value is."""
    if not _is_of_other_kind(detail):
        return False
    return any(at[: len(path)] == path and (at != path or not _is_of_other_kind(other)) for at, other in found)


def _is_of_other_kind(detail: ErrorDetails) -> bool:
    if detail["type"] == "literal_error":
        return not isinstance(detail["input"], str)
    return detail["type"] in _KINDS


def _say(path: Path, detail: ErrorDetails, value: object, annotation: Any, same: Sequence[ErrorDetails]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "is needed"
    if kind == "extra_forbidden":
        return _say_unknown(str(path[-1]), _parts(annotation, path[:-1], value))
    if kind == "union_tag_invalid":
        return f"{context['tag']!r} is not allowed; give {_choice(context['expected_tags'].split(', '))}"
    if kind == "union_tag_not_found":
        tag = context["discriminator"][1:-1]
        tags = sorted({repr(text) for part in _parts(annotation, path, value) for text in _tags(part, tag)})
        return f"is needed: {_choice(tags)}"
    if _is_of_other_kind(detail):
        kinds = dict.fromkeys(_KINDS.get(other["type"]) or other["ctx"]["expected"] for other in same)
        return f"give {' or '.join(kinds)}, not {_kind_of(detail['input'])}"
    if kind == "literal_error":
        return f"{detail['input']!r} is not allowed; give {context['expected']}"
    return str(detail["msg"]).replace("Input should", "should", 1)


def _say_unknown(name: str, parts: Sequence[Any]) -> str:
    known = sorted({field for part in parts if is_typeddict(part) for field in part.__annotations__})
    if not known:
        return "there is no such field"
    close = get_close_matches(name, known, 1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    return f"there is no such field{meant}; known here: {', '.join(known)}"


def _choice(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def _path(detail: ErrorDetails, value: object) -> Path:
    """An error's location without pydantic's names for members of unions, which are not in the value."""
    location, kept = detail["loc"], []
    for number, part in enumerate(location):
        last = number == len(location) - 1
        if isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        elif isinstance(value, dict) and part in value and (last or not _is_tag(value, part)):
            value = value[part]
        elif not (last and detail["type"] in _NAMED):
            continue
        kept.append(part)
    return tuple(kept)


def _is_tag(value: dict[str, Any], part: int | str) -> bool:
    return any(value.get(tag) == part for tag in _TAGS)


def _parts(annotation: Any, path: Path, value: object) -> list[Any]:
    """The types that the part of ``value`` at ``path`` may be of."""
    parts = list(_members(annotation, value))
    for step in path:
        inner = value[step] if _holds(value, step) else None  # type: ignore[index]
        parts = [member for part in parts for member in _members(_inside(part, step), inner)]
        value = inner
    return parts


def _holds(value: object, step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _inside(part: Any, step: int | str) -> Any:
    if is_typeddict(part):
        return part.__annotations__.get(step)
    return get_args(part)[-1] if get_origin(part) in (list, dict) else None


def _members(annotation: Any, value: object) -> Iterator[Any]:
    """The members of a union that ``value`` may be of: those with its tag, where it has one."""
    origin = get_origin(annotation)
    if origin in (Annotated, Required, NotRequired):
        yield from _members(get_args(annotation)[0], value)
    elif origin is Union:
        members = [member for argument in get_args(annotation) for member in _members(argument, value)]
        fitting = [member for member in members if _fits(member, value)]
        yield from fitting or members
    else:
        yield annotation


def _fits(member: Any, value: object) -> bool:
    if not is_typeddict(member) or not isinstance(value, dict):
        return False
    return all(value[tag] in _tags(member, tag) for tag in _TAGS if tag in value and _tags(member, tag))


def _tags(member: Any, tag: str) -> tuple[str, ...]:
    """The texts that a field of an object may be, where only some are allowed."""
    annotation = member.__annotations__.get(tag) if is_typeddict(member) else None
    while get_origin(annotation) in (Annotated, Required, NotRequired):
        annotation = get_args(annotation)[0]
    return get_args(annotation) if get_origin(annotation) is Literal else ()
