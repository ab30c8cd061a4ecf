"""Live trials: what is tried in sessions, how it stands, and what a person decides."""

from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import NEWEST_FIRST, answer_page
from reverie.api.records import (
    StoredTrial,
    TrialCurve,
    TrialDecideParams,
    TrialDecision,
    TrialListParams,
    TrialStartParams,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.jobs.trial_report import report_trial, trace_trial
from reverie.jobs.trial_request import TrialRequest, start_trial
from reverie.jobs.trials import Outcome, decide, evaluate, undo
from reverie.storage.live.trials import TrialRow, list_trials, read_trial

_ALL = "/v1/trials"
_ONE = f"{_ALL}/{{trial_id}}"
_TRIAL = RecordType(StoredTrial)


@endpoint("trials.list", "GET", _ALL, query=RecordType(TrialListParams), answer=_TRIAL, is_list=True, extension=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List live trials, with their numbers of this moment.

    Newest first.
    """
    query = context.query
    page = await answer_page(
        query,
        lambda trial: trial,
        lambda before, limit: list_trials(
            context.connection,
            store_id=query.get("memory_store_id"),
            state=query.get("state"),
            batch=query.get("batch"),
            waiting=bool(query.get("waiting")),
            before=before,
            limit=limit,
        ),
        NEWEST_FIRST,
    )
    return {**page, "data": [await _wire(context, trial) for trial in page["data"]]}


@endpoint("trials.retrieve", "GET", _ONE, answer=_TRIAL, extension=True)
async def retrieve(context: RequestContext) -> StoredTrial:
    """Read how a live trial stands, and what would change that nothing is decided."""
    return await _wire(context, await _read(context))


@endpoint("trials.start", "POST", _ALL, body=RecordType(TrialStartParams), answer=_TRIAL, role="admin", extension=True)
async def start(context: RequestContext) -> StoredTrial:
    """Begin a live trial of a lesson, or of advice.

    An adopted lesson gets a share of sessions that do without it.
    """
    body = context.body
    request = TrialRequest(
        body["memory_store_id"],
        lesson_id=body.get("lesson_id"),
        advice=body.get("advice"),
        agent=body.get("agent"),
        task_family=body.get("task_family"),
        policy=body.get("policy") or {},
    )
    trial = await start_trial(context.connection, request, context.now, context.key.id)
    context.resource_id = trial.id
    return await _wire(context, trial)


@endpoint(
    "trials.decide",
    "POST",
    f"{_ONE}/decide",
    body=RecordType(TrialDecideParams),
    answer=_TRIAL,
    role="admin",
    extension=True,
)
async def decide_one(context: RequestContext) -> StoredTrial:
    """Decide a live trial.

    No outcome takes back what a person decided.
    """
    body = context.body
    outcome = await decide(
        context.connection,
        context.path["trial_id"],
        body["act"],
        context.key.id,
        context.now,
        note=body.get("note", ""),
    )
    return await _told(context, outcome)


@endpoint("trials.undo", "POST", f"{_ONE}/undo", answer=_TRIAL, role="admin", extension=True)
async def undo_last(context: RequestContext) -> StoredTrial:
    """Take back the last decision of a live trial.

    The trial is left to people from then on.
    """
    return await _told(context, await undo(context.connection, context.path["trial_id"], context.key.id, context.now))


@endpoint("trials.look", "POST", f"{_ONE}/look", answer=_TRIAL, audited=False, extension=True)
async def look(context: RequestContext) -> StoredTrial:
    """Bring the numbers of a live trial up to date, and do what they say where outcomes decide.

    A server does so by itself every few seconds.
    """
    outcome = await evaluate(context.connection, context.path["trial_id"], context.now)
    return await (_wire(context, await _read(context)) if outcome is None else _told(context, outcome))


@endpoint("trials.curve", "GET", f"{_ONE}/curve", answer=RecordType(TrialCurve), extension=True)
async def read_curve(context: RequestContext) -> TrialCurve:
    """Read the effect of a live trial over its sessions, for a picture."""
    trial = await _read(context)
    return TrialCurve(trial.id, tuple(await trace_trial(context.connection, trial, context.now)))


async def _read(context: RequestContext) -> TrialRow:
    return await read_trial(context.connection, context.path["trial_id"])


async def _told(context: RequestContext, outcome: Outcome) -> StoredTrial:
    context.notices.extend(outcome.notices)
    return await _wire(context, await read_trial(context.connection, outcome.trial.id))


async def _wire(context: RequestContext, trial: TrialRow) -> StoredTrial:
    fields = msgspec.structs.asdict(await report_trial(context.connection, trial, context.now))
    decisions = tuple(TrialDecision(**msgspec.structs.asdict(one)) for one in fields["decisions"])
    return StoredTrial(**{**fields, "decisions": decisions})
