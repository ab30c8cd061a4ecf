"""The record of a dream: its request, its status and its result."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from reverie.assist.budget import ModelEstimate
from reverie.assist.proposal_verdict import ProposalVerdict
from reverie.dreams.preference import Preference
from reverie.lessons.lesson import Effect, Lesson
from reverie.memory.change import Change
from reverie.mining.left_out import LeftOut
from reverie.overview.friction import FrictionReport
from reverie.overview.overview import Overview

DreamStatus = Literal["pending", "running", "completed", "failed", "canceled"]
DREAM_SOURCE = "dream"
"""The source of sessions that dreams are watched in; nothing is learnt from them unless they are named outright."""


class DreamBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that a dream may spend on a model, where it is not what the policy says; None leaves it to that."""

    tokens: int | None = None
    """Input and output together."""
    usd: float | None = None


class DreamRequest(msgspec.Struct, frozen=True):
    """What a dream is asked to do; a resumed dream has the very same request."""

    store: str
    """The store's name or id."""
    where: str | None = None
    """Which sessions to read; None reads all."""
    session_ids: tuple[str, ...] | None = None
    """Exactly these sessions, sorted; None leaves it to ``where``."""
    clone: bool = False
    """Whether the result goes to a clone of the store."""
    model: str | None = None
    """The model that was asked for; what is asked is the one of the settings."""
    instructions: str | None = None
    """What whoever asked wants kept in mind; it reaches a model, and steers nothing without one."""
    budget: DreamBudget | None = None
    """Instead of the policy's."""
    agents: tuple[str, ...] = ()
    """Whose sessions alone are read, since the store is theirs; empty is anybody's."""
    team: str | None = None
    """The id of the team whose joint dream it is: what the store is to it decides, not whoever asks."""
    private: bool = False
    """Whether the store is private to the agent: only there is learnt from sessions that are marked untrusted."""


class ScheduledDream(msgspec.Struct, frozen=True):
    """What became of a moment of a schedule: exactly one of the dream and the reason is there."""

    scheduled_at: datetime
    """The moment."""
    at: datetime
    """When it was looked at."""
    dream_id: str | None = None
    skipped: str | None = None
    """Why no dream was begun."""


class SessionCounts(msgspec.Struct, frozen=True):
    """Sessions in the dream's scope, and how many of them had not been digested before."""

    read: int
    new: int
    scored: int = 0
    dated: int | None = None
    """Those with a date of their own: what is said about time rests on these alone. None before they are digested."""


class PlaceboCounts(msgspec.Struct, frozen=True):
    """The same mining with rewards shuffled within strata: how often, and how many lessons it adopted."""

    runs: int
    lessons: int


class PatternRow(msgspec.Struct, frozen=True):
    """One tested pattern as the report shows it."""

    situation: str
    behaviour: str
    kind: str
    effect: Effect | None
    """None where no stratum could inform it."""
    q_value: float
    strata_informative: int
    sessions_with: int
    sessions_without: int
    verdict: str
    """adopted, candidate, or why not."""
    naive_effect: float | None = None
    """What pooled comparison, ignoring the task, would have claimed."""
    on_reward: Effect | None = None
    """Of a pattern in another outcome: what the same behaviour does to the reward."""


class OutcomeSummary(msgspec.Struct, frozen=True):
    """What was found about an outcome besides the reward: seconds, tokens, money or one metric."""

    name: str
    unit: str
    """Of its effects, which are positive where it gets better."""
    sessions: int
    """Scored sessions in which it is known."""
    tested: int
    placebo: PlaceboCounts
    """Shuffled outcomes; what they would have cost in reward is not looked at."""
    detectable_effect: float | None
    """The smallest effect a behaviour shown in half of the sessions would be found with, 8 times in 10."""
    patterns: tuple[PatternRow, ...]
    note: str = ""
    """Why there is nothing, where that is so."""


class LabelledRow(msgspec.Struct, frozen=True):
    """A claim that a proxy suggests, and what the labels of few sessions say of it."""

    situation: str
    behaviour: str
    proxy_effect: float
    """In the proxy, 0 to 1, on the sessions that suggested it; the labels are of the others."""
    effect: Effect | None
    """On the reward, from the labels with the proxy's help; None where too few sessions that could tell have labels."""
    alone: Effect | None
    """From the labels alone."""
    width: float | None
    """Of the interval, as a share of that of the labels alone: below 1 where the proxy narrowed it."""
    proxy_helped: bool
    """Whether the proxy was used: where it says nothing beyond the labels, they decide alone."""
    q_value: float | None
    verdict: str
    """adopted, candidate, refused."""
    reason: str


class LabelSummary(msgspec.Struct, frozen=True):
    """What few labels say beside a proxy that all sessions have: prediction-powered inference."""

    labels: int
    sessions: int
    """That the labels stand for."""
    proxy: str
    auc: Effect | None
    """How well the proxy predicts the labels it has not seen: 0.5 says nothing, 1 everything."""
    claims: tuple[LabelledRow, ...]
    """The surest first."""
    note: str = ""
    """Why there is nothing, where that is so."""


