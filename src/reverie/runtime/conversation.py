"""From the log of a thread to the request that a model is sent.

Pure: equal logs give equal requests, and a log that has grown gives a request that begins as the last one did, so that
a provider's cache holds. The log is never trusted to be well formed: whoever recorded it may have been killed, so every
call is paired with its result, or with an error that says that it has none, and a result without a call is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.runtime.model_failure import was_cut_off
from reverie.runtime.tool_catalogue import AgentTool, remote_name
from reverie.turn_model import Block, ToolDefinition, TurnMessage, TurnRequest

NO_RESULT = "No result was recorded for this call. It may have run."
_GO_ON = "Go on."
_BEGINNING = "The conversation begins here."
_CALLS = frozenset({"agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use"})
_RESULTS: Mapping[str, str] = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
_GO_ON = "Your reply was cut off at the limit of output tokens. Go on where it ended, in shorter replies."
_MOST_BLOCKS_APART = 15
"""Providers look for a cached prefix at most twenty blocks before a mark."""
_MOST_MARKS = 3
"""Of the four marks that a request may have, one is for tools and system prompt."""


class ThreadEvent(msgspec.Struct, frozen=True):
    """An event of one thread's log."""

    id: str
    sequence: int
    type: str
    payload: Mapping[str, Any]


class KeptReply(msgspec.Struct, frozen=True):
    """A reply as the provider gave it, kept beside the events that were made of it."""

    span_end: int
    """Sequence number of the ``span.model_request_end`` that closed it."""
    provider: str
    model: str
    blocks: tuple[dict[str, Any], ...]
    tool_ids: Mapping[str, str]
    """Event ids of its tool uses, by the provider's ids."""


class ThreadContext(msgspec.Struct, frozen=True):
    """What stands for the log before some event once it has become too long."""

    from_sequence: int
    summary: str


class Prompt(msgspec.Struct, frozen=True):
    """What every request of a session begins with; fixed for as long as it goes on."""

    system: tuple[str, ...]
    tools: tuple[AgentTool, ...]
    max_output_tokens: int = 16_000
    effort: str | None = None


class _Spoken(msgspec.Struct):
    """What the assistant said between two things that it was told."""

    blocks: list[Block] = []
    calls: dict[str, str] = {}
    """Event ids of its calls in order, and the ids that the model knows them by."""
    answered: bool = False
    """Whether a call has its result, so that what it says next is another reply."""


def build_request(
    prompt: Prompt,
    log: Sequence[ThreadEvent],
    replies: Sequence[KeptReply] = (),
    *,
    provider: str,
    model: str,
    context: ThreadContext | None = None,
    keep_thinking: bool = True,
) -> TurnRequest:
    """The request that goes on from where a thread's log ends.

    Args:
        log: the thread's events in order.
        replies: kept replies of this thread; those of another provider or model are made anew from their events.
        context: what stands for the beginning of the log.
        keep_thinking: False leaves thinking out, which heals a conversation whose thinking is refused.
    """
    kept = {reply.span_end: reply for reply in replies if (reply.provider, reply.model) == (provider, model)}
    if context is not None:
        log = [event for event in log if event.sequence >= context.from_sequence]
    results = _first_results(log)
    messages: list[TurnMessage] = []
    if context is not None:
        messages.append(TurnMessage("user", (_text(_summary(context)),)))
    for said, told in _exchanges(log, kept, keep_thinking):
        _extend(messages, said, told, results)
    _finish(messages)
    return TurnRequest(
        messages=tuple(messages),
        system=prompt.system,
        tools=_definitions(prompt.tools, messages),
        max_output_tokens=prompt.max_output_tokens,
        effort=prompt.effort,
        thinking=keep_thinking,
        cache_after=_marks(messages),
    )


def _extend(messages: list[TurnMessage], said: _Spoken, told: list[Block], results: Mapping[str, Block]) -> None:
    """Add what was said and then told, in the order that a model is to see it: results first, as they were called."""
    if said.blocks:
        if not messages:
            messages.append(TurnMessage("user", (_text(_BEGINNING),)))
        if messages[-1].role == "assistant":
            messages.append(TurnMessage("user", (_text(_GO_ON),)))
        messages.append(TurnMessage("assistant", tuple(said.blocks)))
    answers = [_answer(known_as, results.get(event_id)) for event_id, known_as in said.calls.items()]
    content = (*answers, *told)
    if not content:
        return
    if messages and messages[-1].role == "user":
        content = (*messages.pop().content, *content)
    messages.append(TurnMessage("user", content))


