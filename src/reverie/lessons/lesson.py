"""Advice with the evidence behind it."""

from datetime import datetime
from typing import Literal

import msgspec

from reverie.digests.behaviour_name import BehaviourName, Situation, read_label

LessonKind = Literal["best_practice", "failure_mitigation", "training_priority", "heuristic_adjustment"]
LessonStatus = Literal["candidate", "trial", "adopted", "retired", "refused"]


class Effect(msgspec.Struct, frozen=True):
    """A difference in reward, or another outcome, with its 95 % interval, in ``unit``; positive is better."""

    estimate: float
    low: float
    high: float
    unit: str = "reward"


class Scope(msgspec.Struct, frozen=True):
    """Where the advice holds; None means anywhere the sessions came from."""

    agent: str | None = None
    task_family: str | None = None
    condition: str | None = None
    """What the agent can see when the advice applies, in words."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session, and the event in it, that the claim rests on; or, with a hint, the event to look at first."""

    session_id: str
    event_id: str
    hint: str = ""
    """Why to look there, where a rule of thumb points at the event: it proves nothing."""


class Example(msgspec.Struct, frozen=True):
    """The move itself, as a session that did well made it."""

    session_id: str
    event_id: str
    text: str
    """Verbatim, redacted as its session is; cut where it is long."""


class Adjustment(msgspec.Struct, frozen=True):
    """A change of a setting, and the values it was seen with."""

    parameter: str
    """``T.field``: an argument of a tool."""
    before: str | None = msgspec.field(name="from")
    """The value to leave: the one most used otherwise, or the one that harms; None where others leave it unset."""
    to: str | None
    """The value to give; None where only one value was ever seen, and it harms."""
    low: float | None = None
    """The least value seen, of numbers; so is ``high`` the greatest."""
    high: float | None = None
    seen: tuple[str, ...] = ()
    """Values seen, the commonest first; at most twenty."""


class Lesson(msgspec.Struct, frozen=True):
    """Advice proposed or kept, with the numbers that decided."""

    id: str
    """``lsn_…``, the same for the same claim in the same store, from dream to dream."""
    kind: LessonKind
    scope: Scope
    behaviour: str
    """The label of a situation and a behaviour; of a training priority ``kind:label`` of its segment."""
    effect: Effect
    """On the part of the sessions that did not find it; where it was not tested there, on the part that did."""
    q_value: float
    """False discovery rate at which the deciding test passes (0 to 1)."""
    strata_informative: int
    sessions_with: int
    sessions_without: int
    evidence: tuple[Evidence, ...]
    status: LessonStatus
    reason: str
    """Why it has this status, in a sentence."""
    statement: str = ""
    """All of it in sentences: the advice, then the numbers. It follows from the parts below where there are any."""
    when: str = ""
    """When the advice applies, in words that follow "when"; empty where it always does."""
    do: str = ""
    """What to do, or not to do, in words that follow "when …,"."""
    instead_of: str = ""
    """What the sessions that did not do it did; empty where nothing is known of it."""
    moment: Situation | None = None
    """What ``when`` says in words, as a situation of the digest; None where the advice is about no behaviour."""
    act: BehaviourName | None = None
    """What ``do`` speaks of, as a behaviour of the digest."""
    doing: bool = True
    """Whether ``act`` is to be done; else it is to be left."""
    examples: tuple[Example, ...] = ()
    """One or two, of sessions that did it and ended well."""
    also: tuple[str, ...] = ()
    """Other descriptions of nearly the same sessions, as labels: the same advice in words harder to follow."""
    numbers: str = ""
    """What sessions that did it had more or less of, with intervals, in sentences."""
    words: str = ""
    """The advice as a model worded it; empty where it is ours."""
    counter_examples: tuple[Evidence, ...] = ()
    """Sessions that followed the advice and failed, or did not and succeeded."""
    discovery: Effect | None = None
    reward_with: float | None = None
    """Mean reward of the sessions that did it, in the strata compared."""
    reward_without: float | None = None
    first_seen_at: datetime | None = None
    """Start of the first session that shows it, where times are known."""
    last_seen_at: datetime | None = None
    exceptions: tuple[str, ...] = ()
    """Conditions in which another lesson says the opposite."""
    shadows: tuple[str, ...] = ()
    """Behaviours that looked helpful or harmful only because they go with this one."""
    outcome: str = "reward"
    """What sessions were compared on: the reward, ``seconds``, ``tokens``, ``cost_usd`` or a metric."""
    adjustment: Adjustment | None = None
    """Of a heuristic adjustment: which setting, from what to what."""
    on_reward: Effect | None = None
    """Of advice on another outcome: what doing it does to the reward."""
    implicit: bool = False
    """Whether it rests on an implicit outcome, made of signals of sessions that nobody scored."""

    def __post_init__(self) -> None:
        if self.do:
            statement = f"{self.advice}. {self.numbers}" if self.numbers else f"{self.advice}."
            msgspec.structs.force_setattr(self, "statement", statement)

    @property
    def situation(self) -> Situation:
        """Where ``behaviour`` is compared."""
        return read_label(self.behaviour)[0]

    @property
    def behaviour_name(self) -> BehaviourName:
        """What ``behaviour`` says was done."""
        return read_label(self.behaviour)[1]

    @property
    def advice(self) -> str:
        """What to do and when, without the numbers and without a full stop at its end."""
        if self.words:
            return self.words
        if not self.do:
            return self.statement
        act = f"When {self.when}, {self.do}" if self.when else self.do[:1].upper() + self.do[1:]
        return f"{act}, except when {' or when '.join(self.exceptions)}" if self.exceptions else act
