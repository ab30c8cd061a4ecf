"""Spans in the vocabulary of OpenInference (``openinference.span.kind``, ``llm.*``).

Source: https://arize-ai.github.io/openinference/spec/attributes/semantic-conventions.html, and the package
``openinference-semantic-conventions``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.otlp.flattened import items
from reverie.sessions.importers.otlp.genai import without_cached
from reverie.sessions.importers.otlp.operation import (
    Evaluation,
    Kind,
    Message,
    Operation,
    ToolRun,
    first_text,
    structured,
)
from reverie.sessions.importers.otlp.span import Span
from reverie.sessions.importers.parts import (
    Answered,
    Called,
    Part,
    Said,
    Thought,
    Unread,
    explicit_error,
    read_parts,
    result_texts,
)
from reverie.sessions.importers.roles import Role, role_of
from reverie.sessions.importers.tool_arguments import tool_arguments

SESSION = "session.id"

_KINDS: Mapping[str, Kind] = {
    "LLM": "model",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "chain",
    "EVALUATOR": "judge",
    "GUARDRAIL": "judge",
}
_FEEDBACK = ("evaluations", "annotations", "trace.evaluations", "trace.annotations")
_SESSION_FEEDBACK = ("session.evaluations", "session.annotations")


def operation_of(span: Span) -> Operation:
    """What the span says in this vocabulary."""
    attributes = span.attributes
    kind = _KINDS.get(as_text(attributes.get("openinference.span.kind")).upper(), "other")
    metadata = structured(attributes.get("metadata"))
    heard = tuple(_message(given, "user") for given in items(attributes, "llm.input_messages"))
    said = tuple(_message(given, "agent") for given in items(attributes, "llm.output_messages"))
    plain = kind in ("model", "agent", "chain")
    return Operation(
        kind=kind,
        heard=heard or (tuple(_value(attributes, "input", "user")) if plain else ()),
        said=said or (tuple(_value(attributes, "output", "agent")) if plain else ()),
        tool=_tool(attributes, span.name) if kind == "tool" else None,
        agent=first_text(attributes, "agent.name") or (span.name if kind == "agent" else ""),
        model=first_text(attributes, "llm.request.model_name", "llm.model_name", "llm.response.model_name"),
        usage=_usage(attributes),
        user_id=as_text(attributes.get("user.id")),
        metadata=metadata if isinstance(metadata, dict) else {},
        finish_reason=first_text(attributes, "llm.finish_reason"),
        evaluations=tuple(_evaluations(attributes, span.end)),
    )


def _message(given: Mapping[str, Any], default: Role) -> Message:
    role = role_of(as_text(given.get("message.role"))) or default
    content = given.get("message.content")
    if role == "tool":
        contents = [item.get("message_content.text") for item in items(given, "message.contents")]
        texts = tuple(result_texts(content if content is not None else contents))
        name = first_text(given, "message.name")
        return Message("tool", (Answered(as_text(given.get("message.tool_call_id")), name, texts, None),))
    return Message(role, tuple(_parts(given, content)))


def _parts(given: Mapping[str, Any], content: Any) -> Iterator[Part]:
    contents = items(given, "message.contents")
    for item in contents:
        kind, text = as_text(item.get("message_content.type")), as_text(item.get("message_content.text"))
        if text:
            yield Thought(text) if kind in ("reasoning", "thinking") else Said(text)
        elif kind not in ("text", "tool_use", "tool_call", ""):
            yield Unread(f"part of type {kind}", f"[{kind}]")
    if not contents:
        yield from read_parts(content)
    for call in items(given, "message.tool_calls"):
        if name := as_text(call.get("tool_call.function.name")):
            arguments = tool_arguments(call.get("tool_call.function.arguments"))
            yield Called(name, arguments, as_text(call.get("tool_call.id")))
    if name := first_text(given, "message.function_call_name"):
        yield Called(name, tool_arguments(given.get("message.function_call_arguments_json")), "")


def _value(attributes: Mapping[str, Any], side: str, role: Role) -> Iterator[Message]:
    """The plain ``input.value`` or ``output.value``, where there are no messages."""
    text = attributes.get(f"{side}.value")
    if text is not None and text != "":
        yield Message(role, (Said(as_text(text)),))


def _tool(attributes: Mapping[str, Any], span_name: str) -> ToolRun:
    arguments = attributes.get("tool.parameters", attributes.get("input.value"))
    if isinstance(structured(attributes.get("input.value")), dict):
        arguments = attributes["input.value"]  # ``tool.parameters`` may be the schema
    output = attributes.get("output.value")
    message = _tool_message(structured(output))
    return ToolRun(
        first_text(attributes, "tool.name") or span_name,
        tool_arguments(arguments),
        first_text(attributes, "tool_call.id", "tool.id") or as_text(message.get("tool_call_id")),
        None if output is None else tuple(result_texts(message["content"])) if message else (as_text(output),),
        is_error=explicit_error(message),
    )


def _tool_message(given: Any) -> Mapping[str, Any]:
    """The message that LangChain's tools put out, as it dumps messages; nothing for any other output."""
    held = given.get("data", given) if isinstance(given, dict) else None
    found = isinstance(held, dict) and held.get("type") == "tool" and "tool_call_id" in held and "content" in held
    return held if found and isinstance(held, dict) else {}


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "input_tokens": "llm.token_count.prompt",
        "output_tokens": "llm.token_count.completion",
        "cache_read_input_tokens": "llm.token_count.prompt_details.cache_read",
        "cache_creation_input_tokens": "llm.token_count.prompt_details.cache_write",
        "cost_usd": "llm.cost.total",
    }
    return without_cached(
        {field: attributes[name] for field, name in names.items() if attributes.get(name) is not None}
    )


def _evaluations(attributes: Mapping[str, Any], at: int) -> Iterator[Evaluation]:
    for prefix in (*_FEEDBACK, *_SESSION_FEEDBACK):  # what is said of the whole session comes last, and wins
        word = "evaluation" if prefix.endswith("evaluations") else "annotation"
        for given in items(attributes, prefix):
            value = given.get(f"{word}.score")
            name = as_text(given.get(f"{word}.name"))
            if name:
                yield Evaluation(name, given.get(f"{word}.label") if value is None else value, at)
