"""Results of tau2-bench runs (github.com/sierra-research/tau2-bench), and single simulations of them.

``tasks``, what ``reward_info`` says beside its numbers, and reviews hold the grader's key; only the numbers are read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import EventType, text_content
from reverie.sessions.importers.draft import Draft, EventLog, as_number, as_text, usage_payload
from reverie.sessions.importers.importer import Importer, Keys, Members
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.open_calls import OpenCalls
from reverie.sessions.importers.parts import Called, Said, Thought, Unread, call_of, read_parts, result_texts
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session
from reverie.sessions.stated_end import given_ends

_USER = "user"
"""The thread of what the simulated user does with tools of its own."""
_DOMAINS = re.compile(r"(?<![a-z])(airline|retail|telecom(?:-workflow)?|banking(?:_knowledge)?|mock)(?![a-z])")
_NEAR = 3
"""How many parts of a path, from its end, may name the domain."""
_SAID: Mapping[str, EventType] = {
    "assistant": "agent.message",
    "user": "user.message",
    "system": "system.message",
}
_TICK = (
    ("user_chunk", None),
    ("user_tool_calls", _USER),
    ("user_tool_results", _USER),
    ("agent_chunk", None),
    ("agent_tool_calls", None),
    ("agent_tool_results", None),
)


def parse_tau2_bench(record: RawRecord) -> Draft:
    """Read one simulation.

    Raises:
        ImportFormatError: it holds no message that can be read.
    """
    row = decode_json(record.data)
    if not isinstance(row, Mapping):
        raise ImportFormatError("the simulation is not a JSON object")
    log = EventLog()
    info = _object(decode_json(record.context.get("info", "{}")))
    environment = _object(info.get("environment_info"))
    if policy := as_text(row.get("policy") or environment.get("policy")):
        log.add("system.message", {"content": text_content(policy)})
    told = len(log.events)
    talk = _Talk(log)
    for number, message in enumerate(_messages(row)):
        if isinstance(message, Mapping):
            talk.record(message, f"messages[{number}]")
        else:
            log.warn(f"messages[{number}] is not an object; it is left out")
    if len(log.events) == told:
        raise ImportFormatError("messages holds no message that can be read")
    draft = Draft(_session(row, info, record, log), log)
    _take_scores(draft, row.get("reward_info"))
    return draft


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _messages(row: Mapping[str, Any]) -> Iterator[Any]:
    """The messages; several results that are one message, and the ticks of a run by voice, one by one."""
    messages = row.get("messages")
    for message in messages if isinstance(messages, list) else ():
        several = message.get("tool_messages") if isinstance(message, Mapping) else None
        yield from several if isinstance(several, list) else (message,)
    ticks = row.get("ticks")
    if not messages and isinstance(ticks, list):
        for tick in ticks:
            yield from _of_tick(_object(tick))


def _of_tick(tick: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field, requestor in _TICK:
        held = tick.get(field)
        if field.endswith("_calls") and isinstance(held, list) and held:
            role = "user" if requestor else "assistant"
            yield {"role": role, "tool_calls": held, "timestamp": tick.get("timestamp")}
        else:
            yield from (item for item in (held if isinstance(held, list) else [held]) if isinstance(item, Mapping))


class _Talk:
    """Adds messages to a log, one after the other."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._calls: dict[str | None, OpenCalls] = {None: OpenCalls(), _USER: OpenCalls()}
        self._user_acted = False

    def record(self, message: Mapping[str, Any], place: str) -> None:
        """Add what the message holds."""
        log, role = self._log, as_text(message.get("role"))
        at = log.time(message.get("timestamp"), f"{place}.timestamp")
        if role == "tool":
            side = _USER if message.get("requestor") == "user" else None
            call, again = self._calls[side].answered(as_text(message.get("id")), as_text(message.get("name")))
            if again:
                log.warn(f"{place} is a second result of one call; it is left out")
                return
            failed = message.get("error")
            content = [{"type": "text", "text": text} for text in result_texts(message.get("content"))]
            log.tool_result(call, content, failed if isinstance(failed, bool) else None, at=at, thread_id=side)
            return
        if role not in _SAID:
            log.warn(f"{place}.role {role[:60]!r} is unknown; the message is left out")
            return
        for part in read_parts(message.get("content")):
            if isinstance(part, Thought):
                log.add("agent.thinking", {"content": text_content(part.text)}, at)
            elif isinstance(part, Said | Unread) and part.text:
                log.add(_SAID[role], {"content": text_content(part.text)}, at)
        self._call(message, role, at)
        usage = message.get("usage")
        if role == "assistant" and isinstance(usage, Mapping):
            cost = as_number(message.get("cost"))
            log.add("span.model_request_end", usage_payload({**usage, **({"cost": cost} if cost else {})}), at)

    def _call(self, message: Mapping[str, Any], role: str, at: datetime | None) -> None:
        given = message.get("tool_calls")
        side = _USER if role == "user" else None
        for call in given if isinstance(given, list) else ():
            if side and not self._user_acted:
                self._user_acted = True
                self._log.add(
                    "session.thread_created", {"session_thread_id": _USER, "agent_name": "simulated user"}, at
                )
            for part in call_of(call):
                if isinstance(part, Called):
                    position = self._log.tool_use(part.name, part.arguments, part.call_id or None, at, side)
                    self._calls[side].opened(position, part.name, part.call_id)


