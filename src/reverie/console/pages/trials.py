"""Live trials: which of them wait for a person, how each stands, and what a person decides."""

from collections.abc import Iterator, Mapping
from typing import Literal, cast, get_args

import msgspec
from starlette.responses import Response

from reverie.api.records import StoredTrial, TrialDecision, TrialListParams
from reverie.console.links import at
from reverie.console.listing import older, read_list
from reverie.console.page import page
from reverie.console.visit import Visit
from reverie.errors import NotFoundError
from reverie.reports.charts import NARROW, WIDE, effect_chart
from reverie.reports.words import signed
from reverie.trials.numbers import in_words
from reverie.trials.report import CurvePoint
from reverie.trials.trial import OPEN, Subject, TrialState
from reverie.trials.verdict import FREEZE_AT

_ALL = "/console/trials"
_ONE = "/console/trials/{trial_id}"
_LISTED = 25
_MOST_WAITING = 50
_MOST_POINTS = 12
"""Rows of the table that says what the chart shows."""
Choice = Literal["adopt", "reject", "roll_back", "end"]
_TONES: Mapping[TrialState, str] = {
    "trial": "open", "adopted": "good", "frozen": "bad", "inconclusive": "open",
    "rejected": "", "rolled_back": "bad", "ended": "",
}  # fmt: skip
_CHOICES: Mapping[Choice, tuple[str, str]] = {
    "adopt": ("Adopt", "Every session is shown it from now on. No outcome takes that back; you can."),
    "reject": ("Reject", "No session is shown it any more, and it is refused."),
    "roll_back": ("Roll back", "What it wrote is taken back, and no session is shown it any more."),
    "end": ("Stop", "Nobody is drawn any more. What is adopted stays adopted; what was only tried is shown to nobody."),
}
_UNDONE: tuple[str, ...] = ("adopt", "roll_back", "reject", "conclude")
"""Acts of which the last can be taken back."""


class TrialLine(msgspec.Struct, frozen=True):
    """A trial in a list."""

    trial: StoredTrial
    href: str
    tone: str
    store: str
    store_href: str
    effect: str
    months: str


class Check(msgspec.Struct, frozen=True):
    """Something that a trial is watched for."""

    name: str
    value: float
    told: str
    """The value in words."""
    acts_at: float
    meaning: str
    """What is done at that value."""

    @property
    def is_over(self) -> bool:
        """Whether the value is reached."""
        return self.value >= self.acts_at


class DecisionLine(msgspec.Struct, frozen=True):
    """A decision of a trial."""

    decision: TrialDecision
    by: str
    changed: str
    """The revisions, or the agent's versions, before and after."""
    changed_href: str


class Link(msgspec.Struct, frozen=True):
    """Where something stands in the console."""

    label: str
    href: str


@page("GET", _ALL, "trials")
async def trials(visit: Visit) -> Response:
    """The trials that wait for a person, and all of them."""
    state, store_id = visit.text("state"), visit.text("store")
    if state not in get_args(TrialState):
        state = ""
    asked = TrialListParams(limit=_LISTED)
    if state:
        asked = msgspec.structs.replace(asked, state=cast(TrialState, state))
    if store_id:
        asked = msgspec.structs.replace(asked, memory_store_id=store_id)
    found = await read_list(visit, "/v1/trials", StoredTrial, asked)
    waiting = [one async for one in visit.client.trials(waiting=True)] if _is_first(visit) else []
    stores = await store_names(visit)
    return visit.show(
        "trials.html",
        waiting=[_line(one, stores) for one in waiting[:_MOST_WAITING]],
        more_waiting=max(len(waiting) - _MOST_WAITING, 0),
        trials=[_line(one, stores) for one in found.data],
        older=older(visit, found.next_page),
        stores=stores,
        state=state,
        store_id=store_id,
        states=get_args(TrialState),
    )


def _is_first(visit: Visit) -> bool:
    return not any(visit.query.get(name) for name in ("page", "state", "store"))


async def store_names(visit: Visit) -> dict[str, str]:
    """The names of memory stores by id; of very many, the newest hundred."""
    listed = await visit.client.beta.memory_stores.list(limit=100)
    return {store.id: store.name for store in listed.data}


def _line(trial: StoredTrial, stores: Mapping[str, str]) -> TrialLine:
    numbers, store_id = trial.numbers, trial.memory_store_id
    return TrialLine(
        trial,
        at("trials", trial.id),
        _TONES[trial.state],
        "" if store_id is None else stores.get(store_id, store_id),
        "" if store_id is None else at("memory", store_id),
        "" if numbers.effect is None else f"{signed(numbers.effect)} ({signed(numbers.low)} to {signed(numbers.high)})",
        "" if trial.forecast is None else f"{trial.forecast.months_to_go:.1f}",
    )


@page("GET", _ONE, "trials")
async def trial(visit: Visit) -> Response:
    """How one trial stands."""
    told = await visit.client.trial(visit.path["trial_id"])
    points = (await visit.client.trial_curve(told.id)).points
    charts = tuple(effect_chart(points, width, "effect") for width in (WIDE, NARROW) if points)
    return visit.show(
        "trial.html",
        trial=told,
        line=_line(told, {}),
        subjects=subjects_of(told.subject),
        charts=charts,
        points=_thinned(points),
        checks=[*_checks(told)],
        decisions=[_decision(told, one) for one in told.decisions[::-1]],
        choices=[Link(label, f"{_line(told, {}).href}/decide?act={act}") for act, label in _open_to(told)],
        can_undo=_can_undo(told),
    )


