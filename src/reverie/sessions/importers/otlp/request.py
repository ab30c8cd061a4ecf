"""Requests of OTLP/HTTP, in either encoding, and the answers that exporters understand.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp. The few fields of the answers are written here, so that
errors can be told to senders of protobuf without the library that reads their requests.
"""

import importlib.util
from typing import Any, Literal

import msgspec

from reverie.errors import ImportFormatError
from reverie.lazy_modules import load_module
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.otlp.span import Odd, Span, spans_in

Kind = Literal["traces", "logs"]
Encoding = Literal["json", "protobuf"]

_REJECTED = {"traces": "rejectedSpans", "logs": "rejectedLogRecords"}
_HOLDER = {"traces": "resourceSpans", "logs": "resourceLogs"}


class ReadRequest(msgspec.Struct, frozen=True):
    """What a request holds."""

    spans: tuple[Span, ...]
    odd: tuple[str, ...]
    """Of each span or log record that cannot be read, why."""


def can_read(encoding: Encoding) -> bool:
    """Whether what reads the encoding is installed."""
    # The parent by itself: looking for a module in a package that is not there raises.
    found = (importlib.util.find_spec(name) for name in ("opentelemetry", "opentelemetry.proto", "google.protobuf"))
    return encoding == "json" or all(found)


def read_request(kind: Kind, encoding: Encoding, data: bytes) -> ReadRequest:
    """The spans, or what log records tell of spans, in a request.

    Raises:
        ImportFormatError: the data is no such request.
        ImportError: the encoding needs a library that is not installed; see :func:`can_read`.
    """
    if encoding == "json":
        document = decode_json(data)
    else:
        messages = load_module("reverie.sessions.importers.otlp.protobuf")
        document = messages.traces_document(data) if kind == "traces" else messages.logs_document(data)
    if document == {}:  # In protobuf and in JSON alike, a request without anything is a good one.
        return ReadRequest((), ())
    _check(kind, document)
    found = list(spans_in(document))
    return ReadRequest(
        tuple(one for one in found if isinstance(one, Span)), tuple(one.reason for one in found if isinstance(one, Odd))
    )


def _check(kind: Kind, document: Any) -> None:
    name = _HOLDER[kind]
    snake = name.replace("Spans", "_spans").replace("Logs", "_logs")
    if not isinstance(document, dict) or not isinstance(document.get(name, document.get(snake)), list):
        raise ImportFormatError(f"there is no {name} with a list in it")


def encoded_answer(kind: Kind, encoding: Encoding, rejected: int, reason: str) -> bytes:
    """An ``ExportTraceServiceResponse`` or its like for logs; ``partial_success`` where something was rejected."""
    if encoding == "json":
        partial = {"partialSuccess": {_REJECTED[kind]: str(rejected), "errorMessage": reason}} if rejected else {}
        return msgspec.json.encode(partial)
    return _bytes_field(1, _number_field(1, rejected) + _bytes_field(2, reason.encode())) if rejected else b""


def encoded_status(encoding: Encoding, code: int, message: str) -> bytes:
    """A ``google.rpc.Status``, which says what went wrong."""
    if encoding == "json":
        return msgspec.json.encode({"code": code, "message": message})
    return _number_field(1, code) + _bytes_field(2, message.encode("utf-8", "replace"))


def _number_field(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the least first (https://protobuf.dev/programming-guides/encoding/#varints)."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
