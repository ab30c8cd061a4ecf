"""Agents of Letta with their messages, as ``.af`` files hold them: one agent (older) or several.

Source: ``letta/schemas/agent_file.py``, ``letta/serialize_schemas`` and ``letta/schemas/message.py`` of letta-ai/letta,
and the files of letta-ai/agent-file. Memory blocks, tools, sources and environment variables are not read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import Draft, EventLog, as_text
from reverie.sessions.importers.importer import Importer, Keys, Members
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import record_messages
from reverie.sessions.importers.parts import result_texts
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session

_SAY = "send_message"
"""The tool by which an agent speaks to its user; what it writes beside it is for itself."""
_REMINDER = "<system-reminder>"
_AGENT = frozenset({"agent_type", "messages", "llm_config"})
_STATES = {"ok": False, "success": False, "failed": True, "error": True}

Message = dict[str, Any]


def parse_letta(record: RawRecord) -> Draft:
    """Read one agent.

    Raises:
        ImportFormatError: nobody has said anything to it, or nothing that can be read.
    """
    log = EventLog()
    agent = _agent(decode_json(record.data), log)
    given = agent.get("messages")
    messages = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if all(one.get("role") == "system" for one in messages):
        raise ImportFormatError(f"the agent {as_text(agent.get('name'))[:60]!r} has no conversation in the file")
    inward = "memgpt" in as_text(agent.get("agent_type"))
    sayings = {as_text(call.get("id")) or None for one in messages for call in _calls(one) if _call_name(call) == _SAY}
    told = [said for one in messages for said in _told(one, inward=inward)]
    record_messages(log, [said for said in told if as_text(said.get("tool_call_id")) not in sayings], "messages")
    times = [event.at for event in log.events if event.at is not None]
    name, settings = as_text(agent.get("name")), agent.get("llm_config")
    first = as_text(messages[0].get("created_at"))
    model = as_text(settings.get("model")) if isinstance(settings, dict) else ""
    kind = as_text(agent.get("agent_type"))
    session = Session(
        id=f"letta:{name}:{first}" if name and first else "",
        source="letta",
        agent=name or "letta",
        model=model or next((as_text(one["model"]) for one in messages if one.get("model")), None),
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata={"agent_type": kind} if kind else {},
    )
    return Draft(session, log)


def _agent(value: Any, log: EventLog) -> Mapping[str, Any]:
    """The agent; of a file that is text holding JSON, which cannot be streamed, the one that said most."""
    value = decode_json(value) if isinstance(value, str) else value
    agents = value.get("agents") if isinstance(value, dict) else None
    if isinstance(agents, list):
        found = [one for one in agents if isinstance(one, dict)]
        if len(found) > 1:
            log.warn(f"the file holds {len(found)} agents in one text; the one with most messages is kept")
        value = max(found, key=lambda one: len(one.get("messages") or ()), default=None)
    if not isinstance(value, dict):
        raise ImportFormatError("the agent is not a JSON object")
    return value


def _told(message: Mapping[str, Any], *, inward: bool) -> Iterator[Message]:
    """A message as a chat has it; ``inward`` where the agent speaks by a tool alone."""
    role = message.get("role")
    shared = {"created_at": message.get("created_at")}
    if role == "tool":
        yield from ({**answer, **shared} for answer in _answers(message))
    elif role == "user":
        yield from ({**said, **shared} for said in _heard(message.get("content")))
    elif role == "approval" and not message.get("tool_calls"):
        denied = message.get("approve") is False
        reason = as_text(message.get("denial_reason")) or "denied"
        yield from [{"role": "user", "content": reason, **shared}] if denied else []
    elif role in ("assistant", "approval"):
        reply = _reply(message, inward=inward)
        if reply["content"] or reply["tool_calls"]:
            yield {**reply, **shared}
        yield from ({"role": "assistant", "content": text, **shared} for text in _spoken(message))
    else:
        yield {"role": role, "content": message.get("content"), **shared}


def _heard(content: Any) -> Iterator[Message]:
    """What came to the agent: a person's words, which may be wrapped, or the program's."""
    for text in result_texts(content):
        wrapped = _object(text)
        if text.lstrip().startswith(_REMINDER):
            yield {"role": "system", "content": text}
        elif "type" in wrapped and "message" in wrapped:
            role = "user" if wrapped["type"] == "user_message" else "system"
            yield {"role": role, "content": as_text(wrapped["message"])}
        elif wrapped.get("type") in ("heartbeat", "login", "package_message"):
            yield {"role": "system", "content": text}
        else:
            yield {"role": "user", "content": text}


def _reply(message: Mapping[str, Any], *, inward: bool) -> Message:
    calls = [call for call in _calls(message) if _call_name(call) != _SAY]
    content = message.get("content")
    parts = content if isinstance(content, list) else [content] if content else []
    speaks = any(True for _ in _spoken(message))
    given = [_part(part, inward=inward or speaks) for part in parts]
    return {"role": "assistant", "content": [part for part in given if part], "tool_calls": calls}


def _part(part: Any, *, inward: bool) -> Any:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict):
        return part
    if part.get("type") == "summarized_reasoning":
        return {"type": "reasoning", "summary": part.get("summary")}
    if part.get("type") == "text" and not as_text(part.get("text")).strip():
        return None
    return {"type": "reasoning", "reasoning": part.get("text")} if inward and part.get("type") == "text" else part


def _calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _call_name(call: Mapping[str, Any]) -> str:
    function = call.get("function")
    return as_text(function.get("name")) if isinstance(function, dict) else ""


def _spoken(message: Mapping[str, Any]) -> Iterator[str]:
    for call in _calls(message):
        if _call_name(call) == _SAY:
            arguments = call["function"].get("arguments")
            told = arguments if isinstance(arguments, dict) else _object(as_text(arguments))
            yield as_text(told.get("message")) or as_text(arguments)


def _answers(message: Mapping[str, Any]) -> Iterator[Message]:
    returns = message.get("tool_returns")
    given = [one for one in returns if isinstance(one, dict)] if isinstance(returns, list) else []
    if len(given) < 2:
        status = as_text(given[0].get("status")) if given else ""
        yield _answer(message.get("tool_call_id"), message.get("name"), message.get("content"), status)
        return
    for one in given:
        yield _answer(one.get("tool_call_id"), None, one.get("func_response"), as_text(one.get("status")))


def _answer(call_id: Any, name: Any, content: Any, status: str) -> Message:
    """A result, which Letta wraps: ``{"status": "OK", "message": …, "time": …}``."""
    text = "\n".join(result_texts(content))
    wrapped = _object(text)
    if wrapped.keys() <= {"status", "message", "time"} and "message" in wrapped:
        text, status = as_text(wrapped["message"]), status or as_text(wrapped.get("status"))
    failed = _STATES.get(status.lower())
    told = {} if failed is None else {"is_error": failed}
    return {"role": "tool", "tool_call_id": call_id, "name": name, "content": text, **told}


def _object(text: str) -> Mapping[str, Any]:
    """The object that ``text`` is as JSON; an empty one where it is none."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value = decode_json(text)
    except ImportFormatError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_letta(keys: Keys) -> bool:
    return keys.top >= _AGENT or (keys.top >= {"agents"} and {"agent_type", "in_context_message_ids"} <= keys.deeper)


def _begins(head: bytes) -> bool:
    return head.lstrip().startswith(b'"') and b'\\"in_context_message_ids\\"' in head


IMPORTER = Importer("letta", parse_letta, has_keys=_is_letta, begins=_begins, members=Members(under="agents"))
