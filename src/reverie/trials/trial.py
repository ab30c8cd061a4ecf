"""A trial, what is tried, and who was assigned to which arm."""

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from reverie.trials.policy import LivePolicy, ShareStep

SubjectKind = Literal["lesson", "bundle", "memory", "agent_version"]
TrialState = Literal["trial", "adopted", "frozen", "rejected", "rolled_back", "inconclusive", "ended"]
OPEN: tuple[TrialState, ...] = ("trial", "adopted")
"""States in which sessions are drawn."""
Act = Literal["adopt", "reject", "roll_back", "conclude", "freeze", "end"]
"""What a decision does: ``conclude`` ends a trial that could not tell."""


class Subject(msgspec.Struct, frozen=True):
    """What is shown or not."""

    kind: SubjectKind
    ids: tuple[str, ...]
    """Of the lesson; of a bundle's lessons; of the store whose memory is held out; of the agent."""
    version: str = ""
    """Hash of a lesson's words, or an agent's version: other words are another trial."""

    @property
    def text(self) -> str:
        """As one string, for the draw."""
        return "\x1f".join((self.kind, *self.ids, self.version))


class Guardrail(msgspec.Struct, frozen=True):
    """A guardrail as a trial measures it: values are divided by ``ceiling`` and cut off at 1."""

    measure: str
    margin: float
    """In the same shares of ``ceiling``."""
    ceiling: float
    mean: float
    """Of earlier sessions, in shares of ``ceiling``."""
    alpha: float


class Trial(msgspec.Struct, frozen=True):
    """A trial as it was begun, and where it stands."""

    id: str
    memory_store_id: str | None
    """None of an agent's version."""
    subject: Subject
    state: TrialState
    salt: str
    policy: LivePolicy
    """As it was when the trial began."""
    guardrails: tuple[Guardrail, ...]
    batch: str
    """The dream whose lessons are adopted together, or the trial's own id."""
    title: str
    """The advice, or the change, in words."""
    created_at: datetime
    created_by: str
    """A dream's id, ``user`` or an API key's id."""
    decided_at: datetime | None = None
    reason: str = ""
    """Why it is in this state, in a sentence."""
    proposal: dict[str, Any] | None = None
    """The decision that waits for a person, where the mode is ``ask``, or was only noted in ``observe``."""
    e_benefit: float | None = None
    """As it was when the trial stopped; None while it goes on."""

    @property
    def shares(self) -> tuple[ShareStep, ...]:
        """The share that is shown from exposure to exposure, in this state."""
        policy = self.policy
        if self.subject.kind == "memory":
            return (ShareStep(0, 1 - policy.memory_holdout),)
        if self.state != "adopted":
            return policy.shares
        later = ShareStep(policy.hidden_exposures, 1 - policy.hidden_share_later)
        return (ShareStep(0, 1 - policy.hidden_share), later)

    def comes_to(self, act: Act) -> Act:
        """What an act does to the subject: concluding does what the policy says of a trial that could not tell."""
        if act != "conclude":
            return act
        at_horizon: dict[str, Act] = {"adopt_with_holdback": "adopt", "reject": "reject", "keep": "end"}
        return at_horizon[self.policy.at_horizon]

    @property
    def deadline(self) -> timedelta:
        """How long after its assignment a session's score is waited for."""
        return timedelta(days=self.policy.outcome_deadline_days)


class Assignment(msgspec.Struct, frozen=True):
    """One eligible session of a trial."""

    order: int
    """Its place in the trial, from 1."""
    shown: bool
    share: float
    """The probability with which it was to be shown."""
    predicted: float
    """Its reward as earlier sessions foretell it (0 to 1)."""
    eligible_at: datetime
    counted: bool = True
    """False where its unit was drawn before: two sessions of one draw are not two draws."""
    reward: float | None = None
    measures: dict[str, float] = {}
    """Values of guardrails by measure."""


class Decision(msgspec.Struct, frozen=True):
    """What was decided of a trial, by whom and on which numbers."""

    id: str
    trial_id: str
    at: datetime
    act: Act
    by: str
    """``auto``, ``user`` or an API key's id."""
    reason: str
    numbers: dict[str, Any]
    revision_before: int | None
    revision_after: int | None
    undone_by: str | None = None
    note: str = ""
