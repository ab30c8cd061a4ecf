"""All that the sessions show besides what separates good from bad behaviour: the records, without what finds them."""

from datetime import datetime
from typing import Literal

import msgspec

from reverie.statistics.quantity import Estimate, Rate


class Branch(msgspec.Struct, frozen=True):
    """What good sessions did right after a step."""

    action: str
    share: float
    """Of the good sessions that came this far, 0 to 1."""


class FlowStep(msgspec.Struct, frozen=True):
    """One step of a flow."""

    action: str
    reached: float
    """Share of good sessions that came this far, 0 to 1."""
    next: tuple[Branch, ...]
    """The commonest next actions; a flow allows others between its steps."""


class Flow(msgspec.Struct, frozen=True):
    """Steps in an order that good sessions share; other actions may come between them."""

    steps: tuple[FlowStep, ...]
    sessions: int
    """Sessions, good or not, that went through all steps."""
    share_of_good: float
    share_of_others: float
    effect: Estimate | None
    """Reward of sessions that came to the last step by the others, less that of those that came to it otherwise; on
    sessions the flow was not found in. None where it cannot be estimated, as when all sessions come to it this way."""
    q_value: float | None
    helps: bool
    """Whether the effect is positive beyond chance."""
    example_session_ids: tuple[str, ...]


class Move(msgspec.Struct, frozen=True):
    """What some sessions did next, against what the others did."""

    action: str
    """The behaviour's name."""
    share: float
    """Of the sessions in this trouble, 0 to 1."""
    effect: Estimate | None
    """Reward with this as the next action less with another, within strata; None where it cannot be estimated."""
    q_value: float | None
    example_session_ids: tuple[str, ...]

    @property
    def is_beyond_chance(self) -> bool:
        """Whether at most one such move in twenty is expected to be a false find."""
        return self.q_value is not None and self.q_value <= 0.05


class Recovery(msgspec.Struct, frozen=True):
    """One kind of trouble and what came after it."""

    situation: str
    """Such as ``after error:timeout``."""
    sessions: int
    """Scored sessions that met it."""
    reward: Rate
    """Their mean reward."""
    moves: tuple[Move, ...]
    """Those that work first, then by effect; what cannot be estimated comes last."""
    note: str
    """``not enough repeats to tell``, when no move can be estimated."""

    @property
    def works(self) -> tuple[Move, ...]:
        """Moves that go with a better end beyond chance."""
        return tuple(m for m in self.moves if m.is_beyond_chance and m.effect and m.effect.effect > 0)


class Exemplar(msgspec.Struct, frozen=True):
    """A session whose opening is typical of its theme."""

    session_id: str
    opening: str


class Theme(msgspec.Struct, frozen=True):
    """Openings that ask for like things."""

    name: str
    sessions: int
    share: float
    """Of all sessions, 0 to 1."""
    reward: Rate | None
    """None where no session of it is scored."""
    exemplars: tuple[Exemplar, ...]
    example_session_ids: tuple[str, ...]
    """Scored sessions of it, the worst first."""


SegmentKind = Literal["category", "intent", "theme", "variant"]


class WeakSegment(msgspec.Struct, frozen=True):
    """A segment that does worse than the rest: a training priority."""

    kind: SegmentKind
    label: str
    size: int
    """Scored sessions."""
    failures: int
    """Of these, sessions that did not go well."""
    share_of_failures: float
    """Of all failures, 0 to 1."""
    reward: Rate
    difference: float
    """Mean reward less that of other sessions (of the same agent variant; for a variant: of the same requests)."""
    low: float
    high: float
    q_value: float
    example_session_ids: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Other segments of nearly the same sessions, as ``kind:label``."""


class SegmentRate(msgspec.Struct, frozen=True):
    """How often something happens in a segment, and how that differs from the rest."""

    kind: SegmentKind
    label: str
    rate: Rate
    difference: float
    low: float
    high: float
    q_value: float
    example_session_ids: tuple[str, ...]


SeriesKind = Literal["reward", "behaviour", "error", "fallback"]


class LevelChange(msgspec.Struct, frozen=True):
    """A step in a series."""

    at: datetime
    """The first session after it; earliest and latest bound the date at 95 %."""
    earliest: datetime
    latest: datetime
    size: Estimate | None
    """After less before, up to the neighbouring changes, for like requests; None where none came on both sides."""
    variant: str | None
    """The agent variant that took over with it (its share rose by half or more), if one did."""


class Trend(msgspec.Struct, frozen=True):
    """One series that changes over time beyond chance."""

    kind: SeriesKind
    name: str
    """The behaviour's name; ``reward`` and ``fallback`` for themselves."""
    sessions: int
    since: datetime
    until: datetime
    q_value: float
    changes: tuple[LevelChange, ...]
    slope: float
    """Straight-line change over the whole time, for like requests, in the series' unit; 95 % interval."""
    low: float
    high: float


