"""A ``.traj.json`` file of mini-swe-agent: the chat's messages, with what its harness knows in ``extra``."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import Draft, EventLog, as_number, as_text, usage_payload
from reverie.sessions.importers.open_calls import OpenCalls
from reverie.sessions.importers.parts import Called, Said, Thought, call_of, read_parts, result_texts
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.swe_agent.task import end_of, model_of, run_id, spent, task_of
from reverie.sessions.session import Session

_COMMAND = re.compile(r"```(?:mswea_bash_command|bash|sh)[ \t]*\n(.*?)\n?```", re.DOTALL)
_CODE = re.compile(r"\s*<returncode>(-?\d+)</returncode>")
_BY_USER = "User"
"""How the interruptions are called that a person made."""


def parse_mini(row: Mapping[str, Any], record: RawRecord) -> Draft:
    """Read one run.

    Raises:
        ImportFormatError: no message can be read.
    """
    log = EventLog()
    chat = _Chat(log)
    for number, message in enumerate(row["messages"]):
        if isinstance(message, Mapping):
            chat.record(message, f"messages[{number}]")
        else:
            log.warn(f"messages[{number}] is not an object; it is left out")
    if not log.events:
        raise ImportFormatError("messages holds no message that can be read")
    info = row["info"] if isinstance(row.get("info"), Mapping) else {}
    if not chat.counted and (usage := spent(info)) is not None:
        log.add("span.model_request_end", usage)
    times = [event.at for event in log.events if event.at is not None]
    config = info.get("config") if isinstance(info.get("config"), Mapping) else {}
    model = config.get("model") if isinstance(config, Mapping) else None
    task = task_of(record, row)
    session = Session(
        id=run_id(task, times[0].isoformat()) if times else "",
        source="swe-agent",
        agent="mini-swe-agent",
        agent_version=as_text(info.get("mini_version")) or None,
        model=model_of(record, model.get("model_name") if isinstance(model, Mapping) else None),
        task_id=task,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata=end_of(info),
    )
    return Draft(session, log)


class _Chat:
    """Adds messages to a log, one after the other."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._calls = OpenCalls()
        self._asked = False
        self.counted = False
        """Whether any message told what it cost."""

    def record(self, message: Mapping[str, Any], place: str) -> None:
        """Add what the message holds."""
        role = as_text(message.get("role"))
        extra = message["extra"] if isinstance(message.get("extra"), Mapping) else {}
        at = self._log.time(extra.get("timestamp"), f"{place}.extra.timestamp")
        if role == "assistant":
            self._reply(message, extra, at)
        elif role == "tool" or "returncode" in extra or _CODE.match(_text(message)):
            self._result(message, extra, at)
        elif role in ("user", "system"):
            texts = [text for text in result_texts(message.get("content")) if text]
            by_user = role == "user" and (not self._asked or as_text(extra.get("interrupt_type")).startswith(_BY_USER))
            self._asked = self._asked or role == "user"
            if texts:
                content = [{"type": "text", "text": text} for text in texts]
                self._log.add("user.message" if by_user else "system.message", {"content": content}, at)
        elif role != "exit":
            self._log.warn(f"{place}.role {role[:60]!r} is unknown; the message is left out")

    def _reply(self, message: Mapping[str, Any], extra: Mapping[str, Any], at: datetime | None) -> None:
        thinking = message.get("reasoning_content")
        if isinstance(thinking, str) and thinking:
            self._log.add("agent.thinking", {"content": text_content(thinking)}, at)
        text = _text(message)
        for part in read_parts(message.get("content")):
            if isinstance(part, Thought):
                self._log.add("agent.thinking", {"content": text_content(part.text)}, at)
            elif isinstance(part, Said) and (shown := _COMMAND.sub("", part.text).strip()):
                self._log.add("agent.message", {"content": text_content(shown)}, at)
        for call in _called(message, extra, text):
            position = self._log.tool_use(call.name, call.arguments, call.call_id or None, at)
            self._calls.opened(position, call.name, call.call_id)
        usage = _usage(extra)
        if usage is not None:
            self.counted = True
            self._log.add("span.model_request_end", usage, at)

    def _result(self, message: Mapping[str, Any], extra: Mapping[str, Any], at: datetime | None) -> None:
        call, again = self._calls.answered(as_text(message.get("tool_call_id")), "")
        content = [{"type": "text", "text": text} for text in result_texts(message.get("content"))]
        code = as_number(extra.get("returncode"))
        stated = _CODE.match(_text(message))
        if code is None and stated:
            code = float(stated[1])
        if call is None or again:
            self._log.add("system.message", {"content": content}, at)
        else:
            self._log.tool_result(call, content, None if code is None else code != 0, at=at)


def _text(message: Mapping[str, Any]) -> str:
    return "\n".join(result_texts(message.get("content")))


def _called(message: Mapping[str, Any], extra: Mapping[str, Any], text: str) -> Iterator[Called]:
    given = message.get("tool_calls")
    if isinstance(given, list) and given:
        yield from (part for call in given for part in call_of(call) if isinstance(part, Called))
        return
    actions = extra.get("actions")
    if isinstance(actions, list):
        commands = [action.get("command") for action in actions if isinstance(action, Mapping)]
    else:
        found = _COMMAND.findall(text)
        commands = found if len(found) == 1 else []  # with any other number the harness asked again
    for command in commands:
        yield Called("bash", {"command": as_text(command)}, "")


def _usage(extra: Mapping[str, Any]) -> dict[str, Any] | None:
    answer = extra.get("response")
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    held = dict(usage) if isinstance(usage, Mapping) else {}
    cost = as_number(extra.get("cost"))
    if not held and not cost:
        return None
    return usage_payload(held | ({"cost": cost} if cost else {}))
