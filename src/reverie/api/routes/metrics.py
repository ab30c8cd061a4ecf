"""Metrics, the scores of sessions, and the rewards they add up to."""

from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import envelope
from reverie.api.wire_type import WireType
from reverie.outcomes.metric import Metric
from reverie.outcomes.metric_summary import MetricSummary
from reverie.sessions.session import Score
from reverie.storage.sessions.scores import (
    define_metric,
    read_scores,
    score_session,
    summarize_metric,
    summarize_metrics,
)


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


async def list_all(call: Call) -> dict[str, Any]:
    """The metrics, defined or brought by scores, and how the sessions stand on each."""
    return envelope([_wire(summary) for summary in await summarize_metrics(call.connection)], None)


async def define(call: Call) -> dict[str, Any]:
    """Define a metric; every session's reward follows."""
    metric = Metric(**call.body)
    await define_metric(call.connection, metric)
    call.resource_id = metric.name
    return _wire(await summarize_metric(call.connection, metric.name))


async def score(call: Call) -> dict[str, Any]:
    """Record scores of a session."""
    session_id = call.path["session_id"]
    scores = [Score(given["metric"], given["value"]) for given in call.body["scores"]]
    await score_session(call.connection, session_id, scores)
    return await list_scores(call)


async def list_scores(call: Call) -> dict[str, Any]:
    """What a session was scored."""
    reward, scores = await read_scores(call.connection, call.path["session_id"])
    return {
        "type": "session_scores",
        "session_id": call.path["session_id"],
        "reward": reward,
        "scores": msgspec.to_builtins(scores),
    }


def _wire(summary: MetricSummary) -> dict[str, Any]:
    fields = msgspec.structs.asdict(summary)
    return {"type": "metric", **msgspec.structs.asdict(fields.pop("metric")), **fields}


_HERE = "reverie.api.routes.metrics"
_METRIC, _SCORES = WireType(f"{_HERE}:WireMetric"), WireType(f"{_HERE}:SessionScores")
ENDPOINTS = (
    Endpoint(
        "metrics.list",
        "GET",
        "/v1/metrics",
        list_all,
        "List the metrics, and how the sessions stand on each.",
        answer=_METRIC,
        is_list=True,
        extension=True,
    ),
    Endpoint(
        "metrics.define",
        "POST",
        "/v1/metrics",
        define,
        "Define a metric, or define it anew.",
        body=WireType(f"{_HERE}:MetricDefineParams"),
        answer=_METRIC,
        extension=True,
    ),
    Endpoint(
        "sessions.scores.retrieve",
        "GET",
        "/v1/sessions/{session_id}/scores",
        list_scores,
        "Read what a session was scored, and its reward.",
        answer=_SCORES,
        extension=True,
    ),
    Endpoint(
        "sessions.scores.record",
        "POST",
        "/v1/sessions/{session_id}/scores",
        score,
        "Record scores of a session.",
        body=WireType(f"{_HERE}:ScoreParams"),
        answer=_SCORES,
        extension=True,
    ),
)
