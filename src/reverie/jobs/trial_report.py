"""Trials as they are told, by the numbers of this moment; nothing is changed by telling."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reverie.jobs.trials import batch_of, goes_back, mode_of
from reverie.lessons.lesson import Scope
from reverie.storage.live.assignments import contaminated_share, count_assigned, read_ahead, read_scored
from reverie.storage.live.forecasts import count_sessions
from reverie.storage.live.trials import TrialRow, list_decisions
from reverie.storage.live.tried_lessons import read_lessons
from reverie.storage.postgres.database import Connection
from reverie.trials.curve import curve
from reverie.trials.forecast import WINDOW, Forecast, foresee
from reverie.trials.policy import Mode
from reverie.trials.report import CurvePoint, TrialReport
from reverie.trials.tally import Tally, fold
from reverie.trials.trial import OPEN, Assignment
from reverie.trials.verdict import Verdict, judge

_SETTLED = timedelta(days=7)
"""From this age on a trial's own sessions say how many are to come; before, those that its lesson fits."""


async def report_trial(connection: Connection, trial: TrialRow, now: datetime) -> TrialReport:
    """Where a trial stands now."""
    tally, ahead = await _standing(connection, trial, now)
    verdict = judge(trial, tally, ahead, now, await batch_of(connection, trial, tally))
    mode = await mode_of(connection, trial)
    return TrialReport(
        id=trial.id,
        memory_store_id=trial.memory_store_id,
        subject=trial.subject,
        title=trial.title,
        state=trial.state,
        mode=mode,
        reason=trial.reason,
        what_next=_what_next(trial, verdict, mode),
        numbers=verdict.numbers,
        contaminated=await contaminated_share(connection, trial.id, trial.from_place),
        forecast=await _forecast(connection, trial, verdict.numbers.sessions, now),
        proposal=trial.proposal,
        decisions=tuple(await list_decisions(connection, trial.id)),
        policy=trial.policy,
        guardrails=trial.guardrails,
        batch=trial.batch,
        created_at=trial.created_at,
        created_by=trial.created_by,
        decided_at=trial.decided_at,
    )


async def trace_trial(connection: Connection, trial: TrialRow, now: datetime) -> list[CurvePoint]:
    """The effect of a trial over its sessions."""
    assignments = await read_scored(connection, trial.id)
    if trial.state not in OPEN:  # those that it did not wait for are not waited for now
        end = max(trial.tally.resolved_through, trial.from_place)
        assignments = [one for one in assignments if one.order <= end]
    adopted = trial.from_place > 0 or trial.state == "adopted"
    return curve(assignments, trial.from_place, trial.deadline, now, adopted=adopted)


async def _standing(connection: Connection, trial: TrialRow, now: datetime) -> tuple[Tally, Sequence[Assignment]]:
    """The sums of this moment, and what comes after them; of an ended trial those that it ended with."""
    if trial.state not in OPEN:
        return trial.tally, ()
    following = await read_ahead(connection, trial.id, max(trial.tally.resolved_through, trial.from_place))
    tally = fold(trial.tally, following, trial.guardrails, trial.deadline, now)
    return tally, [one for one in following if one.order > tally.resolved_through]


def _what_next(trial: TrialRow, verdict: Verdict, mode: Mode) -> str:
    if trial.state in ("frozen", "inconclusive"):
        return "a person decides: adopt, reject, roll back or end it"
    if trial.state not in OPEN:
        return ""
    if verdict.act is None:
        return verdict.reason
    told = f"{verdict.act.replace('_', ' ')}: {verdict.reason}"
    if mode == "act" or verdict.act == "freeze" or goes_back(trial, verdict.act):
        return f"at the next look {told}"
    if mode == "ask":
        return f"a person is to decide; outcomes say {told}"
    return f"outcomes say {told}; they are only noted, since the store's mode is {mode}"


async def _forecast(connection: Connection, trial: TrialRow, done: int, now: datetime) -> Forecast | None:
    if trial.state != "trial" or trial.subject.kind == "memory":
        return None
    age = now - trial.created_at
    if age >= _SETTLED:
        seen = min(age, WINDOW)
        in_window = await count_assigned(connection, trial.id, now - seen) * (WINDOW / seen)
    elif trial.subject.kind == "agent_version":
        return None
    else:
        in_window = float(await count_sessions(connection, await _scope(connection, trial), now))
    return foresee(in_window, trial.policy, done=done, days=age.days)


async def _scope(connection: Connection, trial: TrialRow) -> Scope:
    if trial.subject.kind != "lesson" or trial.memory_store_id is None:
        return Scope()
    lessons = await read_lessons(connection, trial.memory_store_id, trial.subject.ids)
    return lessons[0].scope if lessons else Scope()
