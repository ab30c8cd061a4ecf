"""Spans as OTLP JSON has them, for tests: small, and made by us."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECOND = 1_000_000_000
BEGIN = 1_767_323_045 * SECOND
"""2026-01-02T03:04:05Z in nanoseconds."""


def value(given: Any) -> dict[str, Any]:
    """An ``AnyValue``."""
    if isinstance(given, bool):
        return {"boolValue": given}
    if isinstance(given, int):
        return {"intValue": str(given)}
    if isinstance(given, float):
        return {"doubleValue": given}
    if isinstance(given, list):
        return {"arrayValue": {"values": [value(item) for item in given]}}
    if isinstance(given, dict):
        return {"kvlistValue": {"values": attributes(given)}}
    return {"stringValue": given}


def attributes(given: dict[str, Any]) -> list[dict[str, Any]]:
    """A list of ``KeyValue``."""
    return [{"key": key, "value": value(one)} for key, one in given.items()]


def span(
    number: int,
    start: float,
    end: float,
    given: dict[str, Any],
    *,
    parent: int = 0,
    name: str = "span",
    events: Sequence[tuple[str, float, dict[str, Any]]] = (),
    error: str | None = None,
    trace: str = TRACE,
) -> dict[str, Any]:
    """A span; ``start`` and ``end`` in seconds after :data:`BEGIN`."""
    return {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "startTimeUnixNano": str(BEGIN + int(start * SECOND)),
        "endTimeUnixNano": str(BEGIN + int(end * SECOND)),
        "attributes": attributes(given),
        "events": [
            {"name": what, "timeUnixNano": str(BEGIN + int(at * SECOND)), "attributes": attributes(told)}
            for what, at, told in events
        ],
        "status": {} if error is None else {"code": 2, "message": error},
    }


def request(spans: Sequence[dict[str, Any]], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    """An ``ExportTraceServiceRequest``."""
    given = {"service.name": "shop", "service.version": "1"} if resource is None else resource
    return {"resourceSpans": [{"resource": {"attributes": attributes(given)}, "scopeSpans": [{"spans": list(spans)}]}]}


def text(role: str, words: str) -> dict[str, Any]:
    """A message of the GenAI conventions."""
    return {"role": role, "parts": [{"type": "text", "content": words}]}


def asks(call_id: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A message that calls a tool."""
    call = {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}
    return {"role": "assistant", "parts": [call]}


def answers(call_id: str, result: str) -> dict[str, Any]:
    """A message with a tool's result."""
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": result}]}


def chat(
    number: int,
    start: float,
    end: float,
    heard: list[dict[str, Any]],
    said: list[dict[str, Any]],
    *,
    more: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A model's call in the GenAI conventions."""
    given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m-1",
        "gen_ai.input.messages": json.dumps(heard),
        "gen_ai.output.messages": json.dumps(said),
    }
    return span(number, start, end, given | (more or {}), **options)


def desk() -> list[dict[str, Any]]:
    """A conversation of two traces: an order is looked up by a tool, another agent is asked, the user comes back."""
    where, found = text("user", "Where is order 17?"), text("assistant", "It has been shipped.")
    call, result = asks("c1", "find_order", {"id": 17}), answers("c1", "shipped")
    ask = asks("c2", "ask_courier", {"order": 17})
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "gen_ai.conversation.id": "conv-1"}
    courier = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "courier"}
    found_order = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "find_order",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.result": "shipped",
    }
    asked = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ask_courier", "gen_ai.tool.call.id": "c2"}
    asked |= {"gen_ai.tool.call.result": "tomorrow"}
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2}
    history = [where, call, result, ask, answers("c2", "tomorrow"), found]
    return [
        span(1, 0, 9, agent),
        chat(2, 0.1, 1, [where], [call], parent=1, more=usage),
        span(3, 1, 2, found_order, parent=1),
        chat(4, 2, 3, [where, call, result], [ask], parent=1, more=usage),
        span(5, 3, 6, asked, parent=1),
        span(6, 3.1, 5.9, courier, parent=5),
        chat(7, 3.2, 5.8, [text("user", "When does 17 come?")], [text("assistant", "tomorrow")], parent=6),
        chat(8, 6, 8, history[:5], [found], parent=1, more=usage),
        span(9, 20, 29, agent, trace="1" * 32),
        chat(10, 21, 22, [*history, text("user", "Thanks")], [text("assistant", "Bye")], parent=9, trace="1" * 32),
    ]


_IDS = ("traceId", "spanId", "parentSpanId")


def as_protobuf(given: dict[str, Any]) -> bytes:
    """A request of traces in protobuf."""
    message: Any = ExportTraceServiceRequest()
    ParseDict(_with_base64(given), message)
    data: bytes = message.SerializeToString()
    return data


def _with_base64(given: Any) -> Any:
    """With ids as the JSON of protobuf itself has bytes, which OTLP alone writes as hexadecimal digits."""
    if isinstance(given, dict):
        return {
            key: base64.b64encode(bytes.fromhex(one)).decode() if key in _IDS else _with_base64(one)
            for key, one in given.items()
        }
    return [_with_base64(one) for one in given] if isinstance(given, list) else given
