"""Requests as the official SDK types them, read strictly: its parameter types with unknown fields refused.

The SDK says what the fields are; :mod:`reverie.api.limits` adds how long and how many. A type is built when it is
first needed, since loading the SDK takes longer than the rest of the server.
"""

import asyncio
import importlib
import threading
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

import msgspec
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import from_json
from typing_extensions import TypedDict, get_type_hints, is_typeddict

from reverie.api.limits import ECHOED, LIMITS, NULLABLE, OPEN_TYPES
from reverie.api.problem import describe_problem
from reverie.errors import InputError

_LOADING = threading.RLock()
"""The SDK's modules import each other in circles: two threads that load them at once find them half made."""
_HEADERS = ("betas", "workspace_id", "anthropic_worker_id")
"""Parameters of the SDK's methods that travel as headers."""
_IGNORED = ("beta",)
"""Parameters that older clients add to every address."""
_LIMIT_NAMES = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
_RANGES = ("gte", "gt", "lte", "lt")


class WireType:
    """A type of ours; read from JSON or from a query string."""

    def __init__(self, source: Any) -> None:
        self.name: str = source.__name__
        self.source = source
        """The type as it is written."""

    @cached_property
    def type(self) -> Any:
        """The type as it is read: closed to unknown fields where it is of parameters."""
        return _closed(self.source)

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What reads and describes it."""
        return TypeAdapter(self.type)

    async def prepare(self) -> None:
        """Build it if need be, without holding up other requests: the first one loads the SDK."""
        if "adapter" not in self.__dict__:
            await asyncio.to_thread(getattr, self, "adapter")

    def read_json(self, data: bytes) -> Any:
        """The value that ``data`` holds.

        Raises:
            InputError: it is not JSON, or not of this type; the message names the field.
        """
        try:
            return self.adapter.validate_json(data or b"{}", strict=True)
        except ValidationError as error:
            raise InputError(describe_problem(error, _decoded(data), self.type)) from error

    def read_strictly(self, value: object) -> Any:
        """What answers are checked with: ``value``, JSON-able, is of this type without anything being coerced.

        Raises:
            InputError: it is not.
        """
        return self.read_json(msgspec.json.encode(value))

    def read_query(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """The value of query parameters; ``name[]`` and repeated names make lists, ``name[gte]`` makes ``name_gte``.

        Raises:
            InputError: a parameter is unknown or malformed.
        """
        fields = self.type.__annotations__
        values: dict[str, Any] = {}
        for name, text in pairs:
            if name in _IGNORED:
                continue
            key = _query_field(name)
            if key in fields and _is_list(fields[key]):
                values.setdefault(key, []).append(text)
            else:
                values[key] = text
        try:
            read: dict[str, Any] = self.adapter.validate_python(values)
        except ValidationError as error:
            raise InputError(describe_problem(error, values, self.type)) from error
        return read


class SdkType(WireType):
    """A type of the SDK by its name below ``anthropic.types``, such as ``beta.sessions.EventListParams``."""

    def __init__(self, name: str, *, leave_out: Sequence[str] = (), nullable: bool = False) -> None:
        package, _, self.name = f"anthropic.types.{name}".rpartition(".")
        self._package = package
        self._leave_out = (*_HEADERS, *leave_out)
        self._nullable = nullable

    @cached_property
    def source(self) -> Any:
        """The SDK's type, loaded with the SDK."""
        with _LOADING:
            return getattr(importlib.import_module(self._package), self.name)

    @cached_property
    def type(self) -> Any:
        """The type without what travels elsewhere than in the body or query."""
        closed = _closed(self.source, self._leave_out)
        return closed | None if self._nullable else closed


class RecordType(WireType):
    """A type of ours that the client shares; see :mod:`reverie.api.records`."""

    def read_strictly(self, value: object) -> Any:
        """``value``, JSON-able, as the record; it says the very same.

        Raises:
            InputError: it is of another type, or holds what the record does not.
        """
        data = msgspec.json.encode(value)
        try:
            record = msgspec.json.decode(data, type=self.source)
        except msgspec.ValidationError as error:
            raise InputError(f"{self.name}: {error}") from error
        again = msgspec.json.decode(msgspec.json.encode(record))
        if again != msgspec.json.decode(data):
            raise InputError(f"{self.name}: is {again}, not {value}")
        return record


def query_name(field: str, annotation: Any) -> str:
    """How the SDK writes a field of a query: ``created_at_gte`` as ``created_at[gte]``, lists as ``name[]``."""
    stem, _, end = field.rpartition("_")
    if end in _RANGES and stem:
        return f"{stem}[{end}]"
    return f"{field}[]" if _is_list(annotation) else field


def _decoded(data: bytes) -> object:
    try:
        return from_json(data)  # takes NaN too, which is then named as what is wrong
    except ValueError:
        return None