class WindowEffect(msgspec.Struct, frozen=True):
    """What a behaviour was worth in one stretch of time."""

    since: datetime
    until: datetime
    effect: Estimate | None


class EffectDrift(msgspec.Struct, frozen=True):
    """A behaviour whose effect on reward is not the same at all times."""

    situation: str
    behaviour: str
    windows: tuple[WindowEffect, ...]
    p_value: float
    """Of Cochran's Q test that all windows have one effect (Cochran 1954)."""
    q_value: float


FALSE_ALARMS = 0.05
"""Share of the reported sessions to expect among them by chance."""


class Anomaly(msgspec.Struct, frozen=True):
    """One session and why it is far out."""

    session_id: str
    reason: str
    measure: str
    value: float
    usual: float
    """The median of like sessions."""
    robust_z: float
    """Distance from the median in robust standard deviations, on the log scale."""
    q_value: float
    reward: float | None


class Anomalies(msgspec.Struct, frozen=True):
    """What was found, out of how much, and how many of them chance alone would give."""

    found: tuple[Anomaly, ...]
    """The strongest 50, one reason to a session."""
    sessions: int
    """How many sessions are far out."""
    looked_at: int
    false_alarm_share: float = FALSE_ALARMS


Outcome = Literal["reward", "user mood"]


class PhraseEffect(msgspec.Struct, frozen=True):
    """A phrase that goes with better or worse sessions of the same stratum."""

    phrase: str
    outcome: Outcome
    sessions: int
    """Sessions read that have it."""
    effect: Estimate
    """Outcome with it less without it, on the confirmation part; the user's last mood is moved to 0 to 1 for this."""
    q_value: float
    example_session_ids: tuple[str, ...]


class Wordings(msgspec.Struct, frozen=True):
    """The phrases found, and out of how much."""

    found: tuple[PhraseEffect, ...]
    sessions: int
    """Sessions whose messages were read."""
    phrases: int
    """Phrases that enough of them have."""
    note: str = ""


class HandOff(msgspec.Struct, frozen=True):
    """One agent's thread goes quiet and another's begins to act."""

    giver: str
    taker: str
    sessions: int
    share: float
    """Of all sessions, 0 to 1."""
    reward: Rate | None
    """Mean reward of the sessions with it; None where none is scored."""
    effect: Estimate | None
    """Reward with it less without it, within strata; None where it cannot be estimated."""
    q_value: float | None
    example_session_ids: tuple[str, ...]


class Correlation(msgspec.Struct, frozen=True):
    """Two measures of a session."""

    first: str
    second: str
    rho: float
    """Spearman's correlation within strata, −1 to 1, with its 95 % interval."""
    low: float
    high: float
    q_value: float
    pooled_rho: float
    """What a comparison that ignores the strata gives."""
    sessions: int
    """In strata of at least two sessions that have both measures."""


class Overview(msgspec.Struct, frozen=True):
    """Patterns of every other kind; each empty where there are too few sessions."""

    flows: tuple[Flow, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    themes: tuple[Theme, ...] = ()
    themes_note: str = ""
    """How many themes were chosen, and why."""
    weak_segments: tuple[WeakSegment, ...] = ()
    fallbacks: tuple[SegmentRate, ...] = ()
    trends: tuple[Trend, ...] = ()
    drifts: tuple[EffectDrift, ...] = ()
    anomalies: Anomalies = Anomalies((), 0, 0)
    wordings: Wordings = Wordings((), 0, 0)
    hand_offs: tuple[HandOff, ...] = ()
    correlations: tuple[Correlation, ...] = ()
