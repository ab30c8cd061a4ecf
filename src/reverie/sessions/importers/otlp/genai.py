"""Spans in the semantic conventions of OpenTelemetry for generative AI (``gen_ai.*``).

Read are the present form (messages in ``gen_ai.input.messages`` and ``gen_ai.output.messages``, on the span or its
``gen_ai.client.inference.operation.details``), the form before version 1.37 (one event for each message,
``gen_ai.user.message`` … ``gen_ai.choice``), and that of OpenLLMetry (``gen_ai.prompt.0.role``).
Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.otlp.flattened import items
from reverie.sessions.importers.otlp.operation import (
    Evaluation,
    Kind,
    Message,
    Operation,
    ToolRun,
    first_text,
    structured,
)
from reverie.sessions.importers.otlp.span import Span, SpanEvent
from reverie.sessions.importers.parts import (
    Answered,
    Called,
    Part,
    Said,
    Thought,
    Unread,
    call_of,
    read_part,
    read_parts,
    result_texts,
)
from reverie.sessions.importers.roles import Role, role_of
from reverie.sessions.importers.tool_arguments import tool_arguments

CONVERSATION = "gen_ai.conversation.id"

_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("chat", "text_completion", "generate_content"), "model"),
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "invoke_workflow": "chain",
}
_DETAILS = "gen_ai.client.inference.operation.details"
_EVALUATED = "gen_ai.evaluation.result"
_EVENT_ROLES: Mapping[str, Role] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "agent",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "agent",
}
_ENTITIES: Mapping[str, Kind] = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
"""``traceloop.span.kind``."""


def operation_of(span: Span) -> Operation:
    """What the span says in this vocabulary."""
    attributes = dict(span.attributes)
    for event in span.all_events:
        if event.name == _DETAILS:
            attributes |= {name: value for name, value in event.attributes.items() if name.startswith("gen_ai.")}
    heard = (*_instructions(attributes), *_messages(attributes, "gen_ai.input.messages", "gen_ai.prompt"))
    said = tuple(_messages(attributes, "gen_ai.output.messages", "gen_ai.completion"))
    events = tuple(_told_by_events(attributes, span.all_events)) if not (heard or said) else ()
    heard = heard or tuple(message for message, choice in events if not choice)
    said = said or tuple(message for message, choice in events if choice)
    kind = _kind(attributes, speaks=bool(heard or said))
    return Operation(
        kind=kind,
        heard=heard,
        said=said,
        tool=_tool(attributes, span.name) if kind == "tool" else None,
        agent=first_text(attributes, "gen_ai.agent.name"),
        agent_version=first_text(attributes, "gen_ai.agent.version"),
        model=first_text(attributes, "gen_ai.request.model", "gen_ai.response.model"),
        usage=_usage(attributes),
        finish_reason=_finish_reason(attributes),
        evaluations=tuple(_evaluations(span.all_events)),
    )


def _kind(attributes: Mapping[str, Any], *, speaks: bool) -> Kind:
    name = attributes.get("gen_ai.operation.name")
    if isinstance(name, str):
        return _KINDS.get(name.lower(), "other")
    entity = attributes.get("traceloop.span.kind")
    if isinstance(entity, str):
        return _ENTITIES.get(entity.lower(), "other")
    if speaks and ("gen_ai.request.model" in attributes or "gen_ai.response.model" in attributes):
        return "model"
    return "other"


def _instructions(attributes: Mapping[str, Any]) -> Iterator[Message]:
    given = structured(attributes.get("gen_ai.system_instructions"))
    if given:
        yield Message("system", tuple(_parts(given)))


def _messages(attributes: Mapping[str, Any], name: str, flat: str) -> Iterator[Message]:
    given = structured(attributes.get(name))
    if isinstance(given, str) and given:
        given = [{"content": given}]
    default: Role = "user" if name == "gen_ai.input.messages" else "agent"
    if isinstance(given, list):
        yield from (_message(message, default) for message in given if isinstance(message, dict))
        return
    for message in items(attributes, flat):
        calls = items(message, "tool_calls")
        yield _message({**message, **({"tool_calls": calls} if calls else {})}, default)


def _message(given: Mapping[str, Any], default: Role) -> Message:
    role = role_of(as_text(given.get("role"))) or default
    if isinstance(given.get("parts"), list):
        parts = tuple(part for item in given["parts"] for part in _part(item))
    else:
        parts = tuple(_plain(given, role))
    if parts and all(isinstance(part, Answered) for part in parts):
        role = "tool"
    return Message(role, parts)


def _plain(given: Mapping[str, Any], role: Role) -> Iterator[Part]:
    """The parts of a message of the older forms: content, and tool calls beside it."""
    content = structured(given.get("content"))
    if role == "tool":
        call_id = next((as_text(given[name]) for name in ("id", "tool_call_id") if given.get(name)), "")
        yield Answered(call_id, as_text(given.get("name")), tuple(result_texts(given.get("content"))), None)
        return
    yield from _parts(content if isinstance(content, list) else given.get("content"))
    calls = structured(given.get("tool_calls"))
    for call in calls if isinstance(calls, list) else ():
        yield from call_of(call)


def _parts(given: Any) -> Iterator[Part]:
    if isinstance(given, list):
        for item in given:
            yield from _part(item)
    else:
        yield from read_parts(given)


def _part(given: Any) -> Iterator[Part]:
    """One part as the conventions' JSON schema has it, or as the providers have theirs."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind == "text" and "content" in given:
        if text := as_text(given["content"]):
            yield Said(text)
    elif kind == "reasoning" and "content" in given:
        if text := as_text(given["content"]):
            yield Thought(text)
    elif kind == "tool_call" and given.get("name"):
        yield Called(as_text(given["name"]), tool_arguments(given.get("arguments")), as_text(given.get("id")))
    elif kind == "server_tool_call" and given.get("name"):
        yield Called(as_text(given["name"]), tool_arguments(given.get(kind)), as_text(given.get("id")))
    elif kind in ("tool_call_response", "server_tool_call_response"):
        result = next((given[name] for name in ("response", "result", kind) if given.get(name) is not None), None)
        yield Answered(as_text(given.get("id")), as_text(given.get("name")), tuple(result_texts(result)), None)
    elif kind in ("blob", "file", "uri"):
        what = as_text(given.get("modality")) or kind
        yield Unread(f"part of type {what}", f"[{what}]")
    elif kind == "compaction":
        yield Unread("the provider's compacted history", "")
    else:
        yield from read_part(given)


