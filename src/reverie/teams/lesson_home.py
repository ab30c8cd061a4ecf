"""Whose lesson it is: of whoever gives a task, of whoever is given it, or of the team together."""

from typing import Literal

import msgspec

from reverie.digests.behaviour_name import BehaviourName
from reverie.digests.moments import UNNAMED

Whose = Literal["sender", "receiver", "team"]
"""``sender``: what a brief says; ``receiver``: what an agent does with a task; ``team``: what concerns both."""

_WHOSE: dict[str, Whose] = {
    "brief": "sender",
    "hand-off": "sender",
    "verified before report": "receiver",
    "reports evidence": "receiver",
    "asked back": "receiver",
    "repeats another thread": "team",
}


class LessonHome(msgspec.Struct, frozen=True):
    """Where a lesson on a behaviour belongs."""

    whose: Whose
    agent: str | None
    """The agent that was given the task; None where none is named. The name of a sender stands in no behaviour."""


def home_of(name: BehaviourName) -> LessonHome | None:
    """Where a lesson on a behaviour belongs; None for what an agent does by itself, which is nobody's but its own."""
    whose = _WHOSE.get(name.family)
    if whose is None:
        return None
    agent = name.brief[0] if name.family == "brief" else name.subject
    return LessonHome(whose, None if whose == "team" or agent in ("", UNNAMED) else agent)
