"""From the messages of a session of Gemini CLI, and of its side agents, to events."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import Draft, EventLog, as_text, usage_payload
from reverie.sessions.importers.gemini_cli.record import Recorded
from reverie.sessions.importers.messages import Reading, record_messages, record_parts
from reverie.sessions.importers.parts import Called, Part, Said, Thought, read_parts, result_texts
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.session import Session

_PUT_IN = ("<session_context>", "<hook_context>", "This is the Gemini CLI. We are setting up the context")
"""How texts begin that the program puts in for the user."""
_STOPPED = "Request cancelled."
_FAILED = {"error": True, "cancelled": True, "success": False}
"""What the status of a call says of its result."""


def parse_gemini_cli(record: RawRecord) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: nothing of it can be read.
    """
    log = EventLog()
    recorded = Recorded(log)
    recorded.read(record.data)
    if recorded.history:
        record_messages(log, [_marked(one) for one in recorded.history], "history")
    else:
        telling = _Telling(log, dict(_side_agents(record, log)))
        telling.tell(recorded, None)
        telling.tell_rest()
    return Draft(_session(recorded, log, record.context), log)


def _marked(message: Any) -> Any:
    """A message as the model has it, with the program's own as the system's."""
    if not isinstance(message, dict) or message.get("role") != "user":
        return message
    first = next(iter(result_texts(message.get("parts"))), "")
    return {**message, "role": "system"} if first.startswith(_PUT_IN) else message


def _side_agents(record: RawRecord, log: EventLog) -> Iterator[tuple[str, Recorded]]:
    for part in record.parts:
        recorded = Recorded(log, part.path)
        try:
            recorded.read(part.data)
        except ImportFormatError as error:
            log.warn(f"{error}; the side agent is left out", 0, part.path)
            continue
        yield as_text(recorded.metadata.get("sessionId")) or part.path, recorded


class _Telling:
    """Adds sessions to the log: the main one, and where it calls for a side agent, that one's in a thread."""

    def __init__(self, log: EventLog, sides: dict[str, Recorded]) -> None:
        self._log = log
        self._sides = sides
        self._threads: dict[str, int] = {}

    def tell(self, recorded: Recorded, thread: str | None) -> None:
        """Add the messages of one file to ``thread``; what was taken back is a thread of its own."""
        readings: dict[str | None, Reading] = {}
        for name, message in recorded.messages.items():
            back = recorded.rewound.get(name)
            at_thread = thread if back is None else f"rewound-{back}" if thread is None else f"{thread}-rewound-{back}"
            reading = readings.setdefault(at_thread, Reading(self._log))
            at = self._log.time(message.get("timestamp"), f"message {name}: timestamp")
            self._message(reading, message, at, at_thread)
        for reading in readings.values():
            reading.warn_unread("messages")

    def tell_rest(self) -> None:
        """Add the side agents that no call named."""
        for name in list(self._sides):
            self._side(name, "agent", None, None)

    def _message(self, reading: Reading, message: Mapping[str, Any], at: datetime | None, thread: str | None) -> None:
        kind = message.get("type")
        if kind == "user":
            self._user(reading, message, at, thread)
        elif kind == "gemini":
            self._reply(reading, message, at, thread)
        elif kind == "error":
            text = "\n".join(result_texts(message.get("content")))
            error = {"type": "unknown_error", "message": text, "retry_status": {"type": "exhausted"}}
            self._log.add("session.error", {"error": error}, at, thread)
        elif kind == "info" and "\n".join(result_texts(message.get("content"))).strip() == _STOPPED:
            self._log.add("user.interrupt", {}, at, thread)
        elif kind not in ("info", "warning"):
            self._log.warn(
                f"message {as_text(message.get('id'))[:60]!r} is of type {kind!r}, not known; it is left out"
            )

    def _user(self, reading: Reading, message: Mapping[str, Any], at: datetime | None, thread: str | None) -> None:
        parts = list(read_parts(_content(message)))
        text = next((part.text for part in parts if isinstance(part, Said)), "").lstrip()
        if text.startswith(_PUT_IN):
            record_parts(reading, "system", parts, at, thread)
        elif thread is not None and not thread.startswith("rewound-") and text:
            said = "\n".join(part.text for part in parts if isinstance(part, Said))
            self._log.add("agent.thread_message_received", {"content": text_content(said)}, at, thread)
        else:
            record_parts(reading, "user", parts, at, thread)

    def _reply(self, reading: Reading, message: Mapping[str, Any], at: datetime | None, thread: str | None) -> None:
        calls = message.get("toolCalls")
        calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        parts = list(read_parts(_content(message)))
        if any(isinstance(part, Thought) for part in parts):
            record_parts(reading, "agent", parts if not calls else _without_calls(parts), at, thread)
        else:
            told = [*_thoughts(message), *(parts if not calls else _without_calls(parts))]
            record_parts(reading, "agent", told, at, thread)
        tokens = message.get("tokens")
        if isinstance(tokens, dict):
            self._log.add("span.model_request_end", usage_payload(_usage(tokens)), at, thread)
        for call in calls:
            self._call(call, at, thread)

    def _call(self, call: Mapping[str, Any], at: datetime | None, thread: str | None) -> None:
        name, call_id = as_text(call.get("name")) or "unknown", as_text(call.get("id"))
        arguments = tool_arguments(call.get("args"))
        position = self._log.tool_use(name, arguments, call_id or None, at, thread)
        self._side(as_text(call.get("agentId")), as_text(arguments.get("agent_name")) or name, position, at)
        given = call.get("result")
        if given is None and call.get("status") not in _FAILED:
            return  # It had not ended when the file was written.
        ended = self._log.time(call.get("timestamp"), f"call {call_id}: timestamp") or at
        texts, failed = _result(given)
        shown = call.get("resultDisplay")
        if not texts and isinstance(shown, str):
            texts = [shown]
        said = _FAILED.get(as_text(call.get("status")), failed)
        content = [{"type": "text", "text": text} for text in texts]
        self._log.tool_result(position, content, said, name, ended, thread)

    def _side(self, session_id: str, name: str, call: int | None, at: datetime | None) -> None:
        recorded = self._sides.pop(session_id, None)
        if recorded is None:
            return
        number = self._threads[name] = self._threads.get(name, 0) + 1
        thread = name if number == 1 else f"{name}-{number}"
        began = self._log.add("session.thread_created", {"session_thread_id": thread, "agent_name": name}, at)
        if call is not None:
            self._log.answered[began] = call
        self.tell(recorded, thread)


