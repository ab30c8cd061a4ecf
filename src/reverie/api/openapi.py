"""The OpenAPI document of all endpoints, made from the same types that requests are read with."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from pydantic.json_schema import GenerateJsonSchema

from reverie.api.endpoint import Endpoint
from reverie.api.wire_type import RecordType, WireType, query_name

_REFERENCE = "#/components/schemas/{model}"
_RECORD_REFERENCE = "#/components/schemas/{name}"
_ERROR_SCHEMA = {
    "type": "object",
    "required": ["type", "error", "request_id"],
    "properties": {
        "type": {"const": "error"},
        "request_id": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string"},
                "message": {"type": "string"},
                "details": {"type": "object", "properties": {"error_code": {"type": "string"}}},
            },
        },
    },
}


_STATUS_SCHEMA = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
"""``google.rpc.Status``, which clients of OTLP read."""


def openapi_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    schemas: dict[str, Any] = {"Error": _ERROR_SCHEMA, **_record_schemas(endpoints)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = re.sub(r":\w+}", "}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reverie",
            "version": version("reverie"),
            "description": "The Managed Agents API, and what Reverie adds to it (tagged `extension`).",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
        "security": [{"bearer": []}, {"key": []}],
    }


def _record_schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The schemas of our own records; made together, so that records of one name get names of their own."""
    types = (wire_type for endpoint in endpoints for wire_type in (endpoint.body, endpoint.answer))
    records = {wire_type.source for wire_type in types if isinstance(wire_type, RecordType)}
    return msgspec.json.schema_components(records, ref_template=_RECORD_REFERENCE)[1]


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.name.rpartition(".")[0], *(["extension"] if endpoint.extension else [])],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, schemas)],
        "responses": {
            "200": {"description": "Done.", "content": _content(endpoint, schemas)},
            "default": {
                "description": "What was wrong.",
                "content": {"application/json": {"schema": _error_schema(endpoint)}},
            },
        },
    }
    if endpoint.body is not None:
        schema = _schema(endpoint.body, schemas, "validation")
        operation["requestBody"] = {"required": True, "content": {endpoint.body_media: {"schema": schema}}}
    return operation


def _error_schema(endpoint: Endpoint) -> dict[str, Any]:
    return {"$ref": "#/components/schemas/Error"} if endpoint.error_form is None else _STATUS_SCHEMA


def _content(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    if endpoint.answer is None:
        return {endpoint.answer_media: {}}
    schema = _schema(endpoint.answer, schemas, "serialization")
    if endpoint.is_list:
        schema = {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": {"type": "array", "items": schema},
                "next_page": {"type": ["string", "null"]},
            },
        }
    return {endpoint.answer_media: {"schema": schema}}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)(?::\w+)?}", endpoint.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(endpoint: Endpoint, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.adapter.json_schema(ref_template=_REFERENCE)
    schemas.update(schema.pop("$defs", {}))
    required = schema.get("required", ())
    annotations = endpoint.query.type.__annotations__
    return [
        {
            "name": query_name(field, annotations[field]),
            "in": "query",
            "required": field in required,
            "schema": described,
        }
        for field, described in schema["properties"].items()
    ]


def _schema(wire_type: WireType, schemas: dict[str, Any], mode: Any) -> dict[str, Any]:
    if isinstance(wire_type, RecordType):
        return {"$ref": _RECORD_REFERENCE.format(name=wire_type.name)}
    schema = wire_type.adapter.json_schema(mode=mode, ref_template=_REFERENCE, schema_generator=GenerateJsonSchema)
    schemas.update(schema.pop("$defs", {}))
    name = wire_type.name
    if "title" in schema:
        schemas[name] = schema
        return {"$ref": f"#/components/schemas/{name}"}
    return schema