def _thinned(points: tuple[CurvePoint, ...]) -> list[CurvePoint]:
    """A dozen of the points, the last among them."""
    step = max(1, -(-len(points) // _MOST_POINTS))
    return [*points[::-1][::step]][::-1]


def subjects_of(subject: Subject) -> list[Link]:
    """What a trial is about, where it stands."""
    places = {"lesson": "lessons", "bundle": "lessons", "memory": "memory", "agent_version": "agents"}
    kind = {"memory": "memory store", "agent_version": "agent", "bundle": "lesson"}.get(subject.kind, subject.kind)
    version = f" version {subject.version}" if subject.kind == "agent_version" else ""
    return [Link(f"{kind} {one}{version}", at(places[subject.kind], one)) for one in subject.ids]


def _checks(trial: StoredTrial) -> Iterator[Check]:
    """What the trial is watched for, with what it takes."""
    numbers, policy = trial.numbers, trial.policy
    harm = 1 / policy.alpha_harm
    yield Check("Harm", numbers.e_harm, in_words(numbers.e_harm), harm, "it is rolled back")
    if trial.state != "adopted":
        benefit = 1 / policy.benefit_fdr
        told = "it is adopted, if its interval is above 0 and its batch allows it"
        yield Check("Benefit", numbers.e_benefit, in_words(numbers.e_benefit), benefit, told)
    yield Check("Draw", numbers.e_assignment, in_words(numbers.e_assignment), FREEZE_AT, "it is frozen")
    yield Check("Missing scores", numbers.e_missing, in_words(numbers.e_missing), FREEZE_AT, "it is frozen")
    if numbers.detector is not None:
        yield Check(
            "Detector of late harm",
            numbers.detector,
            in_words(numbers.detector),
            policy.run_length,
            "it is rolled back",
        )
    for guardrail in trial.guardrails:
        value = numbers.guardrails.get(guardrail.measure, 1.0)
        margin = guardrail.margin * guardrail.ceiling
        told = f"it is rolled back: {guardrail.measure} rose by more than {margin:.2g}"
        yield Check(f"Guardrail {guardrail.measure}", value, in_words(value), 1 / guardrail.alpha, told)


def _decision(trial: StoredTrial, decision: TrialDecision) -> DecisionLine:
    by = {"auto": "its outcomes", "user": "a person"}.get(decision.by, decision.by)
    before, after = decision.revision_before, decision.revision_after
    changed = "" if after is None else f"{'–' if before is None else before} → {after}"
    href = at("memory", trial.memory_store_id) if trial.memory_store_id else at("agents", *trial.subject.ids)
    return DecisionLine(decision, by, changed, href)


def _open_to(trial: StoredTrial) -> Iterator[tuple[Choice, str]]:
    """What a person may decide of the trial."""
    if trial.state not in (*OPEN, "frozen", "inconclusive"):
        return
    for act, (label, _) in _CHOICES.items():
        if trial.subject.kind != "memory" or act == "end":
            yield act, label


def _can_undo(trial: StoredTrial) -> bool:
    """Whether the last decision is one that can be taken back; the API has the last word."""
    done = [one for one in trial.decisions if one.undone_by is None]
    return bool(done) and done[-1].act in _UNDONE and not done[-1].note.startswith("undo ")


@page("GET", f"{_ONE}/decide", "trials")
async def confirm(visit: Visit) -> Response:
    """What a decision will do, with room for the reason: it is asked for before it is done."""
    told = await visit.client.trial(visit.path["trial_id"])
    label, meaning = _CHOICES[_act(visit)]
    return visit.show(
        "trial_decide.html", trial=told, line=_line(told, {}), act=_act(visit), label=label, meaning=meaning
    )


@page("POST", f"{_ONE}/decide", "trials")
async def decide(visit: Visit) -> Response:
    """Decide a trial."""
    decided = await visit.client.decide_trial(visit.path["trial_id"], _act(visit), visit.text("note"))
    return visit.go(at("trials", decided.id), said=f"Decided: {decided.state.replace('_', ' ')}.")


def _act(visit: Visit) -> Choice:
    act = visit.text("act")
    if act not in _CHOICES:
        raise NotFoundError(f"{act!r} is nothing that can be decided of a trial; it is {', '.join(_CHOICES)}")
    return cast(Choice, act)


@page("POST", f"{_ONE}/undo", "trials")
async def undo(visit: Visit) -> Response:
    """Take back the last decision of a trial."""
    undone = await visit.client.undo_trial(visit.path["trial_id"])
    return visit.go(at("trials", undone.id), said="The last decision is taken back.")


@page("POST", f"{_ONE}/look", "trials")
async def look(visit: Visit) -> Response:
    """Bring the numbers of a trial up to date."""
    looked = await visit.client.look_at_trial(visit.path["trial_id"])
    return visit.go(at("trials", looked.id), said=f"Looked: {looked.state.replace('_', ' ')}.")
