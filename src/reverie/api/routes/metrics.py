"""Metrics, the scores of sessions, and the rewards they add up to."""

from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.pages import envelope
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.outcomes.metric import Metric
from reverie.outcomes.metric_summary import Standing
from reverie.sessions.session import Score
from reverie.storage.sessions.scores import define_metric, list_standings, read_scores, read_standing, score_session


class MetricDefineParams(TypedDict):
    """A metric to define, or to define anew."""

    name: str
    direction: NotRequired[Literal["maximize", "minimize"]]
    unit: NotRequired[str]
    low: NotRequired[float]
    """The lower end of the range; 0 by default."""
    high: NotRequired[float]
    """The upper end; 1 by default."""
    weight: NotRequired[float]
    """Share in the reward, relative to other metrics; 0 keeps it out, 1 is the default."""
    target: NotRequired[float | None]
    """The value to reach; reported, not part of the reward."""


class WireMetric(TypedDict):
    """A metric, and how the sessions stand on it."""

    type: Literal["metric"]
    name: str
    direction: Literal["maximize", "minimize"]
    unit: str
    low: float
    high: float
    weight: float
    target: float | None
    defined: bool
    """False for a score name that nobody defined."""
    sessions: int
    """Sessions with a score."""
    mean: float | None
    on_target: float | None
    mean_reward: float | None


class WireScore(TypedDict):
    """One metric's value for one session."""

    metric: str
    value: float


class ScoreParams(TypedDict):
    """Scores to record; they replace older ones of the same metrics."""

    scores: list[WireScore]


class SessionScores(TypedDict):
    """What a session was scored, and the reward that follows."""

    type: Literal["session_scores"]
    session_id: str
    reward: float | None
    scores: list[WireScore]


_METRIC, _SCORES = WireType(WireMetric), WireType(SessionScores)


@endpoint("metrics.list", "GET", "/v1/metrics", answer=_METRIC, is_list=True, extension=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the metrics, and how the sessions stand on each.

    They were defined, or brought by scores.
    """
    return envelope([_wire(standing) for standing in await list_standings(context.connection)], None)


@endpoint("metrics.define", "POST", "/v1/metrics", body=WireType(MetricDefineParams), answer=_METRIC, extension=True)
async def define(context: RequestContext) -> dict[str, Any]:
    """Define a metric, or define it anew.

    Every session's reward follows.
    """
    metric = Metric(**context.body)
    await define_metric(context.connection, metric)
    context.resource_id = metric.name
    return _wire(await read_standing(context.connection, metric.name))


@endpoint(
    "sessions.scores.record",
    "POST",
    "/v1/sessions/{session_id}/scores",
    body=WireType(ScoreParams),
    answer=_SCORES,
    extension=True,
)
async def score(context: RequestContext) -> dict[str, Any]:
    """Record scores of a session."""
    session_id = context.path["session_id"]
    scores = [Score(given["metric"], given["value"]) for given in context.body["scores"]]
    await score_session(context.connection, session_id, scores)
    return await list_scores(context)


@endpoint("sessions.scores.retrieve", "GET", "/v1/sessions/{session_id}/scores", answer=_SCORES, extension=True)
async def list_scores(context: RequestContext) -> dict[str, Any]:
    """Read what a session was scored, and its reward."""
    reward, scores = await read_scores(context.connection, context.path["session_id"])
    return {
        "type": "session_scores",
        "session_id": context.path["session_id"],
        "reward": reward,
        "scores": msgspec.to_builtins(scores),
    }


def _wire(standing: Standing) -> dict[str, Any]:
    fields = msgspec.structs.asdict(standing)
    return {"type": "metric", **msgspec.structs.asdict(fields.pop("metric")), **fields}
