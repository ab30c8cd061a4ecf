"""Events of version 0: actions, and observations that name the action that was their cause."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.openhands.talk import Talk, exit_failed, thought
from reverie.sessions.importers.parts import Called, call_of

_BOOKS = frozenset(
    {"null", "start", "change_agent_state", "agent_state_changed", "pause", "resume", "stop", "recall", "condense"}
    | {
        "condensation_request",
        "loop_recovery",
        "loop_detection",
        "send_pr",
        "push",
        "add_task",
        "modify_task",
        "summarize",
    }
)
"""Actions and observations by which the program steers itself."""
_OF_THE_HARNESS = frozenset(
    {"thought", "hidden", "blocking", "confirmation_state", "is_confirmed", "security_risk", "impl_source"}
    | {"kernel_init_code", "include_extra", "is_static", "keep_prompt", "return_axtree", "wait_for_response"}
)
"""Fields of an action that no model wrote."""
_STOPPED = ("stopped", "paused", "user_rejected")


class Stream:
    """Adds events to a session's log, one after the other."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._silent: set[str] = set()
        """Actions whose results say nothing: thoughts and the end."""
        self._delegated: list[tuple[str, str | None]] = []
        """Delegations that go on: the action's id, and the thread to which it returns."""

    def record(self, event: Mapping[str, Any], at: datetime | None) -> None:
        """Add what the event holds."""
        metrics = event.get("llm_metrics")
        if isinstance(event.get("action"), str):
            self._action(event, event["action"], at)
        elif isinstance(event.get("observation"), str):
            self._observation(event, event["observation"], at)
        else:
            self._talk.unread["event that is neither an action nor an observation"] += 1
        if isinstance(metrics, Mapping):
            used = metrics.get("accumulated_token_usage")
            self._talk.spent(used if isinstance(used, Mapping) else {}, metrics.get("accumulated_cost"), at)

    def _action(self, event: Mapping[str, Any], kind: str, at: datetime | None) -> None:
        talk, args = self._talk, _object(event.get("args"))
        source, key = event.get("source"), as_text(event.get("id"))
        if kind == "message":
            texts = [as_text(args.get("content"))]
            urls = args.get("image_urls") or args.get("images_urls")
            if isinstance(urls, list) and urls:
                talk.unread["part of type image"] += len(urls)
                texts += ["[image]"] * len(urls)
            talk.said("agent.message" if source == "agent" else "user.message", texts, at)
        elif kind == "system":
            talk.said("system.message", [as_text(args.get("content"))], at)
        elif kind == "think":
            thought(talk, args.get("thought"), at)
            self._silent.add(key)
        elif kind in ("finish", "reject"):
            self._end(event, args, at)
        elif kind == "condensation":
            talk.said("system.message", [as_text(args.get("summary"))], at)
        elif kind == "change_agent_state" and source == "user" and args.get("agent_state") in _STOPPED:
            talk.log.add("user.interrupt", {}, at, talk.thread)
        elif kind not in _BOOKS and source == "agent":
            self._call(event, kind, args, at)
        elif kind not in _BOOKS:
            talk.unread[f"action {kind} of the {as_text(source) or 'program'}"] += 1

    def _end(self, event: Mapping[str, Any], args: Mapping[str, Any], at: datetime | None) -> None:
        outputs = _object(args.get("outputs"))
        texts = (args.get("final_thought"), outputs.get("content"), args.get("thought"), event.get("message"))
        self._talk.said("agent.message", [next((text for text in texts if isinstance(text, str) and text), "")], at)
        self._silent.add(as_text(event.get("id")))

    def _call(self, event: Mapping[str, Any], kind: str, args: Mapping[str, Any], at: datetime | None) -> None:
        talk = self._talk
        thought(talk, args.get("thought"), at)
        asked = _asked(_object(event.get("tool_call_metadata")))
        name, given, call_id = kind, {n: v for n, v in args.items() if n not in _OF_THE_HARNESS and v is not None}, ""
        if asked is not None:
            name, given, call_id = asked.name, asked.arguments or given, asked.call_id
        elif kind == "call_tool_mcp":
            name, given = as_text(args.get("name")) or kind, dict(_object(args.get("arguments")))
        position = talk.called(name, given, as_text(event.get("id")), call_id, at)
        if kind == "delegate":
            self._delegated.append((as_text(event.get("id")), talk.thread))
            talk.begun(as_text(args.get("agent")) or "agent", position, at)

    def _observation(self, event: Mapping[str, Any], kind: str, at: datetime | None) -> None:
        talk, extras = self._talk, _object(event.get("extras"))
        cause, content = as_text(event.get("cause")), as_text(event.get("content"))
        if kind == "recall":
            talk.said("system.message", _recalled(extras), at)
        elif kind == "agent_state_changed":
            if extras.get("agent_state") == "error":
                talk.failed(as_text(extras.get("reason")) or "the agent's state is error", at)
        elif kind in _BOOKS or cause in self._silent or kind == "think":
            return
        elif kind in ("message", "chat"):
            talk.said("agent.message" if event.get("source") == "agent" else "user.message", [content], at)
        elif kind == "error" and not cause:
            talk.failed(content or as_text(event.get("message")), at)
        else:
            if kind == "delegate" and self._delegated:
                _, talk.thread = self._delegated.pop()
                content = content or as_text(extras.get("outputs"))
            talk.returned(cause, [content], _failed(event, kind, extras), kind, at)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _asked(metadata: Mapping[str, Any]) -> Called | None:
    """The call as the model made it."""
    call_id, name = as_text(metadata.get("tool_call_id")), as_text(metadata.get("function_name"))
    choices = _object(metadata.get("model_response")).get("choices")
    for choice in choices if isinstance(choices, list) else ():
        calls = _object(_object(choice).get("message")).get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            part = next(call_of(call), None)
            if isinstance(part, Called) and part.call_id == call_id:
                return part
    return Called(name, {}, call_id) if name else None


def _failed(event: Mapping[str, Any], kind: str, extras: Mapping[str, Any]) -> bool | None:
    if kind in ("error", "user_rejected"):
        return True
    code = _object(extras.get("metadata")).get("exit_code", extras.get("exit_code"))
    if (failed := exit_failed(code)) is not None:
        return failed
    return True if event.get("success") is False and type(code) is not int else None


def _recalled(extras: Mapping[str, Any]) -> list[str]:
    """What was put before the model: instructions of the repository, and knowledge for words that came up."""
    names = ("repo_instructions", "additional_agent_instructions", "conversation_instructions")
    knowledge = extras.get("microagent_knowledge")
    known = [_object(one).get("content") for one in knowledge] if isinstance(knowledge, list) else []
    return [text for text in (*(extras.get(name) for name in names), *known) if isinstance(text, str)]
