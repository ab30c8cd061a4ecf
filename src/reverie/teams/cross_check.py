"""Cross-checks: one question put to several agents, and what their answers came to; read from a session's events.

A check's result stands in the log as JSON, so that a session that ran here and one that was imported have it alike.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from reverie.errors import InputError
from reverie.ids import event_sequence
from reverie.sessions.event import Event
from reverie.teams.answers import normalised
from reverie.teams.reliability import Level, Reliability, SettledBy, level_of

TOOL = "cross_check"
METADATA = "reverie_cross_check"
"""What in an agent's metadata asks for the tool: ``on``, or ``judge=AGENT``."""
NOT_CALIBRATED = "not calibrated yet"


class CheckChoice(msgspec.Struct, frozen=True):
    """How an agent's cross-checks go."""

    judge: str | None = None
    """The agent of the roster that judges where there is no majority; None is the coordinator's model, on its own."""


def read_choice(metadata: Mapping[str, str]) -> CheckChoice | None:
    """How an agent's cross-checks go, by its metadata; None where it has none.

    Raises:
        InputError: the metadata says something else.
    """
    value = metadata.get(METADATA, "off").strip()
    if value in ("off", ""):
        return None
    if value == "on":
        return CheckChoice()
    name, _, judge = value.partition("=")
    if name.strip() == "judge" and judge.strip():
        return CheckChoice(judge.strip())
    raise InputError(f"metadata.{METADATA}: {value!r} is not known; say on, off, or judge=NAME of an agent")


def check_judge(metadata: Mapping[str, str], names: Iterable[str]) -> None:
    """Accept a judge that is on the roster with these names, or that nobody is named.

    Raises:
        InputError: the metadata names another.
    """
    choice, known = read_choice(metadata), list(names)
    if choice is not None and choice.judge is not None and choice.judge not in known:
        there = ", ".join(known) or "nobody: the agent is no coordinator"
        raise InputError(f"metadata.{METADATA}: {choice.judge!r} is not on the roster; known: {there}")


class Answer(msgspec.Struct, frozen=True):
    """An answer, and who gave it; its text stands beside it."""

    number: int
    """From 1, the most frequent first."""
    agents: tuple[str, ...]
    models: tuple[str, ...]
    sha256: str
    """Of the answer in its normal form."""


class Silence(msgspec.Struct, frozen=True):
    """Somebody who gave no answer."""

    agent: str
    reason: str


class CheckResult(msgspec.Struct, frozen=True):
    """What a check came to."""

    asked: int
    answers: tuple[Answer, ...]
    no_answer: tuple[Silence, ...]
    settled_by: SettledBy
    winner: int | None
    """The number of the answer that won; None where nobody's did."""
    why_not: str | None = None
    """Why there is no winner."""
    reliability: Reliability | str = NOT_CALIBRATED

    @property
    def level(self) -> Level:
        """How far those agreed whose answer won."""
        won = () if self.winner is None else self.answers[self.winner - 1].models
        return level_of(won, self.asked, self.settled_by)


class CrossCheck(msgspec.Struct, frozen=True):
    """A check of a session."""

    number: int
    """Of the event that asked for it, in the session."""
    question_sha256: str
    result: CheckResult


def digest(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of_answer(answer: str) -> str:
    """The same for the same answers."""
    return digest(normalised(answer))


def result_content(result: CheckResult, told: str) -> list[dict[str, Any]]:
    """A check's result as the log has it: as JSON, and then in words.

    Args:
        told: what was answered, marked as data.
    """
    return [
        {"type": "text", "text": msgspec.json.encode({TOOL: result}).decode()},
        {"type": "text", "text": told},
    ]


class _Logged(msgspec.Struct, frozen=True):
    cross_check: CheckResult


def cross_checks(events: Sequence[Event]) -> tuple[CrossCheck, ...]:
    """The checks of a session that have a result, in the order of their results."""
    found = (_checked(events, event) for event in events if event.type == "agent.tool_result")
    return tuple(check for check in found if check is not None)


def _checked(events: Sequence[Event], event: Event) -> CrossCheck | None:
    try:
        number = event_sequence(str(event.payload.get("tool_use_id")))
        call = events[number]
        if call.type != "agent.tool_use" or call.payload.get("name") != TOOL:
            return None
        logged = msgspec.json.decode(event.payload["content"][0]["text"], type=_Logged)
    except (ValueError, LookupError, TypeError, msgspec.MsgspecError):
        return None  # another tool's result, an error's, or that of a log that was written elsewhere
    question = str((call.payload.get("input") or {}).get("question", ""))
    return CrossCheck(number, digest(question), logged.cross_check)
