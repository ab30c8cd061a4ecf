"""From a model's reply to the events that tell of it, and who is to run the calls in it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from reverie.language_model import ModelPrice, ModelUsage, cost_usd
from reverie.runtime.tool_catalogue import AgentTool, missing_tool
from reverie.runtime.usage import NO_USAGE
from reverie.turn_model import TurnReply

Permission = Literal["allow", "ask", "deny"]
_EVENTS = {"custom": "agent.custom_tool_use", "mcp": "agent.mcp_tool_use"}


class Judgement(msgspec.Struct, frozen=True):
    """What is to become of a call."""

    permission: Permission
    policy: str | None = None
    """``always_allow``, ``always_ask`` or ``auto``; None where none was asked."""
    reason: str = ""
    """For a refused call: what the agent is told."""
    reason_code: str | None = None
    """For the ``auto`` policy: ``indeterminate``, ``high_risk`` …"""


class AskedCall(msgspec.Struct, frozen=True):
    """A call in a reply, judged."""

    provider_id: str
    tool: AgentTool | None
    """None where the agent has no such tool."""
    name: str
    """As the model wrote it."""
    input: Mapping[str, Any]
    judgement: Judgement
    error: str | None = None
    """Why it cannot be run: unknown, refused, or its arguments cannot be read; the agent is told."""


Judge = Callable[[AgentTool, Mapping[str, Any]], Judgement]


def judge_by_policy(tool: AgentTool, _input: Mapping[str, Any]) -> Judgement:
    """What the agent's own permission policy says of a call; ``auto`` without a judge asks."""
    if tool.policy == "always_allow":
        return Judgement("allow", tool.policy)
    if tool.policy == "always_ask":
        return Judgement("ask", tool.policy)
    return Judgement("ask", tool.policy, reason_code="indeterminate")


def asked_calls(reply: TurnReply, tools: Sequence[AgentTool], judge: Judge) -> list[AskedCall]:
    """The calls of a reply in order, each judged."""
    known = {tool.definition.name: tool for tool in tools}
    cut = reply.blocks[-1] if reply.blocks and reply.stop_reason == "max_tokens" else None
    calls = [block for block in reply.blocks if block["type"] == "tool_use"]
    return [_judged(block, known.get(block["name"]), judge, is_cut=block is cut) for block in calls]


def _judged(block: Mapping[str, Any], tool: AgentTool | None, judge: Judge, *, is_cut: bool) -> AskedCall:
    given = block.get("input")
    input_ = given if isinstance(given, Mapping) else {}
    if tool is None:
        error = missing_tool(block["name"])
        return AskedCall(block["id"], None, block["name"], input_, Judgement("deny"), error)
    # Where a reply ended before the arguments began, there seem to be none.
    if not isinstance(given, Mapping) or (is_cut and not given):
        why = "The reply was cut short" if is_cut else "The arguments are not a JSON object"
        policy = None if tool.kind == "custom" else tool.policy
        return AskedCall(block["id"], tool, tool.name, {}, Judgement("deny", policy), f"{why}; call it again.")
    if tool.kind == "custom":
        return AskedCall(block["id"], tool, tool.name, input_, Judgement("allow"))
    judgement = judge(tool, input_)
    return AskedCall(
        block["id"], tool, tool.name, input_, judgement, judgement.reason if judgement.permission == "deny" else None
    )


def reply_events(
    reply: TurnReply, calls: Sequence[AskedCall], previewed: Mapping[int, str], price: ModelPrice | None
) -> list[dict[str, Any]]:
    """The events of a reply, in the order of its blocks; results of calls that cannot be run; the end of the request.

    Args:
        previewed: ids that were promised to events, by the block's position.
    """
    events: list[dict[str, Any]] = []
    by_id = {call.provider_id: call for call in calls}
    for place, block in enumerate(reply.blocks):
        promised = {"id": previewed[place]} if place in previewed else {}
        match block["type"]:
            case "thinking" | "redacted_thinking":
                events.append({"type": "agent.thinking", **promised})
            case "text" if block["text"].strip():
                if events and events[-1]["type"] == "agent.message" and not promised:
                    events[-1]["content"].append({"type": "text", "text": block["text"]})
                else:
                    content = [{"type": "text", "text": block["text"]}]
                    events.append({"type": "agent.message", **promised, "content": content})
            case "tool_use":
                events.append(call_event(by_id[block["id"]]))
    return [*events, request_end(reply.usage, price), *(_refusal(call) for call in calls if call.error is not None)]


def call_event(call: AskedCall) -> dict[str, Any]:
    """The event that tells of a call."""
    kind = call.tool.kind if call.tool else "built_in"
    event: dict[str, Any] = {"type": _event_type(call), "id": call.provider_id}
    event |= {"name": call.name, "input": dict(call.input)}
    judgement = call.judgement
    if kind == "custom" and judgement == Judgement("allow"):
        return event
    if kind == "mcp" and call.tool:
        event["mcp_server_name"] = call.tool.server
    event["evaluated_permission"] = judgement.permission
    if judgement.policy is not None:
        event["evaluation"] = _evaluation(judgement)
    return event


def _evaluation(judgement: Judgement) -> dict[str, Any]:
    if judgement.policy != "auto":
        return {"type": judgement.policy}
    evaluated: dict[str, Any] = {"type": judgement.permission}
    if judgement.reason_code is not None:
        evaluated["reason_code"] = judgement.reason_code
    return {"type": "auto", "evaluated_permission": evaluated}


def _refusal(call: AskedCall) -> dict[str, Any]:
    content = [{"type": "text", "text": call.error}]
    return result_event(_event_type(call), call.provider_id, content, is_error=True)


def _event_type(call: AskedCall) -> str:
    """The type of the event that tells of a call.

    A client runs a custom tool as soon as it hears of its event, so it does not hear of one that is refused.
    """
    refused = call.error is not None and call.judgement.policy is not None
    if call.tool is None or (call.tool.kind == "custom" and refused):
        return "agent.tool_use"
    return _EVENTS.get(call.tool.kind, "agent.tool_use")


def result_event(
    call_type: str, call_id: str, content: Sequence[Mapping[str, Any]], *, is_error: bool
) -> dict[str, Any]:
    """The result of a call, as whoever runs the agent records it.

    Args:
        call_type: the type of the event that tells of the call.
        call_id: that event's id.
    """
    type_, field = {
        "agent.custom_tool_use": ("user.custom_tool_result", "custom_tool_use_id"),
        "agent.mcp_tool_use": ("agent.mcp_tool_result", "mcp_tool_use_id"),
    }.get(call_type, ("agent.tool_result", "tool_use_id"))
    return {"type": type_, field: call_id, "content": [dict(block) for block in content], "is_error": is_error}


FAILED_REQUEST: Mapping[str, Any] = {
    "type": "span.model_request_end",
    "is_error": True,
    "model_usage": NO_USAGE,
}
"""The end of a request that gave no reply."""


def request_end(usage: ModelUsage, price: ModelPrice | None) -> dict[str, Any]:
    """The end of a request that was answered; with what it cost, where that is known."""
    end: dict[str, Any] = {"type": "span.model_request_end", "is_error": False, "model_usage": wire_usage(usage)}
    return end if price is None else end | {"cost_usd": cost_usd(usage, price)}


def wire_usage(usage: ModelUsage) -> dict[str, int]:
    """Token counts as a ``span.model_request_end`` has them."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
    }