def _finish(messages: list[TurnMessage]) -> None:
    """A request ends with the user, who may have nothing to say."""
    if not messages:
        messages.append(TurnMessage("user", (_text(_BEGINNING),)))
    elif messages[-1].role == "assistant":
        messages.append(TurnMessage("user", (_text(_GO_ON),)))


def _exchanges(
    log: Sequence[ThreadEvent], kept: Mapping[int, KeptReply], keep_thinking: bool
) -> Iterator[tuple[_Spoken, list[Block]]]:
    """What the assistant said, and what it was told before it spoke again."""
    said, told, open_reply = _Spoken(), list[Block](), _Spoken()
    for event in log:
        if event.type == "span.model_request_start":
            open_reply = _Spoken()
        elif event.type == "span.model_request_end":
            reply = kept.get(event.sequence)
            spoken = open_reply if reply is None else _verbatim(reply, keep_thinking)
            if spoken.blocks:
                yield said, told
                said, told = spoken, []
            open_reply = _Spoken()
        elif event.type in _RESULTS:
            open_reply.answered = True
        else:
            # Between the events of a reply that was recorded without its request there is something else.
            speaks = event.type in _CALLS or event.type == "agent.message"
            if open_reply.blocks and (open_reply.answered or (not speaks and _told(event))):
                yield said, told
                said, told, open_reply = open_reply, [], _Spoken()
            if speaks:
                _speak(open_reply, event)
            else:
                told.extend(_told(event))
    yield said, told
    if open_reply.blocks:
        yield open_reply, []


def _speak(spoken: _Spoken, event: ThreadEvent) -> None:
    """Add an event of the agent's to a reply that is made anew."""
    if event.type == "agent.message":
        spoken.blocks.extend(_text(text.rstrip()) for text in texts_of(event.payload) if text.strip())
        return
    name = event.payload.get("name") or "unknown"
    if event.type == "agent.mcp_tool_use":
        name = remote_name(event.payload.get("mcp_server_name") or "", name)
    given = event.payload.get("input")
    block = {"type": "tool_use", "id": event.id, "name": name, "input": given if isinstance(given, Mapping) else {}}
    spoken.blocks.append(block)
    spoken.calls[event.id] = event.id


def _verbatim(reply: KeptReply, keep_thinking: bool) -> _Spoken:
    """A reply as it was given; without thinking where that is refused."""
    blocks = [_given_back(block) for block in reply.blocks if keep_thinking or "thinking" not in block["type"]]
    blocks = [block for block in blocks if _says_something(block)]
    calls = {reply.tool_ids[known_as]: known_as for known_as in _call_ids(blocks) if known_as in reply.tool_ids}
    lost = [known_as for known_as in _call_ids(blocks) if known_as not in reply.tool_ids]
    # A call without an event cannot have been run; it is answered all the same, or no request would be taken again.
    return _Spoken(list(blocks), calls | {f"lost:{known_as}": known_as for known_as in lost})


def _given_back(block: Block) -> Block:
    """A block as a provider takes it back; arguments that were no object cannot be."""
    if block["type"] != "tool_use" or isinstance(block.get("input"), Mapping):
        return block
    return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}


def _call_ids(blocks: Sequence[Block]) -> list[str]:
    return [block["id"] for block in blocks if block["type"] == "tool_use"]


def _first_results(log: Sequence[ThreadEvent]) -> dict[str, Block]:
    """The first result of every call, by the call's event id."""
    found: dict[str, Block] = {}
    for event in log:
        if event.type in _RESULTS:
            call = event.payload.get(_RESULTS[event.type]) or ""
            found.setdefault(call, _result_block(event.payload))
    return found


