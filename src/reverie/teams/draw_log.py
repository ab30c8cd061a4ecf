"""Draws of a router as sessions keep them, and what an agent's metadata says of routing."""

import hashlib
import math
from collections.abc import Mapping, Sequence

import msgspec

from reverie.errors import InputError
from reverie.sessions.event import Event

ROUTING_KEY, USD_KEY, SECOND_KEY = "reverie_routing", "reverie_routing_usd", "reverie_routing_second"
FLOOR_KEY, FORGETTING_KEY = "reverie_routing_floor", "reverie_routing_forgetting"
"""Metadata of an agent: ``on``, ``even`` or ``off``; reward that a US dollar takes away, and a second; share of the
draws that is even whatever is known; what an outcome counts after the next one of its family."""
ROUTING_KEYS = (ROUTING_KEY, USD_KEY, SECOND_KEY, FLOOR_KEY, FORGETTING_KEY)
FLOOR, FORGETTING = 0.10, 0.993
"""An outcome counts half after a hundred of its family: the least of what follows a change well enough."""
_LEAST_FLOOR, _LEAST_FORGETTING = 0.01, 0.9
DRAW_FIELD = "reverie_routing"
"""Of a ``session.thread_created`` event as stored; the wire does not know it."""
_MOST_WEIGHT = 1000.0
_BYTES = 7  # 56 bits, of which a float holds 53 exactly
_SLACK = 1e-6


class RoutingWish(msgspec.Struct, frozen=True):
    """What an agent's metadata asks for."""

    is_on: bool = False
    """Whether the choice of an agent may be left open."""
    cost_weight: float = 0.0
    seconds_weight: float = 0.0
    floor: float = FLOOR
    """1: all draws are even."""
    forgetting: float = FORGETTING

    @property
    def learned_by(self) -> str:
        """Of what has to be the same for the same to be learned of the same outcomes."""
        return " ".join(f"{number:.15g}" for number in (self.forgetting, self.cost_weight, self.seconds_weight))


class LoggedChoice(msgspec.Struct, frozen=True):
    """A draw as it stands in the log of a session."""

    family: str
    """Of the task; ``""`` where it is not known."""
    chances: Mapping[str, float]
    """The probability of each agent of the roster."""
    policy_version: int
    """What was known when it was drawn; 0: nothing."""


def read_wish(metadata: Mapping[str, str]) -> RoutingWish:
    """What an agent's metadata asks for.

    Raises:
        InputError: a value is not of its kind; the message names the key.
    """
    text = metadata.get(ROUTING_KEY, "off")
    if text not in ("on", "even", "off"):
        raise InputError(f"metadata.{ROUTING_KEY}: {text!r}; give on, even or off")
    floor = _number(metadata, FLOOR_KEY, FLOOR, _LEAST_FLOOR, 1.0)
    return RoutingWish(
        text != "off",
        _number(metadata, USD_KEY, 0.0, 0.0, _MOST_WEIGHT),
        _number(metadata, SECOND_KEY, 0.0, 0.0, _MOST_WEIGHT),
        1.0 if text == "even" else floor,
        _number(metadata, FORGETTING_KEY, FORGETTING, _LEAST_FORGETTING, 1.0),
    )


def _number(metadata: Mapping[str, str], key: str, usual: float, least: float, most: float) -> float:
    if key not in metadata:
        return usual
    text = metadata[key]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise InputError(f"metadata.{key}: {text!r}; give a number from {least:g} to {most:,g}")
    return value


def chance_of(thread_id: str) -> float:
    """What decides the draw for a thread: a number in [0, 1), even over threads, the same whenever it is asked for.

    A thread's id is made of its session's and of its place in the log, so a call that is run again draws the same.
    """
    digest = hashlib.sha256(f"routing\x1e{thread_id}".encode()).digest()
    return (int.from_bytes(digest[:_BYTES]) >> 3) / float(2**53)


def logged_choices(events: Sequence[Event]) -> dict[str, LoggedChoice]:
    """The draws of a session by the thread that was begun with each.

    What cannot be a draw of the agent that was begun is none: then it is a choice of which nothing can be learned.
    """
    found = {}
    for event in events:
        if event.type == "session.thread_created" and DRAW_FIELD in event.payload:
            choice = _read(event.payload[DRAW_FIELD])
            thread, agent = event.payload.get("session_thread_id"), event.payload.get("agent_name")
            if choice is not None and isinstance(thread, str) and choice.chances.get(str(agent), 0.0) > 0:
                found[thread] = choice
    return found


def _read(value: object) -> LoggedChoice | None:
    try:
        choice = msgspec.convert(value, LoggedChoice)
    except msgspec.ValidationError:
        return None
    is_whole = abs(sum(choice.chances.values()) - 1) < _SLACK
    return choice if is_whole and all(0 <= chance <= 1 for chance in choice.chances.values()) else None