class TrendPoint(msgspec.Struct, frozen=True):
    """Sessions and their mean reward in one stretch of time ; dated sessions alone are in it."""

    label: str
    sessions: int
    scored: int
    mean_reward: float | None
    low: float | None
    high: float | None


class StrataSummary(msgspec.Struct, frozen=True):
    """How the sessions were grouped for comparison, and what that can and cannot tell."""

    by: str
    """In words, such as ``task`` or ``task, adjusted for agent variant``."""
    strata: int
    informative: int
    """Strata in which the rewards differ at all, so that something could be learnt from them."""
    variants: int
    detectable_effect: float | None
    """The smallest reward difference a behaviour shown in half of the sessions would be found with, 8 times in 10."""
    note: str = ""
    """``not enough repeats to tell``, when that is so, with the numbers."""


STAGES = {
    "survey": "looking at what there is to read",
    "digest": "reading sessions",
    "consult": "asking the model what to look for",
    "mine": "comparing within tasks, and the placebo",
    "describe": "looking for themes, flows and trends",
    "word": "asking the model for words",
    "conclude": "writing lessons",
}
"""What a dream does in each stage."""


class StageTime(msgspec.Struct, frozen=True):
    """How long a stage took."""

    stage: str
    seconds: float


Way = Literal["own", "sender", "receiver", "team", "offered", "held back"]
"""``own``: of what the agent does by itself; ``sender``: of how it gives tasks; ``receiver``: of what it does with
them; ``team``: of what concerns both; ``offered``: holds in the sessions of several agents, and is tried
for all; ``held back``: holds in all sessions together, and not by itself in those of several agents."""


class PlacedLesson(msgspec.Struct, frozen=True):
    """Where a lesson of a joint dream went, and why."""

    lesson_id: str
    memory_store_id: str
    agent: str | None
    """Whom it is for; None is for the whole team."""
    way: Way
    reason: str


class WrittenStore(msgspec.Struct, frozen=True):
    """What a joint dream did to one of its stores."""

    memory_store_id: str
    name: str
    agent: str | None
    """Whose private store it is; None of the team's."""
    revision: int | None
    """That it wrote; None where nothing had to change."""
    changes: int
    """Of documents."""
    adopted: int
    """Lessons that are documents there now."""
    in_trial: int


class DreamResult(msgspec.Struct, frozen=True):
    """All that a dream found and did; the report is drawn from this record alone."""

    dream_id: str
    status: DreamStatus
    sessions: SessionCounts
    tested: int
    placebo: PlaceboCounts
    lessons: tuple[Lesson, ...]
    patterns: tuple[PatternRow, ...]
    changes: tuple[Change, ...]
    seconds: float
    store: str = ""
    where: str | None = None
    revision: int | None = None
    """The store revision it wrote; None when nothing had to change."""
    strata: StrataSummary | None = None
    trend: tuple[TrendPoint, ...] = ()
    stages: tuple[StageTime, ...] = ()
    usage: dict[str, Any] = {}
    """Model tokens and money; empty for a dream without a model."""
    started_at: datetime | None = None
    notes: tuple[str, ...] = ()
    """Why a model's contribution is missing, where it is."""
    overview: Overview | None = None
    """Patterns of the other kinds: flows, themes, trends and so on."""
    proposals: tuple[ProposalVerdict, ...] = ()
    """What became of the behaviours that a model proposed, in this dream or an earlier one."""
    outcomes: tuple[OutcomeSummary, ...] = ()
    """What was found about outcomes besides the reward."""
    implicit: dict[str, float] = {}
    """Where no session had a score: the signals that the implicit outcome was made of, with their weights. Lessons and
    patterns are then about it, and not about the reward."""
    labelled: LabelSummary | None = None
    """Where few sessions are scored: what a proxy suggests and the labels say of it."""
    friction: FrictionReport | None = None
    """Where it goes wrong between users and the agent, scores or none; None of dreams of earlier versions."""
    preferences: tuple[Preference, ...] = ()
    """Standing orders of users: candidates, what is set apart for a person, and what too few said."""
    left_out: LeftOut = LeftOut()
    """How sessions ended, and which scored ones were not counted: cut off, or copies."""
    team: str | None = None
    """The name of the team whose joint dream it was; ``store``, ``revision``, ``changes`` are of the team's store."""
    stores: tuple[WrittenStore, ...] = ()
    """Of a joint dream: every store that it could write to."""
    placed: tuple[PlacedLesson, ...] = ()
    """Of a joint dream: where each lesson went, and why."""


class DreamEstimate(msgspec.Struct, frozen=True):
    """What a dream would read and roughly cost, before it is run."""

    sessions: SessionCounts
    events: int
    seconds: float
    """Expected wall time, from this machine's measured pace."""
    cost_usd: float = 0.0
    """Of the model, as far as its price is known."""
    model: ModelEstimate | None = None
    """None without a model."""
