"""Trials judged, and what is to be done about them done: one transaction each, and never over a person's decision."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import BoundsError, StateError
from reverie.jobs.self_changes import present_approval
from reverie.jobs.trial_acts import Effect, carry_out, restore
from reverie.storage.live.assignments import (
    correct_counted,
    count_assignments,
    link_references,
    mark_counted,
    read_ahead,
    read_counted,
)
from reverie.storage.live.self_changes import is_taken_over
from reverie.storage.live.trials import (
    TrialRow,
    insert_decision,
    is_about_other_outcomes,
    keep_tally,
    list_decisions,
    list_trials,
    mark_undone,
    read_trial,
    set_state,
    trials_of_batch,
    write_proposal,
)
from reverie.storage.live.tried_lessons import are_documents
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import read_store
from reverie.storage.postgres.act import record_act, system_actor
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.trials.policy import Mode
from reverie.trials.tally import Tally, fold
from reverie.trials.trial import OPEN, Act, Assignment, Decision, TrialState
from reverie.trials.verdict import Verdict, batch_e_value, judge

AUTO = "auto"
_STATES: dict[Act, TrialState] = {
    "adopt": "adopted",
    "reject": "rejected",
    "roll_back": "rolled_back",
    "freeze": "frozen",
    "end": "ended",
}
CHECKED = 2_000
"""Counted assignments that one look holds against their sessions; before anything is decided all of them are."""
_UNDO = "undo "
_AGENT_TAKEN_OVER = "its agent was changed or archived by somebody else, and is theirs"
_ACTOR = system_actor("trials")


class Outcome(msgspec.Struct, frozen=True):
    """What became of a trial when it was looked at."""

    trial: TrialRow
    verdict: Verdict
    decision: Decision | None = None
    notices: tuple[WebhookNotice, ...] = ()


async def open_trials(database: Database, store_id: str | None = None) -> list[str]:
    """Ids of the trials that go on, of a store or of all."""
    async with database.connection() as connection:
        return [trial.id for state in OPEN for trial in await list_trials(connection, store_id=store_id, state=state)]


async def look_at(database: Database, trial_id: str, workspace_id: str, now: datetime) -> Outcome | None:
    """:func:`evaluate` in a transaction of its own, with the notices of what was decided."""
    async with database.connection() as connection:
        outcome = await evaluate(connection, trial_id, now)
        await write_notices(connection, outcome.notices if outcome else (), workspace_id, now)
    return outcome


async def evaluate(connection: Connection, trial_id: str, now: datetime) -> Outcome | None:
    """Bring a trial's numbers up to date and do what they say, as far as its store lets outcomes decide.

    None where it has ended: then somebody else decided meanwhile.
    """
    trial = await read_trial(connection, trial_id, lock=True)
    if trial.state not in OPEN:
        return None
    trial, verdict = await _judged(connection, trial, now, CHECKED)
    if verdict.act is not None and trial.tally.rows > CHECKED:  # nothing is done on numbers that may be stale
        trial, verdict = await _judged(connection, trial, now, None)
    over = await _over(connection, trial, verdict)
    if over:
        return await _decide(connection, trial, verdict, "end", AUTO, over, now)
    if verdict.act is None:
        if trial.proposal is not None:
            await write_proposal(connection, trial.id, None)
        return Outcome(trial, verdict)
    mode = await mode_of(connection, trial)
    if mode == "act" or verdict.act == "freeze" or goes_back(trial, verdict.act):
        return await _decide(connection, trial, verdict, verdict.act, AUTO, verdict.reason, now)
    return await _propose(connection, trial, verdict, mode)


async def _judged(
    connection: Connection, trial: TrialRow, now: datetime, check: int | None
) -> tuple[TrialRow, Verdict]:
    tally, ahead = await bring_up_to_date(connection, trial, now, check=check)
    trial = msgspec.structs.replace(trial, tally=tally)
    return trial, judge(trial, tally, ahead, now, await batch_of(connection, trial, tally))


async def bring_up_to_date(
    connection: Connection, trial: TrialRow, now: datetime, *, check: int | None = None
) -> tuple[Tally, Sequence[Assignment]]:
    """Count what has been resolved since; all of it anew where a counted score has changed or a session is gone.

    Args:
        check: how many of the counted ones are held against their sessions, going on where the last look ended, so
            that a look does not cost more the more was counted before; None: all of them.
    """
    await link_references(connection, [trial.id])
    tally, begin = trial.tally, max(trial.tally.resolved_through, trial.from_place)
    first = tally.checked_through if trial.from_place < tally.checked_through < begin else trial.from_place
    if check is None:
        first, check = trial.from_place, begin
    last = min(first + check, begin)
    stale = await correct_counted(connection, trial.id, first, last)
    if first == trial.from_place:
        stale = await count_assignments(connection, trial.id, first, begin) != tally.rows or stale
    if stale:
        await correct_counted(connection, trial.id, trial.from_place, begin)
        counted = await read_counted(connection, trial.id, trial.from_place, begin)
        tally = fold(Tally(), counted, trial.guardrails, trial.deadline, datetime.max.replace(tzinfo=now.tzinfo))
    tally = msgspec.structs.replace(tally, checked_through=last if last < begin else 0)
    following = await read_ahead(connection, trial.id, begin)
    after = fold(tally, following, trial.guardrails, trial.deadline, now)
    folded = [one for one in following if one.order <= after.resolved_through]
    if folded:
        await mark_counted(connection, trial.id, folded)
    if after != trial.tally:
        await keep_tally(connection, trial.id, after)
    return after, following[len(folded) :]


async def _over(connection: Connection, trial: TrialRow, verdict: Verdict) -> str:
    """Why a trial cannot go on whatever its numbers are; empty where it can."""
    if await is_about_other_outcomes(connection, trial.id):
        return "what a reward is made of was changed, and scores before and after cannot be added up"
    if trial.subject.kind == "agent_version":
        return await _agent_over(connection, trial)
    if trial.memory_store_id is None:
        return ""
    if (await read_store(connection, trial.memory_store_id)).archived_at is not None:
        return "its memory store was archived"
    about_lessons = trial.subject.kind in ("lesson", "bundle")
    if trial.state == "adopted" and about_lessons and verdict.act is None:
        there = await are_documents(connection, trial.memory_store_id, trial.subject.ids)
        return "" if there else "its document was changed or deleted by a person, and is theirs"
    return ""


async def _agent_over(connection: Connection, trial: TrialRow) -> str:
    if await is_taken_over(connection, trial):
        return _AGENT_TAKEN_OVER
    if trial.state == "trial":
        try:
            await present_approval(connection, trial)
        except BoundsError as error:
            return f"the agent's bounds were changed, and do not allow it any more: {error}"
    return ""


def goes_back(trial: TrialRow, act: Act) -> bool:
    """Whether an act leaves an agent as people made it, which nobody needs to be asked for."""
    return trial.subject.kind == "agent_version" and trial.comes_to(act) in ("reject", "roll_back", "end")


async def batch_of(connection: Connection, trial: TrialRow, tally: Tally) -> dict[str, float]:
    """E-values for a benefit of the trials that are adopted together: stopped ones as they stopped.

    None where the trial itself shows no benefit, as at most looks: then nothing is asked of the others.
    """
    if batch_e_value(tally) == 0:
        return {}
    return {
        other.id: batch_e_value(other.tally) if other.e_benefit is None else other.e_benefit
        for other in await trials_of_batch(connection, trial.batch)
    }


async def mode_of(connection: Connection, trial: TrialRow) -> Mode:
    """Whether outcomes decide, as the store says now."""
    if trial.subject.kind == "agent_version" and trial.state == "trial":
        return "ask" if await present_approval(connection, trial) == "ask" else "act"
    if trial.memory_store_id is None:
        return trial.policy.mode
    return (await read_policy(connection, trial.memory_store_id)).live.mode


async def _propose(connection: Connection, trial: TrialRow, verdict: Verdict, mode: Mode) -> Outcome:
    """Note what is to be done, and tell somebody where a person is to decide; once, as long as it stays the same."""
    numbers = msgspec.to_builtins(verdict.numbers)
    known = trial.proposal is not None and trial.proposal["act"] == verdict.act
    await write_proposal(
        connection, trial.id, {"act": verdict.act, "reason": verdict.reason, "numbers": numbers, "mode": mode}
    )
    tell = mode == "ask" and not known
    notice = WebhookNotice("trial.decision_needed", trial.id, {"act": verdict.act or ""})
    return Outcome(trial, verdict, None, (notice,) if tell else ())


async def decide(connection: Connection, trial_id: str, act: Act, by: str, now: datetime, *, note: str = "") -> Outcome:
    """Do what a person decided; nothing automatic takes it back.

    Raises:
        NotFoundError: there is no such trial.
        StateError: it is in no state for that.
        BoundsError: a change of an agent is to be adopted that the agent's bounds do not allow any more.
    """
    trial = await read_trial(connection, trial_id, lock=True)
    if trial.state not in (*OPEN, "frozen", "inconclusive"):
        raise StateError(
            f"trial {trial.id} has ended ({trial.state}): {trial.reason}; begin another one to try it again"
        )
    if trial.subject.kind == "memory" and act != "end":
        raise StateError(f"trial {trial.id} asks whether memory helps at all: it can be ended, and nothing else")
    if act == "adopt" and trial.subject.kind == "agent_version" and trial.state != "adopted":
        await present_approval(connection, trial)
    if act == "adopt" and trial.state == "adopted":
        act = "end"  # what it is about stands already: a person's word is that it stays
    ahead: Sequence[Assignment] = ()
    if trial.state in OPEN:
        tally, ahead = await bring_up_to_date(connection, trial, now)
        trial = msgspec.structs.replace(trial, tally=tally)
    verdict = judge(trial, trial.tally, ahead, now)
    reason = f"decided by a person{f': {note}' if note else ''}"
    return await _decide(connection, trial, verdict, act, by, reason, now, note=note)


async def undo(connection: Connection, trial_id: str, by: str, now: datetime) -> Outcome:
    """Make what a trial is about what it was before the last decision, and leave it to people from then on.

    What was adopted before is adopted again; what was only tried is a candidate, which no session is shown.

    Raises:
        NotFoundError: there is no such trial.
        StateError: nothing was decided, or it was taken back already.
    """
    trial = await read_trial(connection, trial_id, lock=True)
    decisions = await list_decisions(connection, trial_id)
    undoing = {f"{_UNDO}{one.id}" for one in decisions}
    done = [one for one in decisions if one.undone_by is None]
    if trial.subject.kind == "agent_version":
        done = [one for one in done if one.act != "end"]  # an adopted change stands on where its trial has ended
    if not done or done[-1].act not in ("adopt", "roll_back", "reject", "conclude") or done[-1].note in undoing:
        raise StateError(f"trial {trial.id} has no decision that could be taken back")
    last = done[-1]
    stood = last.act in ("roll_back", "reject") and last.revision_after is not None
    opposite: Act = "adopt" if stood else "end" if last.revision_after is None else "roll_back"
    reason = f"a person took back the decision to {last.act.replace('_', ' ')} it"
    effect = await restore(connection, trial, reason, now, adopted=stood)
    verdict = judge(trial, trial.tally, (), now)
    outcome = await _record(
        connection, trial, verdict, opposite, by, reason, now, effect, "ended", note=f"{_UNDO}{last.id}"
    )
    await mark_undone(connection, last.id, by)
    return outcome


async def _decide(
    connection: Connection,
    trial: TrialRow,
    verdict: Verdict,
    act: Act,
    by: str,
    reason: str,
    now: datetime,
    *,
    note: str = "",
) -> Outcome:
    """Carry out a decision; the trial's row is held."""
    effect = await carry_out(connection, trial, act, reason, now)
    state = "adopted" if trial.comes_to(act) == "adopt" else _STATES.get(act, "inconclusive")
    if state == "adopted" and by != AUTO:
        state = "ended"  # no outcome may take back what a person adopted
    return await _record(connection, trial, verdict, act, by, reason, now, effect, state, note=note)


