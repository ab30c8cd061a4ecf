"""Metrics, the scores of sessions, and the rewards they add up to."""

from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import envelope
from reverie.api.records import MeasuredMetric, MetricDefineParams, ScoresParams, SessionScores
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.outcomes.metric import Metric, score_notes
from reverie.outcomes.metric_summary import MetricSummary
from reverie.sessions.session import PartScore, Score
from reverie.storage.live.external_briefings import find_known_session
from reverie.storage.sessions.part_scores import read_part_scores, record_part_scores
from reverie.storage.sessions.scores import (
    define_metric,
    list_metrics,
    read_scores,
    score_session,
    session_key,
    summarize_metric,
    summarize_metrics,
    tag_session,
)

_METRIC, _SCORES = RecordType(MeasuredMetric), RecordType(SessionScores)


@endpoint("metrics.list", "GET", "/v1/metrics", answer=_METRIC, is_list=True, extension=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the metrics, and how the sessions stand on each.

    They were defined, or brought by scores.
    """
    return envelope([_wire(standing) for standing in await summarize_metrics(context.connection)], None)


@endpoint("metrics.define", "POST", "/v1/metrics", body=RecordType(MetricDefineParams), answer=_METRIC, extension=True)
async def define(context: RequestContext) -> MeasuredMetric:
    """Define a metric, or define it anew.

    Every session's reward follows.
    """
    metric = Metric(**context.body)
    await define_metric(context.connection, metric)
    context.resource_id = metric.name
    return _wire(await summarize_metric(context.connection, metric.name))


@endpoint(
    "sessions.scores.record",
    "POST",
    "/v1/sessions/{session_id}/scores",
    body=RecordType(ScoresParams),
    answer=_SCORES,
    extension=True,
)
async def score(context: RequestContext) -> SessionScores:
    """Record scores of a session.

    It is named by its id, or by the id or the reference of its briefing. A score that names a part, such as the thread
    of an agent that was called in, is of that alone; the session's reward is without it.
    """
    session_id = await find_known_session(context.connection, context.path["session_id"])
    given, source = context.body["scores"], context.body.get("source", "")
    scores = [Score(one["metric"], one["value"]) for one in given if "part" not in one]
    parts = [PartScore(one["part"], one["metric"], one["value"]) for one in given if "part" in one]
    await score_session(context.connection, session_id, scores, source)
    if parts:
        await record_part_scores(context.connection, await session_key(context.connection, session_id), parts, source)
    await tag_session(context.connection, session_id, context.body.get("metadata", {}))
    return await _scores_of(context, session_id)


@endpoint("sessions.scores.retrieve", "GET", "/v1/sessions/{session_id}/scores", answer=_SCORES, extension=True)
async def list_scores(context: RequestContext) -> SessionScores:
    """Read what a session was scored, and its reward."""
    return await _scores_of(context, context.path["session_id"])


async def _scores_of(context: RequestContext, session_id: str) -> SessionScores:
    reward, scores = await read_scores(context.connection, session_id)
    notes = score_notes({score.metric: score.value for score in scores}, await list_metrics(context.connection))
    parts = await read_part_scores(context.connection, session_id)
    return SessionScores(session_id, reward, tuple(scores), notes, tuple(parts))


def _wire(standing: MetricSummary) -> MeasuredMetric:
    fields = msgspec.structs.asdict(standing)
    return MeasuredMetric(**msgspec.structs.asdict(fields.pop("metric")), **fields)
