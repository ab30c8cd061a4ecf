"""Evaluating an outcome: the grader is asked in a context of its own while the session still runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from reverie.cancellation import end_tasks
from reverie.errors import ModelError
from reverie.language_model import ModelUsage, add_usage
from reverie.models.router import RoutedModel
from reverie.runtime.grading import (
    Delivery,
    Outcome,
    Verdict,
    after_evaluation,
    count_evaluations,
    find_outcome,
    grading_request,
    last_message,
    read_verdict,
)
from reverie.runtime.model_failure import pause_seconds
from reverie.runtime.reply_events import wire_usage
from reverie.storage.live.leases import Lease
from reverie.storage.live.replies import read_thread_log
from reverie.storage.live.sessions import LiveSession
from reverie.turn_model import whole_reply
from reverie.turns.desk import Desk
from reverie.turns.log import append

ONGOING_SECONDS = 15.0
MOST_TRIES = 3

log = structlog.get_logger("reverie.turns")


async def evaluate(desk: Desk, lease: Lease, session: LiveSession) -> Verdict:
    """Have the open outcome of a session judged, and tell of it in the log; the verdict."""
    outcome_id = session.outcome_evaluations[-1]["outcome_id"]
    async with desk.database.connection() as connection:
        events = await read_thread_log(connection, session.id, session.key, None)
    iteration = count_evaluations(events, outcome_id)
    about = {"outcome_id": outcome_id, "iteration": iteration}
    await append(desk, lease, [{"type": "span.outcome_evaluation_start", "id": "start", **about}])
    outcome = find_outcome(events, outcome_id)
    usage = ModelUsage()
    if outcome is None or session.agent is None:
        verdict = Verdict("failed", "The outcome's definition is gone.")
    else:
        routed = desk.models.find(session.agent["model"]["id"])
        deliveries = [*(await desk.deliveries(session)), last_message(events)]
        async with _ongoing(desk, lease, about):
            verdict, usage = await _ask(desk, routed, outcome, deliveries[:-1] or deliveries, lease)
        verdict = after_evaluation(verdict, iteration, outcome)
    end = {"type": "span.outcome_evaluation_end", **about, "result": verdict.result}
    await append(desk, lease, [{**end, "explanation": verdict.explanation, "usage": wire_usage(usage)}])
    return verdict


async def _ask(
    desk: Desk, routed: RoutedModel, outcome: Outcome, deliveries: Sequence[Delivery], lease: Lease
) -> tuple[Verdict, ModelUsage]:
    """The grader's verdict; one that cannot be had is ``failed``, with the reason."""
    request, usage, reason = grading_request(outcome, deliveries), ModelUsage(), ""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            reply = await whole_reply(routed.model, request)
        except ModelError as error:
            log.warning("a grader could not be asked", session_id=lease.session_id, error=str(error))
            reason = str(error)
            if attempt < MOST_TRIES:
                await desk.sleep(pause_seconds(error, attempt, desk.random()))
            continue
        usage = add_usage(usage, reply.usage)
        verdict = read_verdict(reply)
        if verdict is not None:
            return verdict, usage
        reason = "its answer holds no verdict"
    return Verdict("failed", f"The grader gave no verdict in {MOST_TRIES} tries: {reason}"), usage


@asynccontextmanager
async def _ongoing(desk: Desk, lease: Lease, about: Mapping[str, Any]) -> AsyncIterator[None]:
    """Say every now and then that the evaluation goes on."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(ONGOING_SECONDS)
            await append(desk, lease, [{"type": "span.outcome_evaluation_ongoing", **about}])

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        await end_tasks(task)