async def _record(
    connection: Connection,
    trial: TrialRow,
    verdict: Verdict,
    act: Act,
    by: str,
    reason: str,
    now: datetime,
    effect: Effect,
    state: TrialState,
    *,
    note: str = "",
) -> Outcome:
    told = f"{reason}; {effect.left_alone}" if effect.left_alone else reason
    numbers: dict[str, Any] = msgspec.to_builtins(verdict.numbers)
    e_benefit = None if trial.state == "adopted" else batch_e_value(trial.tally)
    await set_state(connection, trial, state, told, now, e_benefit=e_benefit)
    decision = await insert_decision(
        connection,
        trial.id,
        act,
        by,
        told,
        numbers,
        now,
        revisions=(effect.revision_before, effect.revision_after),
        note=note,
    )
    if by == AUTO:
        details = {
            "decision_id": decision.id,
            "reason": told,
            "revision_before": effect.revision_before,
            "revision_after": effect.revision_after,
            "undo": f"reverie trials undo {trial.id}",
        }
        await record_act(connection, _ACTOR, f"trials.{act}", trial.id, "", now, details)
    notices = [WebhookNotice(f"trial.{state}", trial.id, {"decision_id": decision.id})]
    if trial.subject.kind == "agent_version" and effect.revision_after:
        notices.append(WebhookNotice("agent.updated", trial.subject.ids[0], {}))
    if effect.left_alone:
        notices.append(WebhookNotice("trial.needs_review", trial.id, {"decision_id": decision.id}))
    return Outcome(await read_trial(connection, trial.id), verdict, decision, tuple(notices))