def _result_block(payload: Mapping[str, Any]) -> Block:
    content = payload.get("content") or []
    blocks = [_text(content)] if isinstance(content, str) else [_shown(block) for block in content]
    blocks = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
    result: dict[str, Any] = {"type": "tool_result", "content": blocks or [_text("(no output)")]}
    return result | ({"is_error": True} if payload.get("is_error") else {})


def _answer(known_as: str, result: Block | None) -> Block:
    if result is None:
        result = {"type": "tool_result", "content": [_text(NO_RESULT)], "is_error": True}
    return {**result, "tool_use_id": known_as}


def _told(event: ThreadEvent) -> list[Block]:
    """What an event tells the agent."""
    payload = event.payload
    match event.type:
        case "user.message":
            return [block for block in map(_shown, payload.get("content") or ()) if _says_something(block)]
        case "system.message":
            return [_text(f"<system>\n{text}\n</system>") for text in texts_of(payload) if text.strip()]
        case "user.define_outcome":
            return [_text(_outcome(payload))]
        case "span.outcome_evaluation_end" if payload.get("result") in ("needs_revision", "max_iterations_reached"):
            return [_text(_verdict(payload))]
        case "agent.thread_message_received":
            return [_text(_from_thread(payload))]
        case "user.interrupt":
            return [_text("The user interrupted.")]
        case "session.error" if was_cut_off(payload):
            return [_text(_GO_ON)]
        case _:
            return []


def _outcome(payload: Mapping[str, Any]) -> str:
    rubric = payload.get("rubric") or {}
    text = rubric.get("content") if isinstance(rubric, Mapping) else rubric
    return f"{payload.get('description', '')}\n\nThe result will be judged by this rubric:\n\n{text or ''}".strip()


def _verdict(payload: Mapping[str, Any]) -> str:
    explanation = payload.get("explanation") or "No explanation was given."
    if payload["result"] == "needs_revision":
        return f"A grader looked at the result and asks for a revision:\n\n{explanation}"
    return (
        f"A grader looked at the result, which does not satisfy the rubric yet:\n\n{explanation}\n\n"
        "There will be no further grading. Say briefly what is done and what is missing."
    )


def _from_thread(payload: Mapping[str, Any]) -> str:
    name, thread = payload.get("from_agent_name") or "another agent", payload.get("from_session_thread_id") or ""
    return f"Message from {name} ({thread}):\n\n" + "\n".join(texts_of(payload))


def texts_of(payload: Mapping[str, Any]) -> list[str]:
    """The texts in an event's content."""
    content = payload.get("content") or []
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in content if block.get("type") == "text" and isinstance(block.get("text"), str)]


def _shown(block: Mapping[str, Any]) -> Block:
    """A block of the log as a provider takes it."""
    if block.get("type") == "redacted":
        return _text("[redacted]")
    if block.get("type") == "search_result":
        return _text(msgspec.json.encode(block).decode())
    return {name: value for name, value in block.items() if value is not None}


def _says_something(block: Block) -> bool:
    return block["type"] != "text" or bool(block.get("text", "").strip())


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _summary(context: ThreadContext) -> str:
    return f"The conversation so far was long. This is what matters of it:\n\n{context.summary}"


def _definitions(tools: Sequence[AgentTool], messages: Sequence[TurnMessage]) -> tuple[ToolDefinition, ...]:
    """The tools, and stand-ins for those that were called before and are there no more."""
    known = {tool.definition.name for tool in tools}
    called = {block["name"] for message in messages for block in message.content if block["type"] == "tool_use"}
    gone = [ToolDefinition(name, "No longer available.", {"type": "object"}) for name in sorted(called - known)]
    return (*(tool.definition for tool in tools), *gone)


def _marks(messages: Sequence[TurnMessage]) -> tuple[int, ...]:
    """Messages at whose end a cache is worth having: the last, and earlier ones within reach of it."""
    marks = [len(messages) - 1]
    blocks = 0
    for place in range(len(messages) - 1, 0, -1):
        blocks += len(messages[place].content)
        if blocks + len(messages[place - 1].content) > _MOST_BLOCKS_APART and messages[place - 1].role == "user":
            marks.append(place - 1)
            blocks = 0
        if len(marks) == _MOST_MARKS:
            break
    return tuple(sorted(marks))
