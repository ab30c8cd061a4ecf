"""A session: one run of an agent, with the tags that segment queries use."""

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from reverie.sessions.event import Event

REWARD_METRIC = "reward"
"""The built-in metric: what a source calls reward, 0 to 1, higher is better."""
LIVE_SOURCE = "api"
"""The source of sessions that are run through the server, whose events are kept as they were sent."""

_encoder = msgspec.json.Encoder(order="deterministic")


class Session(msgspec.Struct, frozen=True):
    """What is known of a session besides its events."""

    id: str
    source: str
    """The format it came from, as in ``reverie import --format``; ``api`` for those run by the server."""
    agent: str | None = None
    agent_version: str | None = None
    model: str | None = None
    task_id: str | None = None
    """Sessions with one task id attempted the same task; None where the source does not say."""
    task_category: str | None = None
    user_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    metadata: dict[str, str] = {}
    """Any further tags, as text."""


class Score(msgspec.Struct, frozen=True):
    """One metric's value for one session."""

    metric: str
    value: float


def score_problem(metric: str, value: float) -> str | None:
    """Why ``value`` is no score of ``metric``, and what to do; None where it is one.

    Wherever scores come from, the reward lies between 0 and 1, and other metrics take every finite number.
    """
    if not math.isfinite(value):
        return f"{value} is not a finite number"
    if metric == REWARD_METRIC and not 0 <= value <= 1:
        return (
            f"{value:g} is outside 0 to 1; give it another name, and say what that is worth by reverie metric define "
            "NAME --low LOW --high HIGH"
        )
    return None


class PartScore(msgspec.Struct, frozen=True):
    """One metric's value for a part of a session."""

    part: str
    """The thread of an agent that was called in, or the event that asked for a cross-check."""
    metric: str
    value: float


class Transcript(msgspec.Struct, frozen=True):
    """A session with its events in order; an event's sequence number is its position, from 0."""

    session: Session
    events: tuple[Event, ...]
    scores: tuple[Score, ...] = ()


def content_sha256(events: Sequence[Event]) -> str:
    """Hash of the events as the source gave them, before redaction; two sources with the same events agree."""
    digest = hashlib.sha256()
    for event in events:
        digest.update(_encoder.encode(event))
        digest.update(b"\n")
    return digest.hexdigest()
