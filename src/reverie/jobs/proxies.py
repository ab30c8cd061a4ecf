"""Stand-ins for the score that all sessions have: metrics, signals, the implicit outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reverie.digests.derived.occurrence import Trace
from reverie.digests.derived.signal import SIGNALS, goodness, value_of
from reverie.mining.implicit import exclusion, telling_weights
from reverie.mining.implicit_policy import ImplicitPolicy, implicit_outcome
from reverie.mining.outcome import IMPLICIT, outcome_named
from reverie.outcomes.metric import Metric
from reverie.overview.reaction import with_repeats
from reverie.sessions.segment import Segment
from reverie.statistics.corpus import Floats, Observable
from reverie.storage.learning.measures import load_measures
from reverie.storage.learning.traces import load_traces
from reverie.storage.postgres.database import Connection


@dataclass(frozen=True, slots=True, eq=False)
class Proxies:
    """What stands in for the score in n sessions."""

    values: Floats
    """n × p, each so that higher is better; NaN where a session does not say."""
    is_excluded: Callable[[Observable], bool]
    """Whether a behaviour produces the first of them, or decides whether it exists."""


async def read_proxies(
    connection: Connection,
    segment: Segment,
    last_key: int,
    session_ids: Sequence[str],
    names: Sequence[str],
    implicit: ImplicitPolicy,
    metrics: Sequence[Metric] = (),
) -> Proxies:
    """The proxies of these names; a metric where any session has a value of it, else the signal of that name.

    Args:
        session_ids: digested sessions of the segment up to ``last_key``.
        implicit: what the implicit outcome is made of.
        metrics: how the store measures, where it differs from what is defined for everyone.
    """
    measures = await load_measures(connection, segment, last_key, session_ids, names, metrics)
    columns = {name: outcome_named(name, measures).scaled(measures.values[name]) for name in names}
    derived = [name for name in names if not np.isfinite(columns[name]).any() and _is_derived(name)]
    traces = await read_traces(connection, segment, last_key, session_ids) if derived else []
    weights = {
        name: telling_weights(traces, implicit.weights if name == IMPLICIT.name else {name: 1.0}) for name in derived
    }
    for name in derived:
        columns[name] = _column(traces, name, weights[name])
    first = weights.get(names[0])
    return Proxies(
        np.column_stack([columns[name] for name in names]), _nothing if first is None else exclusion(traces, first)
    )


def _is_derived(name: str) -> bool:
    return name in SIGNALS or name == IMPLICIT.name


def _column(traces: Sequence[Trace], name: str, weights: dict[str, float]) -> Floats:
    if name == IMPLICIT.name:
        return np.array([implicit_outcome(trace, weights) for trace in traces], np.float64)
    values = (value_of(SIGNALS[name], trace) for trace in traces)
    return np.array([np.nan if value is None else goodness(SIGNALS[name], value) for value in values], np.float64)


async def read_traces(
    connection: Connection, segment: Segment, last_key: int, session_ids: Sequence[str]
) -> list[Trace]:
    """What shows how each of these sessions went, in their order: digested sessions of the segment."""
    by_id = {one.id: one.trace for one in with_repeats(await load_traces(connection, segment, last_key))}
    return [by_id[session_id] for session_id in session_ids]


def _nothing(_: Observable) -> bool:
    return False
