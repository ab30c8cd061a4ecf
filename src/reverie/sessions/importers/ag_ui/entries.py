"""What was said in a thread, in order, put together from the pieces that events bring.

Source: https://docs.ag-ui.com/concepts/events, and ``sdks/python/ag_ui/core`` of ag-ui-protocol/ag-ui.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.parts import Answered, Called, Part, Said, Thought, call_of, read_parts, result_texts
from reverie.sessions.importers.roles import Role, role_of
from reverie.sessions.importers.tool_arguments import tool_arguments

Key = tuple[str, str]
"""What an entry is of: ``message``, ``call`` or ``result``, and the id."""


@dataclass(frozen=True)
class Entry:
    """One thing that was said, done or went wrong."""

    role: Role
    at: Any
    parts: list[Part] = field(default_factory=list)
    error: str | None = None
    usage: Mapping[str, Any] | None = None


@dataclass
class _Open:
    """A message or call of which pieces still come."""

    kind: str
    role: Role
    name: str
    at: Any
    pieces: list[str] = field(default_factory=list)


class Entries:
    """The entries of one thread."""

    def __init__(self) -> None:
        self._order: list[Key] = []
        self._entries: dict[Key, Entry] = {}
        self._open: dict[Key, _Open] = {}
        self._chunk: Key | None = None
        self._number = 0

    def all(self) -> Iterator[Entry]:
        """All in order, with what had not ended when the stream did."""
        for key in list(self._open):
            self.end(*key)
        yield from (self._entries[key] for key in self._order)

    def begin(self, kind: str, name: str, at: Any, *, role: Role = "agent", called: str = "") -> None:
        """A message (``message``, ``thought``) or a call begins; one that is known already is not told again."""
        self.end_chunk()
        if (kind, name) not in self._entries:
            self._open.setdefault((kind, name), _Open(kind, role, called, at))

    def piece(self, kind: str, name: str, text: str, at: Any) -> None:
        """A further piece of it."""
        if (kind, name) not in self._entries:
            self._open.setdefault((kind, name), _Open(kind, "agent", "", at)).pieces.append(text)

    def chunk(self, kind: str, name: str, text: str, at: Any, *, role: Role = "agent", called: str = "") -> None:
        """A piece that may begin its message, and goes on with the last one where it does not name it."""
        key = (kind, name) if name else self._chunk or (kind, "")
        if key != self._chunk:
            self.begin(*key, at, role=role, called=called)
            self._chunk = key
        self.piece(*key, text, at)

    def end_chunk(self) -> None:
        """What came in chunks is over."""
        if self._chunk is not None:
            key, self._chunk = self._chunk, None
            self.end(*key)

    def end(self, kind: str, name: str) -> None:
        """A message or call is complete."""
        done = self._open.pop((kind, name), None)
        if done is None:
            return
        text = "".join(done.pieces)
        if kind == "call":
            part: Part = Called(done.name or "unknown", tool_arguments(text), name)
        else:
            part = Thought(text) if kind == "thought" else Said(text)
        if text or kind == "call":
            self._add((kind, name), Entry(done.role, done.at, [part]))

    def add(self, entry: Entry, kind: str = "", name: str = "") -> None:
        """Something that came whole."""
        self.end_chunk()
        self._add((kind, name), entry)

    def snapshot(self, messages: Any, at: Any) -> None:
        """All messages so far: those that no event brought take their places between those that one did."""
        place = 0
        for message in messages if isinstance(messages, list) else ():
            for key, entry in _entries_of(message, at) if isinstance(message, dict) else ():
                if key in self._entries:
                    place = max(place, self._order.index(key) + 1)
                elif key not in self._open:
                    self._entries[key] = entry
                    self._order.insert(place, key)
                    place += 1

    def _add(self, key: Key, entry: Entry) -> None:
        if not key[1]:
            self._number += 1
            key = (key[0], f"#{self._number}")
        if key not in self._entries:
            self._entries[key] = entry
            self._order.append(key)


def result(call_id: str, content: Any, error: str, at: Any) -> Entry:
    """The result of a call."""
    texts = tuple(result_texts(content)) or ((error,) if error else ())
    return Entry("tool", at, [Answered(call_id, "", texts, True if error else None)])


def _entries_of(message: Mapping[str, Any], at: Any) -> Iterator[tuple[Key, Entry]]:
    name, word, content = as_text(message.get("id")), as_text(message.get("role")), message.get("content")
    if word == "activity":
        return
    if word == "reasoning":
        yield ("thought", name), Entry("agent", at, [Thought(as_text(content))])
        return
    role = role_of(word) or "agent"
    if role == "tool":
        call_id = as_text(message.get("toolCallId") or message.get("tool_call_id"))
        yield ("result", call_id), result(call_id, content, as_text(message.get("error")), at)
        return
    parts = list(read_parts(content))
    if parts:
        yield ("message", name), Entry(role, at, parts)
    calls = message.get("toolCalls") or message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        for part in call_of(call):
            if isinstance(part, Called):
                yield ("call", part.call_id), Entry("agent", at, [part])
