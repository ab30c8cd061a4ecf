"""How a router stands, as programs and people read it."""

from datetime import datetime

import msgspec

from reverie.teams.reliability import CheckRecord

LEAST_EFFECTIVE = 30.0
"""Draws that have to carry an estimate; below, an interval is not to be trusted."""
NOT_COMPARED = (
    "not shown: no tasks were drawn between the team and one agent alone; a team costs more, so compare at equal cost"
)


class PolicyValue(msgspec.Struct, frozen=True):
    """What a policy would earn a task."""

    estimate: float
    low: float
    high: float
    """Of the 95 % interval, within [0, 1]."""
    draws: int
    effective: float
    """(Σ w)² / Σ w²: draws that carry the estimate."""
    can_tell: bool
    """Whether the interval is worth reading: :data:`LEAST_EFFECTIVE` draws carry it."""


class PolicyForecast(msgspec.Struct, frozen=True):
    """What other rules would have earned on logged draws, before they are tried."""

    earned: float | None
    """A task, by the draws as they were; None of no draw."""
    value: PolicyValue | None
    """By the other rules; None where they would have drawn nothing that was drawn."""

    @property
    def told(self) -> str:
        """In words."""
        if self.earned is None or self.value is None:
            return "no draw tells what it would have earned"
        value = self.value
        return (
            f"on {value.draws} draws, {value.effective:.0f} of which carry it, it would have earned "
            f"{value.estimate:.3f} a task [{value.low:.3f}, {value.high:.3f}], and {self.earned:.3f} was earned"
        )

    @property
    def objection(self) -> str:
        """Why it is not to be tried; empty where it may be."""
        if self.earned is None or self.value is None or not self.value.can_tell:
            carried = 0.0 if self.value is None else self.value.effective
            return (
                f"cannot tell what it would earn: {carried:.0f} draws with an outcome carry the estimate, "
                f"{LEAST_EFFECTIVE:.0f} are needed"
            )
        if self.value.high < self.earned:
            return f"{self.told}: that is less"
        return ""


class RoutingCell(msgspec.Struct, frozen=True):
    """One agent in one family."""

    family: str
    """The session's task category; ``""`` is not known."""
    agent: str
    drawn: int
    """Tasks given by draw that have an outcome."""
    chosen: int
    """Tasks that the coordinator gave it, which prove nothing."""
    mean: float | None
    """Of the drawn ones' utility."""
    low: float | None
    high: float | None
    """Of the 95 % interval of the mean: Jeffreys', of outcomes between 0 and 1."""
    probability: float
    """Of the next draw; 0 where the agent has left the roster."""
    is_better: bool
    """Than the others of the roster, shown by draws."""


class RoutingReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a coordinator's router knows, and what is shown of it."""

    agent_id: str
    is_on: bool
    """Whether the coordinator may leave the choice of an agent open."""
    version: int
    """Of what was learned; 0: nothing yet."""
    learned_at: datetime | None
    agents: tuple[str, ...]
    """The roster, by name."""
    draws: int
    """Those that have an outcome."""
    own: int = 0
    """Those whose outcome is their own; the others share that of their session."""
    mean: float | None
    """Utility of the drawn tasks."""
    even: PolicyValue | None
    """What even draws would have earned, for comparison."""
    cells: tuple[RoutingCell, ...]
    """By family and agent."""
    checks: tuple[CheckRecord, ...] = ()
    """How often answers were right that its cross-checks agreed on, by how far they agreed; the most frequent first."""
    team: str = NOT_COMPARED
    """Whether calling others in is shown to be better than one agent alone."""
