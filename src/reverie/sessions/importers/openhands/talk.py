"""What both versions' events become, and in which state the reading of them is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import EventLog, as_number, as_text, usage_payload
from reverie.sessions.importers.open_calls import OpenCalls

_COUNTS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")


class Talk:
    """Adds what is said and done to a session's log."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.unread: Counter[str] = Counter()
        self.thread: str | None = None
        self._calls = OpenCalls()
        self._spent: dict[str, float] = {}

    def said(
        self,
        kind: Literal["user.message", "system.message", "agent.message", "agent.thinking"],
        texts: Iterable[str],
        at: datetime | None,
    ) -> None:
        """Add a message, unless it is empty."""
        content = [{"type": "text", "text": text} for text in texts if text.strip()]
        if content and kind == "user.message" and self.thread is not None:
            self.log.add("agent.thread_message_received", {"content": content}, at, self.thread)
        elif content:
            self.log.add(kind, {"content": content}, at, self.thread)

    def called(self, name: str, arguments: dict[str, Any], key: str, call_id: str, at: datetime | None) -> int:
        """Add a call, which its result will name by ``key``; gives its position."""
        position = self.log.tool_use(name, arguments, call_id or None, at, self.thread)
        self._calls.opened(position, name, key)
        return position

    def returned(self, key: str, texts: Iterable[str], failed: bool | None, name: str, at: datetime | None) -> None:
        """Add the result of the call that has ``key``; a second one costs itself."""
        call, again = self._calls.answered(key, "")
        if again:
            self.log.warn(f"a second result of {name} {key[:60]!r}; it is left out")
            return
        thread = self.thread if call is None else self.log.events[call].thread_id
        content = [{"type": "text", "text": text} for text in texts if text]
        self.log.tool_result(call, content, failed, name, at, thread)

    def failed(self, message: str, at: datetime | None) -> None:
        """Add an error of the run itself."""
        error = {"type": "unknown_error", "message": message, "retry_status": {"type": "exhausted"}}
        self.log.add("session.error", {"error": error}, at, self.thread)

    def spent(self, counts: Mapping[str, Any], cost: Any, at: datetime | None) -> None:
        """Add what was spent since the last sums, of which these are the next; the cached is among the prompt's."""
        sums = {name: as_number(counts.get(name)) or 0.0 for name in _COUNTS} | {"cost": as_number(cost) or 0.0}
        new = {name: max(0.0, value - self._spent.get(name, 0.0)) for name, value in sums.items()}
        self._spent = {name: max(value, self._spent.get(name, 0.0)) for name, value in sums.items()}
        if any(new.values()):
            cached = new["cache_read_tokens"] + new["cache_write_tokens"]
            payload = {
                "input_tokens": max(0.0, new["prompt_tokens"] - cached),
                "output_tokens": new["completion_tokens"],
                "cache_read_input_tokens": new["cache_read_tokens"],
                "cache_creation_input_tokens": new["cache_write_tokens"],
                **({"cost": new["cost"]} if new["cost"] else {}),
            }
            self.log.add("span.model_request_end", usage_payload(payload), at, self.thread)

    def begun(self, agent: str, call: int, at: datetime | None) -> None:
        """Another agent takes over until it has returned."""
        taken = {event.thread_id for event in self.log.events}
        number = next(n for n in range(1, len(taken) + 2) if (agent if n == 1 else f"{agent}-{n}") not in taken)
        thread = agent if number == 1 else f"{agent}-{number}"
        created = self.log.add("session.thread_created", {"session_thread_id": thread, "agent_name": agent}, at)
        self.log.answered[created] = call
        self.thread = thread


def exit_failed(code: Any) -> bool | None:
    """What an exit code says; -1 is a command that goes on, or has none."""
    return None if type(code) is not int or code < 0 else code != 0


def thought(talk: Talk, text: Any, at: datetime | None) -> None:
    """Add a thought, unless it is empty."""
    if isinstance(text, str) and text.strip():
        talk.log.add("agent.thinking", {"content": text_content(text)}, at, talk.thread)


def texts_of(content: Any) -> list[str]:
    """The texts of content: text, one part, or several."""
    parts = content if isinstance(content, list) else [content]
    return [text for part in parts if (text := as_text(part.get("text") if isinstance(part, Mapping) else part))]
