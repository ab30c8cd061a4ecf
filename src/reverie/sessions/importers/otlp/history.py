"""What is new in the messages of a model's call, most of which repeat those of the calls before."""

from collections.abc import Iterable, Sequence

import msgspec

from reverie.sessions.importers.otlp.operation import Message
from reverie.sessions.importers.parts import Answered, Called, Part, Thought
from reverie.sessions.importers.roles import Role

_canonical = msgspec.json.Encoder(order="deterministic")


class Piece(msgspec.Struct, frozen=True):
    """One part of a message."""

    role: Role
    part: Part
    message: int
    """The message's position: neighbouring texts of one message are one event."""

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is known again: white space and call ids do not count, nor who brings a result."""
        part = self.part
        if isinstance(part, Called):
            return "call", part.name, _canonical.encode(part.arguments).decode()
        if isinstance(part, Answered):
            return "result", "", " ".join(" ".join(part.text).split())
        return "text", self.role, " ".join(part.text.split())


def pieces(messages: Iterable[Message]) -> list[Piece]:
    """All parts in order."""
    return [Piece(message.role, part, n) for n, message in enumerate(messages) for part in message.parts]


class Fresh(msgspec.Struct, frozen=True):
    """What a call adds to what is known."""

    new: list[Piece]
    rewritten: list[Piece]
    """What stands in the history in place of what was said, such as a summary of it."""
    line: list[tuple[str, str, str]]
    """The history as this call has it, to which its answer is added."""
    told: list[tuple[str, str, str]]
    """What an earlier call's history goes on with, where this call's is its beginning."""


class History:
    """The messages of one thread, as the models were given them."""

    def __init__(self) -> None:
        self._lines: list[list[tuple[str, str, str]]] = []
        self._seen: set[tuple[str, str, str]] = set()
        self._instructions: set[tuple[str, str, str]] = set()

    def heard(self, given: Sequence[Piece]) -> Fresh:
        """Take in what a call was given: of all histories so far it goes on with the one that it repeats furthest.

        A history that was cut or rewritten is known by the latest of the agent's own words, calls or results in it.
        """
        instructions = [piece for piece in given if piece.role == "system" and piece.key not in self._instructions]
        self._instructions.update(piece.key for piece in instructions)
        talk = [piece for piece in given if piece.role != "system" and not isinstance(piece.part, Thought)]
        line = [piece.key for piece in talk]
        known: list[tuple[str, str, str]] = max(reversed(self._lines), key=lambda one: _common(one, line), default=[])
        common = _common(known, line)
        rewritten: list[Piece] = []
        begin = common
        if common < min(len(known), len(line)):
            begin = max((n + 1 for n in range(common, len(line)) if self._is_own(line[n])), default=common)
            rewritten = [piece for piece in talk[common:begin] if piece.key not in self._seen]
        told = known[common:] if common == len(line) else []
        if known and common == len(known):
            self._lines = [one for one in self._lines if one is not known]
        self._lines.append(line)
        self._seen.update(line)
        return Fresh([*instructions, *talk[begin:]], rewritten, line, told)

    def said(self, fresh: Fresh, answer: Sequence[Piece]) -> bool:
        """Take in a call's answer; whether it is news, and not what another span told of the same call."""
        keys = [piece.key for piece in answer if not isinstance(piece.part, Thought)]
        fresh.line.extend(keys)
        self._seen.update(keys)
        return not (keys and fresh.told[: len(keys)] == keys)

    def told(self, piece: Piece) -> None:
        """Take in what was said outside of any call, and what later histories may repeat."""
        if piece.role == "system":
            self._instructions.add(piece.key)
            return
        if not self._lines:
            self._lines.append([])
        self._lines[-1].append(piece.key)
        self._seen.add(piece.key)

    def _is_own(self, key: tuple[str, str, str]) -> bool:
        return key in self._seen and (key[0] != "text" or key[1] == "agent")


def _common(one: Sequence[tuple[str, str, str]], other: Sequence[tuple[str, str, str]]) -> int:
    """The length of the common beginning."""
    return next(
        (n for n, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other))
    )