def _content(message: Mapping[str, Any]) -> Any:
    content = message.get("content")
    return [content] if isinstance(content, dict) else content


def _without_calls(parts: list[Part]) -> list[Part]:
    return [part for part in parts if not isinstance(part, Called)]


def _thoughts(message: Mapping[str, Any]) -> Iterator[Part]:
    thoughts = message.get("thoughts")
    for thought in thoughts if isinstance(thoughts, list) else ():
        if isinstance(thought, dict):
            text = "\n".join(as_text(thought[name]) for name in ("subject", "description") if thought.get(name))
            yield from (Thought(text),) if text else ()


def _usage(tokens: Mapping[str, Any]) -> dict[str, Any]:
    """Counts as OpenAI's: what is cached is among the input, and reasoning beside the output."""
    counted = [tokens.get(name) for name in ("output", "thoughts")]
    return {
        "prompt_tokens": tokens.get("input"),
        "prompt_tokens_details": {"cached_tokens": tokens.get("cached")},
        "completion_tokens": sum(count for count in counted if isinstance(count, int)),
    }


def _result(given: Any) -> tuple[list[str], bool | None]:
    """A result's texts, and whether it says itself that the tool failed."""
    texts: list[str] = []
    failed = None
    for part in given if isinstance(given, list) else [given]:
        answer = part.get("functionResponse") if isinstance(part, dict) else None
        response = answer.get("response") if isinstance(answer, dict) else None
        if isinstance(response, dict) and len(response) == 1 and not {"output", "error"}.isdisjoint(response):
            failed = True if "error" in response else failed
            texts += result_texts(next(iter(response.values())))
        elif answer is not None:
            texts += result_texts(response)
        elif isinstance(part, dict) and "text" not in part:
            texts.append(f"[{next(iter(part), 'part')}]")
        else:
            texts += result_texts(part)
    return texts, failed


def _session(recorded: Recorded, log: EventLog, context: Mapping[str, str]) -> Session:
    told = recorded.metadata
    messages = recorded.messages.values()
    times = [event.at for event in log.events if event.at is not None]
    started = log.time(told["startTime"], "startTime") if told.get("startTime") else None
    metadata = {"project": as_text(told.get("projectHash")), "part_of": context.get("part_of", "")}
    return Session(
        id=as_text(told.get("sessionId")),
        source="gemini-cli",
        agent="gemini-cli",
        model=next(
            (as_text(one["model"]) for one in messages if one.get("type") == "gemini" and one.get("model")), None
        ),
        started_at=started or min(times, default=None),
        ended_at=max(times, default=None),
        metadata={name: value for name, value in metadata.items() if value},
    )
