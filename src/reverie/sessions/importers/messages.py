"""Chat messages, in the shapes of OpenAI, Anthropic, Google, LangChain and ShareGPT, as events."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import EventLog, as_text, usage_payload
from reverie.sessions.importers.open_calls import OpenCalls
from reverie.sessions.importers.ordinary import record_ordinary
from reverie.sessions.importers.parts import (
    Answered,
    Called,
    Part,
    Said,
    Thought,
    Unread,
    call_of,
    call_text,
    explicit_error,
    read_part,
    read_parts,
    result_texts,
)
from reverie.sessions.importers.roles import Role, role_known, role_named, role_of
from reverie.sessions.importers.times import TIME_FIELDS

_CONTENTS = ("content", "value", "parts", "text", "message")
"""Where a message's content may be, in this order."""
_TIMED = frozenset(TIME_FIELDS)
_ITEM_TYPES = ("function_call", "function_call_output", "reasoning")
"""Items of OpenAI's Responses that have no role."""
_CALL_ROLES = ("function_call", "tool_call", "tool_calls")


@dataclass(frozen=True)
class Reading:
    """What is known while the messages of one session are read."""

    log: EventLog
    threaded: bool = False
    """Whether several agents speak, told apart by their names."""
    calls: OpenCalls = field(default_factory=OpenCalls)
    unread: Counter[str] = field(default_factory=Counter)

    def warn_unread(self, field: str) -> None:
        """Warn of what of the source's ``field`` could not become an event."""
        for kind, number in self.unread.items():
            self.log.warn(f"{field}: {number} × {kind}: not kept, or by name only")


def record_messages(log: EventLog, messages: Sequence[Any], field: str) -> None:
    """Add ``messages``, which the source has as ``field``, to ``log``.

    ``name`` on assistant messages tells agents apart, and becomes the thread, when there is more than one. What a
    message holds that cannot become an event costs that thing and a warning.

    Raises:
        ImportFormatError: no message can be read.
    """
    reading = Reading(log, threaded=len(_speakers(messages)) > 1)
    for position, message in enumerate(messages):
        if not record_ordinary(log, reading.calls, message, threaded=reading.threaded):
            _record(reading, message, f"{field}[{position}]")
    reading.warn_unread(field)
    if messages and not log.events:
        reasons = "; ".join(reason for _, reason, _ in log.warnings[:3])
        raise ImportFormatError(f"{field} holds no message that can be read" + (f": {reasons}" if reasons else ""))


def _speakers(messages: Sequence[Any]) -> set[str]:
    agents = (m for m in messages if isinstance(m, dict) and _is_agent(m))
    return {"" if (name := m.get("name")) is None else as_text(name) for m in agents}


def _is_agent(message: Mapping[str, Any]) -> bool:
    word = message.get("role")
    # The usual words are told apart without any normalising.
    if isinstance(word, str) and (known := role_known(word)):
        return known == "agent"
    return role_of(role_named(message)) == "agent"


def _record(reading: Reading, message: Any, place: str) -> None:
    if isinstance(message, dict) and "role" not in message and isinstance(message.get("data"), dict):
        message = {"role": message.get("type"), **message["data"]}  # as LangChain dumps messages
    if not isinstance(message, dict):
        reading.log.warn(f"{place} is not an object; it is left out")
        return
    at = _time_of(reading.log, message, place)
    if "role" not in message and as_text(message.get("type")).endswith(_ITEM_TYPES):
        record_parts(reading, "agent", read_part(message), at, None)
        return
    word = role_named(message)
    role = role_of(word)
    if role is None:
        shown = f"{place}.role {word[:60]!r} is unknown" if word else f"{place} has no role"
        content = _content(message)
        if content in (None, "", []):
            reading.log.warn(f"{shown}, nor has it any content; it is left out")
            return
        reading.log.warn(f"{shown}; kept as a message of an agent of that name")
        record_parts(reading, "agent", read_parts(content), at, word[:200] or "unknown")
    elif role == "agent":
        _record_reply(reading, message, word, at, place)
    elif role == "tool":
        _record_result(reading, message, at)
    else:
        record_parts(reading, role, read_parts(_content(message)), at, None, empty=True)


def _name(message: Mapping[str, Any]) -> str:
    return as_text(message.get("name"))


def _content(message: Mapping[str, Any]) -> Any:
    return next((message[name] for name in _CONTENTS if message.get(name) is not None), None)


def _time_of(log: EventLog, message: Mapping[str, Any], place: str) -> datetime | None:
    if _TIMED.isdisjoint(message):
        return None
    for name in TIME_FIELDS:
        value = message.get(name)
        if value is not None and value != "" and (at := log.time(value, f"{place}.{name}")):
            return at
    return None


