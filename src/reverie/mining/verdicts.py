"""What is made of every hypothesis of a dream: its estimates, its tests and its verdict."""

from dataclasses import dataclass, field

import numpy as np

from reverie.mining.comparison_group import ComparisonGroup
from reverie.mining.finding import Hypothesis, Verdict
from reverie.mining.outcome import Outcome
from reverie.mining.policy import MiningPolicy
from reverie.mining.preference import CLASSES
from reverie.statistics.corpus import Flags, Floats
from reverie.statistics.estimate import Estimates
from reverie.statistics.online import AlphaWealth
from reverie.statistics.quantity import Estimate

_LEAST_SPECIAL_Z = 1.28
"""What a special case must show by itself once its family is known to differ; general claims are beyond it anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Where a hypothesis lives: its group and its column in the group's designs."""

    group: ComparisonGroup
    number: int

    @property
    def hypothesis(self) -> Hypothesis:
        return self.group.hypotheses[self.number]


@dataclass(slots=True, eq=False)
class HypothesisResults:
    """Verdicts on all hypotheses; arrays are parallel to ``columns``."""

    outcome: Outcome
    columns: list[Column]
    discovery: Estimates
    confirmation: Estimates
    cross_screened: Flags
    """Found on the part kept for confirmation and tested on the other one."""
    tested: int
    """Hypotheses and families of special cases that enough sessions could inform."""
    q_discovery: Floats
    """NaN where it was not tested."""
    q_confirmation: Floats
    """NaN where it never reached confirmation."""
    widened: Floats
    """How many times as wide its intervals are as the sessions taken one by one would make them; 1 or more."""
    verdicts: dict[int, tuple[Verdict, str]] = field(default_factory=dict)
    """Only those that were found."""
    shadows: dict[int, list[int]] = field(default_factory=dict)
    by_date: set[int] = field(default_factory=set)
    """What cannot be told from a change of date: no more can it be told whether it faded."""
    alike: dict[int, list[Hypothesis]] = field(default_factory=dict)
    """Other descriptions of what is told."""
    classes: dict[int, str] = field(default_factory=dict)
    """The class of actions that what is told belongs to, where it is told instead of the class."""
    wealth: AlphaWealth = AlphaWealth()
    """The confirmation tests of all dreams, after this one."""

    def adopted(self) -> list[int]:
        """Positions of the adopted hypotheses."""
        return [i for i, (verdict, _) in self.verdicts.items() if verdict == "adopted"]

    def surviving(self) -> list[int]:
        """Positions of what was found and is not refused."""
        return [i for i, (verdict, _) in self.verdicts.items() if verdict != "refused"]

    def found(self, policy: MiningPolicy) -> Flags:
        """Which hypotheses stand out in the part that looked for them."""
        return found(self.discovery, self.q_discovery, policy, self.outcome)

    def also(self, i: int) -> tuple[Hypothesis, ...]:
        """Other descriptions of hypothesis ``i``: those of exactly the same sessions, then those of nearly the same."""
        column = self.columns[i]
        same = column.group.alike[column.number] if column.group.alike else ()
        return (*same, *self.alike.get(i, []))

    def class_of(self, i: int) -> str:
        """The name people have for what hypothesis ``i`` is a form of, as behaviours are stored; empty without one."""
        same = [h.name for h in self.also(i) if h.situation == self.columns[i].hypothesis.situation]
        return self.classes.get(i) or next((name.text for name in same if name.family in CLASSES), "")

    def quoted(self, i: int) -> tuple[Estimate | None, Estimate | None]:
        """The estimates of hypothesis ``i`` with their intervals as they are told: discovery, confirmation."""
        widened, bound = float(self.widened[i]), self.outcome.bound
        return (
            self.discovery.at(i, bound=bound, widened=widened),
            self.confirmation.at(i, bound=bound, widened=widened),
        )

    def strength(self, i: int) -> float:
        """How far beyond chance hypothesis ``i`` is, over both parts of the sessions."""
        return float(abs(self.discovery.z[i]) + abs(self.confirmation.z[i]))


def found(estimates: Estimates, q: Floats, policy: MiningPolicy, outcome: Outcome) -> Flags:
    """Which hypotheses stand out with these estimates and false discovery rates (NaN where not tested)."""
    flags: Flags = (
        (np.nan_to_num(q, nan=1.0) <= policy.discovery_fdr)
        & (np.abs(estimates.z) >= _LEAST_SPECIAL_Z)
        & (np.abs(estimates.effect) >= outcome.least_effect(policy))
    )
    return flags


def claim_label(results: HypothesisResults, i: int) -> str:
    """What hypothesis ``i`` claims, in one line: condition, situation, behaviour and direction."""
    h = results.columns[i].hypothesis
    direction = "helps" if results.discovery.effect[i] >= 0 else "harms"
    return f"{h.category or ''} | {h.situation_text} | {h.name_text} {direction}"
