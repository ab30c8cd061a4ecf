"""What adopting, rejecting or rolling back means for what a trial is about."""

from datetime import datetime

import msgspec

from reverie.jobs.self_changes import propose_guidance
from reverie.lessons.lesson import LessonStatus
from reverie.storage.live.self_changes import adopt_candidate, take_back
from reverie.storage.live.trials import TrialRow
from reverie.storage.live.tried_lessons import drop_documents, read_lessons, set_status, write_documents
from reverie.storage.memory.stores import read_store
from reverie.storage.postgres.database import Connection
from reverie.trials.trial import Act


class Effect(msgspec.Struct, frozen=True):
    """What was changed."""

    revision_before: int | None = None
    """Of the store; of an agent's change the agent's version."""
    revision_after: int | None = None
    left_alone: str = ""
    """What a person made their own, and so stays; somebody has to look."""


_STATUS: dict[Act, LessonStatus] = {"adopt": "adopted", "reject": "refused", "roll_back": "retired", "end": "candidate"}


async def carry_out(connection: Connection, trial: TrialRow, act: Act, reason: str, now: datetime) -> Effect:
    """Change memory, or the agent, as an act says, in the transaction that holds the trial's row."""
    if trial.subject.kind == "agent_version":
        return await _change_agent(connection, trial, act, now)
    if act == "freeze" or trial.subject.kind not in ("lesson", "bundle") or trial.memory_store_id is None:
        return Effect()
    if act == "end" and trial.state == "adopted":
        return Effect()
    return await _change_lessons(connection, trial, _STATUS[trial.comes_to(act)], reason, now)


async def restore(connection: Connection, trial: TrialRow, reason: str, now: datetime, *, adopted: bool) -> Effect:
    """Bring what a trial is about back to where it stood before a decision: adopted, or tried and no more."""
    if trial.subject.kind == "agent_version":
        return await _change_agent(connection, trial, "adopt" if adopted else "roll_back", now)
    return await _change_lessons(connection, trial, "adopted" if adopted else "candidate", reason, now)


async def _change_agent(connection: Connection, trial: TrialRow, act: Act, now: datetime) -> Effect:
    """A candidate becomes the agent's by adoption alone; without it there is nothing to undo."""
    done_to_it = trial.comes_to(act)
    if done_to_it in ("freeze", "end"):
        return Effect()
    done = await (adopt_candidate if done_to_it == "adopt" else take_back)(connection, trial, now)
    if isinstance(done, str):
        return Effect(left_alone=done)
    return Effect(*done) if done else Effect()


async def _change_lessons(
    connection: Connection, trial: TrialRow, status: LessonStatus, reason: str, now: datetime
) -> Effect:
    store_id = trial.memory_store_id or ""
    told = f"harmed live: {reason}" if status == "retired" else reason
    lessons = await read_lessons(connection, store_id, trial.subject.ids)
    lessons = await set_status(connection, store_id, lessons, status, f"{told} (trial {trial.id})")
    change = write_documents if status == "adopted" else drop_documents
    before = (await read_store(connection, store_id)).revision
    revision, foreign = await change(connection, store_id, lessons, trial.id, told, now)
    await propose_guidance(connection, store_id, trial.id, now)
    left = f"{', '.join(foreign)} was changed by a person and is left as it is: needs review" if foreign else ""
    return Effect(before if revision else None, revision.number if revision else None, left)
