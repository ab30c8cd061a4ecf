"""A tested pattern and what became of it."""

from functools import lru_cache
from typing import Literal

import msgspec

from reverie.digests.behaviour_name import BehaviourName, Situation, read_name, read_situation, write_label
from reverie.statistics.quantity import Estimate

Verdict = Literal["adopted", "candidate", "refused"]

_read_situation, _read_name = lru_cache(16_384)(read_situation), lru_cache(65_536)(read_name)
"""Many hypotheses share a situation, and each is looked at many times."""


class Hypothesis(msgspec.Struct, frozen=True):
    """`In this situation, doing this goes with another reward`, for sessions of one task category or of all."""

    category: str | None
    situation_text: str = msgspec.field(name="situation")
    """As it is stored with the findings of a dream; so is the next one."""
    name_text: str = msgspec.field(name="name")
    kind: str
    code: int
    """Position of the behaviour in the corpus's names."""

    @property
    def situation(self) -> Situation:
        """Where it is compared."""
        return _read_situation(self.situation_text)

    @property
    def name(self) -> BehaviourName:
        """What was done."""
        return _read_name(self.name_text)

    @property
    def label(self) -> str:
        """How it is named outside: ``name``, or ``situation | name`` where it belongs to one."""
        return write_label(self.situation, self.name)


class Window(msgspec.Struct, frozen=True):
    """A stretch of time in which the effect was there by itself."""

    began_at: float
    """Seconds since 1970, as are all times here."""
    ended_at: float
    effect: float
    strata: tuple[str, ...]
    """Names of the informative strata; at most twenty."""


class Move(msgspec.Struct, frozen=True):
    """Something done at a moment, and how many did it."""

    name: str
    """As behaviours are stored; ``nothing`` for sessions that ended at the moment."""
    sessions: int
    share: float
    """Of those that are spoken of, 0 to 1."""


class Setting(msgspec.Struct, frozen=True):
    """What a setting was given in the sessions compared: ``field`` of a tool's arguments, and its values."""

    parameter: str
    """``T.field``."""
    value: str
    """The value that the finding is about."""
    others: tuple[str, ...]
    """What sessions of the same strata gave that never gave ``value``, the commonest first; at most three."""
    seen: tuple[str, ...]
    """All values, the commonest first; at most twenty."""
    low: float | None
    """Of all values, where they are numbers; so is ``high``."""
    high: float | None


class Finding(msgspec.Struct, frozen=True):
    """A hypothesis with its numbers on both parts of the sessions and the verdict."""

    hypothesis: Hypothesis
    verdict: Verdict
    reason: str
    naive_effect: float
    """Pooled over all sessions, ignoring the task: what a plain comparison would claim."""
    naive_significant: bool
    """Whether the pooled comparison passes a plain false-discovery test at 5 %."""
    discovery: Estimate | None
    """None where no stratum is informative."""
    confirmation: Estimate | None
    q_discovery: float
    q_confirmation: float | None
    """None where it never reached confirmation."""
    supporting: tuple[str, ...] = ()
    """Sessions that did it and ended as the effect says, from different strata where possible."""
    contrary: tuple[str, ...] = ()
    """Sessions that did it and ended otherwise."""
    windows: tuple[Window, ...] = ()
    """For what is adopted: the disjoint stretches of time that bear it out."""
    first_seen: float | None = None
    last_seen: float | None = None
    shadows: tuple[Hypothesis, ...] = ()
    """What looked helpful or harmful only because it goes with this."""
    also: tuple[Hypothesis, ...] = ()
    """Other descriptions of nearly the same sessions."""
    form_of: str = ""
    """The class of actions that the behaviour is a form of, as it is stored, where it is told instead of the class."""
    members: tuple[Move, ...] = ()
    """What the behaviour was, where its name does not say: the commonest forms, at most three."""
    others: tuple[Move, ...] = ()
    """What was done instead, where every session made a move: the commonest, at most three."""
    setting: Setting | None = None
    """What a finding about a setting's value is compared with."""
    on_reward: Estimate | None = None
    """For a finding on another outcome: what the same behaviour does to the reward, on both parts together."""

    @property
    def parts(self) -> tuple[Estimate, ...]:
        """The estimates there are: discovery, then confirmation."""
        return tuple(part for part in (self.discovery, self.confirmation) if part is not None)

    @property
    def deciding(self) -> Estimate | None:
        """The estimate that is quoted: on the confirmation part where there is one."""
        return self.confirmation or self.discovery

    @property
    def q_value(self) -> float:
        """False discovery rate at which the deciding test passes."""
        return self.q_discovery if self.q_confirmation is None else self.q_confirmation

    def strata_informative(self, split_by: str) -> int:
        """Informative strata; those of the parts add up only when the parts hold different tasks."""
        informative = [part.informative for part in self.parts] or [0]
        return sum(informative) if split_by == "task" else max(informative)