def _record_reply(reading: Reading, message: Mapping[str, Any], word: str, at: datetime | None, place: str) -> None:
    thread = (_name(message) or None) if reading.threaded else None
    record_parts(reading, "agent", _reply_parts(reading, message, word, place), at, thread, empty=True)
    usage = message.get("usage") or message.get("usage_metadata") or message.get("usageMetadata")
    if isinstance(usage, dict):
        reading.log.add("span.model_request_end", usage_payload(usage), at, thread)


def _reply_parts(reading: Reading, message: Mapping[str, Any], word: str, place: str) -> Iterator[Part]:
    thinking = message.get("reasoning_content") or message.get("reasoning") or message.get("thinking")
    if text := "\n".join(result_texts(thinking)):
        yield Thought(text)
    content = _content(message)
    if word in _CALL_ROLES and isinstance(content, str):
        yield from call_text(content)
    else:
        yield from read_parts(content or message.get("refusal"))
    tool_calls = message.get("tool_calls") or ()
    if isinstance(tool_calls, dict):
        tool_calls = (tool_calls,)
    if not isinstance(tool_calls, list | tuple):
        reading.log.warn(f"{place}.tool_calls is not a list; it is left out")
        tool_calls = ()
    seen = {part.call_id for part in read_parts(content) if isinstance(part, Called)} if tool_calls else ()
    for call in (*tool_calls, *_legacy_call(message)):
        # LangChain repeats Anthropic's calls: in the content and beside it.
        yield from (part for part in call_of(call) if not (isinstance(part, Called) and part.call_id in seen))


def _legacy_call(message: Mapping[str, Any]) -> Iterable[Any]:
    call = message.get("function_call")
    return () if call is None or message.get("tool_calls") else (call,)


def _record_result(reading: Reading, message: Mapping[str, Any], at: datetime | None) -> None:
    content = _content(message)
    parts = content if isinstance(content, list) else ()
    if any(_is_result(part) for part in parts):
        record_parts(reading, "tool", read_parts(parts), at, None)
        return
    call_id = next((as_text(message[n]) for n in ("tool_call_id", "tool_use_id", "call_id") if message.get(n)), "")
    name = _name(message) or as_text(message.get("tool_name"))
    answer = Answered(call_id, name, tuple(result_texts(content)), explicit_error(message))
    record_parts(reading, "tool", (answer,), at, None)


def _is_result(part: Any) -> bool:
    return isinstance(part, dict) and (as_text(part.get("type")).endswith("tool_result") or "functionResponse" in part)


def record_parts(
    reading: Reading,
    role: Role,
    parts: Iterable[Part],
    at: datetime | None,
    thread: str | None,
    *,
    empty: bool = False,
) -> None:
    """Add what a message of ``role`` holds, to ``thread`` where it is not the primary one.

    Neighbouring texts are one message; ``empty`` keeps a message of which nothing came, for someone spoke.
    """
    texts: list[str] = []
    any_event = False
    for part in parts:
        if isinstance(part, Unread):
            reading.unread[part.kind] += 1
        text = part.text if isinstance(part, Said | Unread) else ""
        if isinstance(text, str) and text:
            texts.append(text)
        if isinstance(part, Said | Unread):
            continue
        any_event = True
        _record_said(reading.log, role, texts, at, thread)
        _record_part(reading, part, at, thread)
    if texts or (empty and not any_event):
        _record_said(reading.log, role, texts or [""], at, thread)


def _record_said(log: EventLog, role: Role, texts: list[str], at: datetime | None, thread: str | None) -> None:
    if not texts:
        return
    content = [{"type": "text", "text": text} for text in texts if text]
    if role == "tool":
        log.tool_result(None, content, None, at=at, thread_id=thread)
    elif role == "agent":
        log.add("agent.message", {"content": content}, at, thread)
    else:
        log.add("system.message" if role == "system" else "user.message", {"content": content}, at, thread)
    texts.clear()


def _record_part(reading: Reading, part: Thought | Called | Answered, at: datetime | None, thread: str | None) -> None:
    log, calls = reading.log, reading.calls
    if isinstance(part, Thought):
        log.add("agent.thinking", {"content": text_content(part.text)}, at, thread)
    elif isinstance(part, Called):
        position = log.tool_use(part.name, part.arguments, part.call_id or None, at, thread)
        calls.opened(position, part.name, part.call_id)
    else:
        call, again = calls.answered(part.call_id, part.name)
        if again:
            log.warn(f"the call {part.call_id[:80]!r} has a second result; it is kept and not counted")
        thread = thread if call is None else log.events[call].thread_id
        content = [{"type": "text", "text": text} for text in part.text]
        log.tool_result(call, content, part.is_error, part.name, at, thread)
