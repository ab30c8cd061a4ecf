"""The tool calls of a session, told by messages and by the tools' own spans, each once."""

from dataclasses import dataclass
from datetime import datetime

from reverie.sessions.importers.draft import EventLog
from reverie.sessions.importers.otlp.operation import ToolRun
from reverie.sessions.importers.parts import Answered, Called


@dataclass
class _Call:
    """One call and what is known of it."""

    position: int
    name: str
    arguments: dict[str, object]
    call_id: str
    thread: str | None
    asked: bool
    """Whether a message told of it."""
    run: bool = False
    """Whether a tool's span told of it."""
    result: str | None = None
    confirmed: bool = False
    """Whether a message told of its result."""


class Calls:
    """Calls in the order in which they were made."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._calls: list[_Call] = []

    def asked(self, part: Called, at: datetime | None, thread: str | None, *, repeated: bool) -> None:
        """A message tells of a call; ``repeated`` where it is in a history, so that it may be known."""
        known = self._by_id(part.call_id)
        if known is not None and known.arguments == part.arguments and (repeated or not known.asked):
            known.asked = True
            return
        self._made(part.name, part.arguments, part.call_id, at, thread).asked = True

    def began(self, run: ToolRun, at: datetime | None, thread: str | None) -> int:
        """A tool begins; gives the position of its call."""
        call = self._by_id(run.call_id)
        if call is None and not run.call_id:
            waiting = [
                one
                for one in self._calls
                if one.name == run.name and one.thread == thread and not one.run and one.result is None
            ]
            call = next((one for one in waiting if one.arguments == run.arguments), waiting[0] if waiting else None)
        if call is None or call.run:
            call = self._made(run.name, run.arguments, run.call_id, at, thread)
        call.run = True
        return call.position

    def ended(self, position: int, run: ToolRun, error: str | None, at: datetime | None) -> None:
        """A tool ends; a result that a message told already stays as it is."""
        call = next(one for one in self._calls if one.position == position)
        texts = run.result if run.result or not error else (error,)
        if call.result is None and (texts is not None or error is not None):
            self._result(call, tuple(texts or ()), True if error is not None else run.is_error, at)

    def answered(self, part: Answered, at: datetime | None, thread: str | None) -> None:
        """A message tells of a result, which the tool's span may have told."""
        text = "\n".join(part.text)
        call = self._by_id(part.call_id)
        if call is None:
            mine = [one for one in self._calls if one.thread == thread and not one.confirmed and _fits(one, part)]
            call = next(
                (one for one in mine if one.result == text), next((one for one in mine if one.result is None), None)
            )
        if call is None:
            content = [{"type": "text", "text": one} for one in part.text]
            self._log.tool_result(None, content, part.is_error, part.name, at, thread)
            return
        call.confirmed = True
        if call.result is None:
            self._result(call, part.text, part.is_error, at)

    def _made(
        self, name: str, arguments: dict[str, object], call_id: str, at: datetime | None, thread: str | None
    ) -> _Call:
        position = self._log.tool_use(name, arguments, call_id or None, at, thread)
        self._calls.append(_Call(position, name, arguments, call_id, thread, asked=False))
        return self._calls[-1]

    def _by_id(self, call_id: str) -> _Call | None:
        """The latest call of the id: some programs begin again with every turn."""
        return next((one for one in reversed(self._calls) if call_id and one.call_id == call_id), None)

    def _result(self, call: _Call, texts: tuple[str, ...], is_error: bool | None, at: datetime | None) -> None:
        content = [{"type": "text", "text": text} for text in texts]
        self._log.tool_result(call.position, content, is_error, at=at, thread_id=call.thread)
        call.result = "\n".join(texts)


def _fits(call: _Call, part: Answered) -> bool:
    return (not part.name or call.name == part.name) and not (part.call_id and call.call_id)