def _told_by_events(attributes: Mapping[str, Any], events: tuple[SpanEvent, ...]) -> Iterator[tuple[Message, bool]]:
    """The messages that events hold, and whether each is the model's answer."""
    for name, body in (*_listed_events(attributes), *((event.name, event.attributes) for event in events)):
        inner = structured(body.get("gen_ai.event.content"))
        body = {**body, **inner} if isinstance(inner, dict) else body
        if name in _EVENT_ROLES:
            message = structured(body.get("message"))
            held = {**body, **message} if isinstance(message, dict) else body
            if "content" not in held and "gen_ai.event.content" in held:
                held = {**held, "content": held["gen_ai.event.content"]}
            yield _message(held, _EVENT_ROLES[name]), name == "gen_ai.choice"
        elif name in ("gen_ai.content.prompt", "gen_ai.content.completion"):
            said = name.endswith("completion")
            field = "gen_ai.completion" if said else "gen_ai.prompt"
            found = structured(body.get(field))
            given = found if isinstance(found, list) else [{"content": found}] if found else []
            default: Role = "agent" if said else "user"
            yield from ((_message(message, default), said) for message in given if isinstance(message, dict))


def _listed_events(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Events that are one attribute, a list of objects, as Pydantic AI once wrote them."""
    given = structured(attributes.get("events"))
    for event in given if isinstance(given, list) else ():
        if isinstance(event, dict) and isinstance(event.get("event.name"), str):
            yield event["event.name"], event


def _tool(attributes: Mapping[str, Any], span_name: str) -> ToolRun:
    result = structured(attributes.get("gen_ai.tool.call.result"))
    return ToolRun(
        first_text(attributes, "gen_ai.tool.name", "traceloop.entity.name") or span_name.removeprefix("execute_tool "),
        tool_arguments(attributes.get("gen_ai.tool.call.arguments")),
        as_text(attributes.get("gen_ai.tool.call.id")),
        None if result is None else _result(attributes["gen_ai.tool.call.result"]),
    )


def _result(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(result_texts(given))


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Token counts; the conventions count cached tokens among the input, the wire API beside it."""
    names = {
        "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "cache_read_input_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
        "cache_creation_input_tokens": (
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
        ),
    }
    found = {
        field: next((attributes[name] for name in given if attributes.get(name) is not None), None)
        for field, given in names.items()
    }
    return without_cached({field: value for field, value in found.items() if value is not None})


def without_cached(usage: dict[str, Any]) -> dict[str, Any]:
    """The counts, with the cached tokens taken from the input's where they are among them."""
    given = usage.get("input_tokens")
    cached = [usage.get(name, 0) for name in ("cache_read_input_tokens", "cache_creation_input_tokens")]
    counts = [count for count in cached if type(count) is int]
    if type(given) is int and given >= sum(counts):
        return usage | {"input_tokens": given - sum(counts)}
    return usage


def _finish_reason(attributes: Mapping[str, Any]) -> str:
    given = structured(attributes.get("gen_ai.response.finish_reasons"))
    return as_text(given[0]) if isinstance(given, list) and given else as_text(given) if isinstance(given, str) else ""


def _evaluations(events: tuple[SpanEvent, ...]) -> Iterator[Evaluation]:
    for event in events:
        name = event.attributes.get("gen_ai.evaluation.name")
        if event.name == _EVALUATED and isinstance(name, str) and name:
            value = event.attributes.get("gen_ai.evaluation.score.value")
            label = event.attributes.get("gen_ai.evaluation.score.label")
            yield Evaluation(name, label if value is None else value, event.at)
