"""The documentation page: the OpenAPI document as one HTML page that needs nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_METHODS = ("get", "post", "delete")
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} pairs",
    "pattern": "matches {}",
}


class Field(msgspec.Struct, frozen=True):
    """A parameter, or a member of an object."""

    name: str
    type: Markup
    required: bool
    notes: str


class Operation(msgspec.Struct, frozen=True):
    """An endpoint as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    extension: bool
    parameters: tuple[Field, ...]
    body: Markup | None
    body_fields: tuple[Field, ...]
    answer: Markup


class Resource(msgspec.Struct, frozen=True):
    """Endpoints of one resource."""

    name: str
    operations: tuple[Operation, ...]


class Schema(msgspec.Struct, frozen=True):
    """A type that others refer to."""

    name: str
    description: str
    type: Markup
    fields: tuple[Field, ...]


def render_docs(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    schemas = document["components"]["schemas"]
    template = _environment().get_template("docs.html")
    return template.render(
        info=document["info"],
        resources=list_resources(document),
        schemas=[_schema(name, schemas[name]) for name in schemas],
    )


@cache
def _environment() -> Environment:
    loader = PackageLoader("reverie.api")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def list_resources(document: Mapping[str, Any]) -> list[Resource]:
    """The endpoints by resource, in the order of the document."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                found.setdefault(operation["tags"][0], []).append(_operation(document, path, method, operation))
    return [Resource(name, tuple(operations)) for name, operations in found.items()]


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    schemas = document["components"]["schemas"]
    body: Markup | None = None
    body_fields: tuple[Field, ...] = ()
    if "requestBody" in operation:
        ((media, content),) = operation["requestBody"]["content"].items()
        schema = content["schema"]
        body = Markup("{} <small>{}</small>").format(describe_type(schema), media)
        body_fields = tuple(_fields(_resolve(schema, schemas)))
    ((media, content),) = operation["responses"]["200"]["content"].items()
    answer = describe_type(content["schema"]) if "schema" in content else Markup("<small>{}</small>").format(media)
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        extension="extension" in operation["tags"],
        parameters=tuple(
            Field(x["name"], describe_type(x["schema"]), x["required"], _notes(x["schema"]))
            for x in operation["parameters"]
        ),
        body=body,
        body_fields=body_fields,
        answer=answer,
    )


def _schema(name: str, schema: Mapping[str, Any]) -> Schema:
    return Schema(name, _first_sentences(schema.get("description", "")), describe_type(schema), tuple(_fields(schema)))


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: Mapping[str, Any] = schemas[_referred(reference)]
    return resolved


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        yield Field(name, describe_type(member), name in required, _notes(member))


def describe_type(schema: Mapping[str, Any]) -> Markup:
    """A type in a line, with links to the types that it refers to."""
    if "$ref" in schema:
        name = _referred(schema["$ref"])
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "const" in schema:
        return Markup("<code>{}</code>").format(msgspec.json.encode(schema["const"]).decode())
    if "enum" in schema:
        return Markup(" | ").join(Markup("<code>{}</code>").format(x) for x in schema["enum"])
    members = schema.get("anyOf") or schema.get("oneOf")
    if members:
        return Markup(" | ").join(dict.fromkeys(describe_type(member) for member in members))
    kind = schema.get("type", "any")
    if kind == "array" and "prefixItems" in schema:
        return Markup("[{}]").format(Markup(", ").join(map(describe_type, schema["prefixItems"])))
    if kind == "array":
        return Markup("list of {}").format(describe_type(schema.get("items", {})))
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return Markup("map to {}").format(describe_type(schema["additionalProperties"]))
    if kind == "object" and "data" in schema.get("properties", {}) and "title" not in schema:
        return Markup("page of {}").format(describe_type(schema["properties"]["data"]["items"]))
    name = " | ".join(kind) if isinstance(kind, list) else kind
    return Markup("{} ({})").format(name, schema["format"]) if "format" in schema else Markup("{}").format(name)


def _referred(reference: str) -> str:
    return reference.rpartition("/")[2]


def _notes(schema: Mapping[str, Any]) -> str:
    """What is said of a field, and its limits, which may be in a member of a union."""
    parts = [schema, *schema.get("anyOf", ())]
    limits = [text.format(part[key]) for part in parts for key, text in _LIMITS.items() if key in part]
    said = _first_sentences(schema.get("description", ""))
    default = schema.get("default")
    stated = [] if default is None else [f"default {msgspec.json.encode(default).decode()}"]
    return ". ".join(text for text in (said.rstrip("."), "; ".join([*limits, *stated])) if text)


def _first_sentences(text: str) -> str:
    """The first paragraph, as one line."""
    return " ".join(text.partition("\n\n")[0].split())