def _session(row: Mapping[str, Any], info: Mapping[str, Any], record: RawRecord, log: EventLog) -> Session:
    agent = _object(info.get("agent_info"))
    domain = as_text(_object(info.get("environment_info")).get("domain_name")) or _domain(record.path)
    task = as_text(row.get("task_id"))
    names = ("trial", "seed", "agent_cost", "user_cost", "mode")
    tags = {name: as_text(row[name]) for name in names if isinstance(row.get(name), str | int | float)}
    user = as_text(_object(info.get("user_info")).get("llm"))
    times = [event.at for event in log.events if event.at is not None]
    return Session(
        id=as_text(row.get("id")),
        source="tau2-bench",
        agent=as_text(agent.get("implementation")) or "tau2-bench",
        agent_version=as_text(info.get("git_commit"))[:12] or None,
        model=as_text(agent.get("llm")) or None,
        task_id=":".join(part for part in ("tau2", domain, task) if part) if task else None,
        task_category=domain or None,
        started_at=min(times, default=None) or log.time(row.get("start_time"), "start_time"),
        ended_at=max(times, default=None) or log.time(row.get("end_time"), "end_time"),
        metadata=given_ends(row) | tags | ({"user_model": user} if user else {}),
    )


def _domain(path: str) -> str:
    parts: Sequence[str] = PurePath(path).parts[-_NEAR:]
    found = (_DOMAINS.search(part.lower()) for part in reversed(parts))
    return next((match[1] for match in found if match), "")


def _take_scores(draft: Draft, given: Any) -> None:
    if given is None:
        return
    if not isinstance(given, Mapping):
        draft.log.warn("reward_info is not an object; the reward is left out")
        return
    draft.score("reward", given.get("reward"), "reward_info.reward")
    for name, value in _object(given.get("reward_breakdown")).items():
        draft.score(f"reward_{name.lower()}", value, f"reward_info.reward_breakdown.{name}")


def _is_tau2_bench(keys: Keys) -> bool:
    if {"simulations", "tasks"} <= keys.top or ({"simulations", "info"} <= keys.top and "reward_info" in keys.deeper):
        return True
    one = {"task_id", "termination_reason", "messages"} <= keys.top
    return one and not keys.top.isdisjoint({"reward_info", "agent_cost", "ticks", "trial"})


IMPORTER = Importer(
    "tau2-bench", parse_tau2_bench, has_keys=_is_tau2_bench, members=Members(under="simulations", beside=("info",))
)
