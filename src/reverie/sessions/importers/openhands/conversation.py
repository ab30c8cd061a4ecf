"""Events of version 1 (the software agent SDK), each of a ``kind``."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.openhands.talk import Talk, exit_failed, texts_of, thought
from reverie.sessions.importers.parts import Called, call_of, result_texts
from reverie.sessions.importers.tool_arguments import tool_arguments

_BOOKS = frozenset(
    {"TokenEvent", "LLMCompletionLogEvent", "HookExecutionEvent", "StreamingDeltaEvent", "CondensationRequest"}
)
_REASONING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)
_OVER = ("completed", "failed", "error", "cancelled")


class Conversation:
    """Adds events to a session's log, one after the other."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._silent: set[str] = set()
        """Calls whose results say nothing: thoughts and the end."""
        self._begun: set[str] = set()
        """Calls of other programs' agents that were told of already."""
        self.status = ""
        """How the conversation stood last."""
        self.model = ""

    def record(self, event: Mapping[str, Any], at: datetime | None) -> None:
        """Add what the event holds."""
        talk, kind = self._talk, as_text(event.get("kind"))
        if kind == "SystemPromptEvent":
            texts = texts_of(event.get("system_prompt")) + texts_of(event.get("dynamic_context"))
            talk.said("system.message", texts, at)
        elif kind == "MessageEvent":
            self._message(event, at)
        elif kind == "ActionEvent":
            self._action(event, at)
        elif kind in ("ObservationEvent", "UserRejectObservation", "AgentErrorEvent"):
            self._observation(event, kind, at)
        elif kind == "ACPToolCallEvent":
            self._foreign_call(event, at)
        elif kind == "ConversationErrorEvent":
            talk.failed(": ".join(t for t in (as_text(event.get("code")), as_text(event.get("detail"))) if t), at)
        elif kind in ("Condensation", "CondensationSummaryEvent"):
            talk.said("system.message", [as_text(event.get("summary"))], at)
        elif kind in ("PauseEvent", "InterruptEvent"):
            talk.log.add("user.interrupt", {}, at, talk.thread)
        elif kind == "ConversationStateUpdateEvent":
            self._state(event, at)
        elif kind not in _BOOKS:
            talk.unread[f"event of kind {kind or 'unknown'}"] += 1

    def _message(self, event: Mapping[str, Any], at: datetime | None) -> None:
        message, source = _object(event.get("llm_message")), event.get("source")
        texts = _shown(self._talk, message.get("content"))
        if source == "agent":
            self._thoughts(message, at)
            self._talk.said("agent.message", texts, at)
        else:
            self._talk.said("user.message" if source == "user" else "system.message", texts, at)
        self._talk.said("system.message", texts_of(event.get("extended_content")), at)

    def _thoughts(self, holder: Mapping[str, Any], at: datetime | None) -> None:
        blocks = holder.get("thinking_blocks")
        told = [as_text(_object(block).get("thinking")) for block in blocks] if isinstance(blocks, list) else []
        for text in [text for text in told if text] or [as_text(holder.get("reasoning_content"))]:
            thought(self._talk, text, at)

    def _action(self, event: Mapping[str, Any], at: datetime | None) -> None:
        talk, action = self._talk, _object(event.get("action"))
        name, key = as_text(event.get("tool_name")), as_text(event.get("tool_call_id"))
        self._thoughts(event, at)
        for text in texts_of(event.get("thought")):
            # Where reasoning is a field of its own, what stands between such tags repeats it.
            thought(talk, _REASONING.sub("", text) if event.get("reasoning_content") else text, at)
        if name in ("finish", "think"):
            self._silent.add(key)
            if name == "finish":
                talk.said("agent.message", [as_text(action.get("message"))], at)
            else:
                thought(talk, action.get("thought"), at)
            return
        call = next(call_of(event.get("tool_call")), None)
        given = call.arguments if isinstance(call, Called) else {}
        arguments = given or {field: value for field, value in action.items() if field != "kind" and value is not None}
        talk.called(name or (call.name if isinstance(call, Called) else "unknown"), arguments, key, key, at)

    def _observation(self, event: Mapping[str, Any], kind: str, at: datetime | None) -> None:
        key, name = as_text(event.get("tool_call_id")), as_text(event.get("tool_name"))
        if key in self._silent:
            return
        held = _object(event.get("observation"))
        if kind == "ObservationEvent":
            given = next((held[f] for f in ("content", "output", "result", "error") if held.get(f)), "")
            texts, failed = list(result_texts(given)), _failed(held)
        else:
            texts, failed = [as_text(event.get("error") or event.get("rejection_reason"))], True
        self._talk.returned(key, texts, failed, name, at)
        self._talk.said("system.message", texts_of(event.get("extended_content")), at)

    def _foreign_call(self, event: Mapping[str, Any], at: datetime | None) -> None:
        """A call of another program's agent, of which several events tell until it is over."""
        key = as_text(event.get("tool_call_id"))
        name = as_text(event.get("title") or event.get("tool_kind")) or "unknown"
        if key not in self._begun:
            self._begun.add(key)
            self._talk.called(name, tool_arguments(event.get("raw_input")), key, key, at)
        if event.get("status") in _OVER and key not in self._silent:
            self._silent.add(key)
            given = event.get("content") or event.get("raw_output")
            failed = event.get("is_error") is True or event.get("status") != "completed"
            self._talk.returned(key, result_texts(given), failed, name, at)

    def _state(self, event: Mapping[str, Any], at: datetime | None) -> None:
        key, value = event.get("key"), event.get("value")
        if key == "full_state" and isinstance(value, Mapping):
            self.status = as_text(value.get("execution_status")) or self.status
            self.sums(value.get("stats"), at)
        elif key == "execution_status":
            self.status = as_text(value)
        elif key == "stats":
            self.sums(value, at)

    def sums(self, stats: Any, at: datetime | None) -> None:
        """Add what was spent, by the sums so far of all models."""
        metrics = [one for one in _object(_object(stats).get("usage_to_metrics")).values() if isinstance(one, Mapping)]
        used = [_object(one.get("accumulated_token_usage")) for one in metrics]
        names = {name for one in used for name in one}
        counts = {name: sum(n for one in used if type(n := one.get(name)) is int) for name in names}
        costs = [cost for one in metrics if isinstance(cost := one.get("accumulated_cost"), int | float)]
        self._talk.spent(counts, sum(costs), at)
        self.model = self.model or next((as_text(one.get("model_name")) for one in metrics), "")


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _shown(talk: Talk, content: Any) -> list[str]:
    """A message's texts; what is none, by its name."""
    texts = texts_of(content)
    for part in content if isinstance(content, list) else ():
        kind = as_text(_object(part).get("type"))
        if kind and kind != "text" and "text" not in part:
            talk.unread[f"part of type {kind}"] += 1
            texts.append(f"[{kind}]")
    return texts


def _failed(held: Mapping[str, Any]) -> bool | None:
    if held.get("is_error") is True or held.get("error") is True:
        return True
    code = held.get("exit_code", _object(held.get("metadata")).get("exit_code"))
    if (failed := exit_failed(code)) is not None:
        return failed
    return False if held.get("is_error") is False else None
