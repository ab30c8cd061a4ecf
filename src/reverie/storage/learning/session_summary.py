"""A session as people find it in a list, and what is known of it besides its events."""

from datetime import datetime
from typing import Literal

import msgspec

from reverie.runtime.live_state import Status


class SummarizedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session in a line; what only its digest knows is None before a dream has read it."""

    id: str
    source: str
    live: bool
    """Whether it is run through the server; else it was imported."""
    status: Status
    """Of an imported one ``idle``."""
    title: str | None
    opening: str
    """The beginning of its first message; empty without one."""
    at: datetime
    """When it started; where nobody knows, when it was imported."""
    imported_at: datetime
    agent: str | None
    agent_version: str | None
    model: str | None
    task_id: str | None
    task_category: str | None
    user_id: str | None
    reward: float | None
    implicit: float | None
    """The implicit outcome by the default weights, 0 to 1: what signals amount to, which is no measure of success."""
    events: int
    errors: int | None
    tokens: int | None
    """Read and written."""
    seconds: float | None
    cost_usd: float | None


class KeptScore(msgspec.Struct, frozen=True):
    """A score, who gave it and when."""

    metric: str
    value: float
    source: str
    """``person`` when asked, ``grader:NAME``, a model's name; empty: an import or a program."""
    recorded_at: datetime | None
    """None: before times were kept."""


class ShownSubject(msgspec.Struct, frozen=True):
    """A lesson or a memory that a session was shown."""

    subject: str
    kind: Literal["lesson", "memory"]
    title: str
    """What the lesson says, or the memory's path; empty where it is gone."""
    version: str
    memory_store_id: str
    mechanism: Literal["briefing", "mount"]
    shown_at: datetime


class DrawnArm(msgspec.Struct, frozen=True):
    """What a session was drawn for in a live trial."""

    trial_id: str
    title: str
    state: str
    shown: bool
    share: float
    """Of eligible sessions, those that are shown the subject."""
    contaminated: bool


class ThreadSize(msgspec.Struct, frozen=True):
    """A thread and how much happened in it."""

    thread_id: str | None
    """None is the primary one."""
    agent_name: str
    """Empty where nobody says."""
    events: int


class SessionFacts(SummarizedSession, frozen=True, kw_only=True):
    """A session with what was scored, shown and drawn."""

    started_at: datetime | None
    ended_at: datetime | None
    metadata: dict[str, str]
    input_tokens: int | None
    output_tokens: int | None
    ending: str | None
    """By the digest."""
    scores: tuple[KeptScore, ...]
    shown: tuple[ShownSubject, ...]
    draws: tuple[DrawnArm, ...]
    briefing: str
    """The text that its requests carried; empty where it had none."""
    threads: tuple[ThreadSize, ...]
    """The primary one first."""


class FieldValues(msgspec.Struct, frozen=True):
    """A field that segments may ask of, and values that it has."""

    name: str
    kind: Literal["text", "number", "time", "boolean"]
    values: tuple[str, ...]
    """Of recent sessions, the commonest first; of texts alone."""