def _query_field(name: str) -> str:
    if name.endswith("[]"):
        return name[:-2]
    if name.endswith("]") and "[" in name:
        stem, _, end = name[:-1].partition("[")
        return f"{stem}_{end}"
    return name


def _is_list(annotation: Any) -> bool:
    while get_origin(annotation) in (Annotated, Required, NotRequired):
        annotation = get_args(annotation)[0]
    return get_origin(annotation) is list


def _closed(annotation: Any, leave_out: tuple[str, ...] = ()) -> Any:
    """``annotation`` with typed dicts closed, lazy iterables as lists, and unions discriminated by ``type``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_typeddict(annotation):
        return _closed_dict(annotation, leave_out)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _closed_record(annotation)
    if annotation is float:
        return Annotated[float, Field(allow_inf_nan=False)]
    if origin is Annotated:
        return _limited(_closed(arguments[0]), arguments[1:])
    if origin in (Required, NotRequired):
        return origin[_closed(arguments[0])]
    if origin in (Union, types.UnionType):
        return _closed_union(arguments)
    if origin is Literal or not arguments:
        return Any if annotation is object else annotation
    if origin is dict or origin is Mapping or getattr(origin, "__name__", "") == "Mapping":
        return dict[_closed(arguments[0]), _closed(arguments[1])]  # type: ignore[misc]
    return list[_closed(arguments[0])]  # type: ignore[misc]


def _closed_union(arguments: tuple[Any, ...]) -> Any:
    if datetime in arguments and str in arguments:
        return AwareDatetime
    if str in arguments:  # the SDK names the texts that it knows besides; any other is as good
        arguments = tuple(argument for argument in arguments if not _is_text(argument))
    members = [_closed(argument) for argument in arguments if argument is not msgspec.UnsetType]
    for tag in ("type", "name"):
        tagged = [member for member in members if is_typeddict(member) and _is_tagged(member, tag)]
        if len(tagged) > 1:
            others = [member for member in members if member not in tagged]
            joined: Any = Union[tuple(tagged)]  # noqa: UP007 - a union of a tuple has no other spelling
            return Union[(Annotated[joined, Field(discriminator=tag)], *others)]
    return Union[tuple(members)]  # noqa: UP007


def _is_text(argument: Any) -> bool:
    return get_origin(argument) is Literal and all(isinstance(text, str) for text in get_args(argument))


def _is_tagged(member: Any, tag: str) -> bool:
    annotation = member.__annotations__.get(tag)
    return get_origin(annotation) is Required and get_origin(get_args(annotation)[0]) is Literal


@cache
def _closed_dict(source: Any, leave_out: tuple[str, ...]) -> Any:
    hints = get_type_hints(source, include_extras=True)
    fields = {}
    for name, hint in hints.items():
        if name in leave_out:
            continue
        mark: Any = get_origin(hint)
        required = mark is Required or (mark is not NotRequired and _is_total(source, name))
        inner = get_args(hint)[0] if mark in (Required, NotRequired) else hint
        limit = LIMITS.get(f"{source.__name__}.{name}")
        inner = inner | None if f"{source.__name__}.{name}" in NULLABLE else inner
        closed = _closed(inner) if limit is None else Annotated[_closed(inner), limit]
        fields[name] = Required[closed] if required else NotRequired[closed]
    fields |= dict.fromkeys(ECHOED.get(source.__name__, ()), NotRequired[str | None])
    extra: Literal["allow", "forbid"] = "allow" if source.__name__ in OPEN_TYPES else "forbid"
    make: Any = TypedDict
    closed_type = make(source.__name__, fields)
    return with_config(ConfigDict(extra=extra))(closed_type)


@cache
def _closed_record(source: type[msgspec.Struct]) -> Any:
    """The record as a typed dict of the same name, with the limits that its fields state."""
    fields: dict[str, Any] = {}
    if (tag_field := source.__struct_config__.tag_field) is not None:
        fields[tag_field] = Required[Literal[source.__struct_config__.tag]]
    for field in msgspec.structs.fields(source):
        mark: Any = Required if field.required else NotRequired
        fields[field.encode_name] = mark[_closed(field.type)]
    make: Any = TypedDict
    return with_config(ConfigDict(extra="forbid"))(make(source.__name__, fields))


def _limited(closed: Any, marks: Sequence[Any]) -> Any:
    """A type with what msgspec's marks say of how long and how many."""
    for mark in marks:
        if isinstance(mark, msgspec.Meta):
            stated = {name: getattr(mark, name) for name in _LIMIT_NAMES if getattr(mark, name) is not None}
            closed = Annotated[closed, Field(**stated)]
    return closed


def _is_total(source: Any, name: str) -> bool:
    for base in getattr(source, "__orig_bases__", ()):
        if is_typeddict(base) and name in get_type_hints(base):
            return _is_total(base, name)
    return bool(source.__total__)
