"""Requests of OTLP in protobuf, as what their JSON decodes to; loaded when needed, since the messages are an extra.

Messages: ``opentelemetry-proto`` (https://github.com/open-telemetry/opentelemetry-proto), ``collector/*/v1``.
"""

import base64
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from reverie.errors import ImportFormatError
from reverie.sessions.importers.json_text import storable


def traces_document(data: bytes) -> dict[str, Any]:
    """An ``ExportTraceServiceRequest``, with attributes as plain objects.

    Raises:
        ImportFormatError: the data is no such message.
    """
    request = ExportTraceServiceRequest()
    _parse(request, data)
    found = [
        {
            "resource": {"attributes": _plain(holder.resource.attributes)},
            "scopeSpans": [{"spans": [_span(span) for span in scope.spans]} for scope in holder.scope_spans],
        }
        for holder in request.resource_spans
    ]
    return {"resourceSpans": found}


def logs_document(data: bytes) -> dict[str, Any]:
    """An ``ExportLogsServiceRequest``, with attributes as plain objects.

    Raises:
        ImportFormatError: the data is no such message.
    """
    request = ExportLogsServiceRequest()
    _parse(request, data)
    found = [
        {
            "scopeLogs": [
                {"logRecords": [_record(record) for record in scope.log_records]} for scope in holder.scope_logs
            ]
        }
        for holder in request.resource_logs
    ]
    return {"resourceLogs": found}


def _parse(message: ExportTraceServiceRequest | ExportLogsServiceRequest, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ImportFormatError(f"the data is no {message.DESCRIPTOR.name} in protobuf") from error


def _text(given: str) -> str:
    """A text as it can be stored; texts of protobuf are UTF-8, so that NUL is all that cannot."""
    fit: str = storable(given) if "\0" in given else given
    return fit


def _span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": _text(span.name),
        "startTimeUnixNano": span.start_time_unix_nano,
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": _plain(span.attributes),
        "events": [
            {"name": _text(one.name), "timeUnixNano": one.time_unix_nano, "attributes": _plain(one.attributes)}
            for one in span.events
        ],
        "status": {"code": span.status.code, "message": _text(span.status.message)},
    }


def _record(record: LogRecord) -> dict[str, Any]:
    return {
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "eventName": _text(record.event_name),
        "timeUnixNano": record.time_unix_nano,
        "observedTimeUnixNano": record.observed_time_unix_nano,
        "attributes": _plain(record.attributes),
        "body": _wrapped(record.body),
    }


def _plain(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {_text(pair.key): _value(pair.value) for pair in pairs}


def _value(given: AnyValue) -> Any:
    kind = given.WhichOneof("value")
    if kind == "string_value":
        return _text(given.string_value)
    if kind == "array_value":
        return [_value(item) for item in given.array_value.values]
    if kind == "kvlist_value":
        return _plain(given.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(given.bytes_value).decode()
    return None if kind is None else getattr(given, kind)


def _wrapped(given: AnyValue) -> dict[str, Any] | None:
    """A value as JSON has it, which a body is read from; within an object it may be plain."""
    kind = given.WhichOneof("value")
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": _plain(given.kvlist_value.values)}}
    if kind == "array_value":
        return {"arrayValue": {"values": [_wrapped(item) for item in given.array_value.values]}}
    return None if kind is None else {"stringValue": _value(given)}
