"""Intervals of shares and means of sessions whose outcomes go together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.interval import ClusterSums, rate_of, rate_of_sums

unit = st.floats(0, 1)


@given(st.lists(unit, min_size=1, max_size=60))
def test_an_interval_lies_in_the_unit_range_and_holds_the_mean(values: list[float]) -> None:
    rate = rate_of(np.array(values), np.arange(len(values), dtype=np.int32) // 3)
    assert rate is not None
    assert -1e-9 <= rate.low <= rate.value + 1e-9
    assert rate.value - 1e-9 <= rate.high <= 1 + 1e-9


def test_intervals_hold_the_truth_where_tasks_differ() -> None:
    generator = np.random.default_rng(1)
    task = np.repeat(np.arange(40), 10).astype(np.int32)
    held = 0
    for _ in range(200):
        chance = generator.beta(2, 2, 40)
        rate = rate_of((generator.random(400) < chance[task]).astype(np.float64), task)
        held += rate is not None and rate.low <= 0.5 <= rate.high
    assert 0.9 <= held / 200 <= 0.99


def test_sessions_of_one_task_that_always_end_alike_count_as_one() -> None:
    alike = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0, 1.0], 50)
    clustered = rate_of(alike, np.repeat(np.arange(6), 50).astype(np.int32))
    single = rate_of(alike, np.arange(300, dtype=np.int32))
    assert clustered is not None
    assert single is not None
    assert clustered.high - clustered.low > 4 * (single.high - single.low)


def test_nothing_known_has_no_rate() -> None:
    assert rate_of(np.array([np.nan, np.nan]), np.zeros(2, np.int32)) is None


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 5)), min_size=1, max_size=60))
def test_sums_by_cluster_give_the_interval_that_the_values_give(drawn: list[tuple[int, int]]) -> None:
    values = np.array([value / 100 for value, _ in drawn])
    cluster = np.array([code for _, code in drawn], dtype=np.int32)
    sizes = np.bincount(cluster).astype(np.float64)
    totals = np.bincount(cluster, weights=values)
    found = ClusterSums(
        clusters=int((sizes > 0).sum()),
        size=len(values),
        total=float(totals.sum()),
        squared_totals=float((totals**2).sum()),
        products=float((sizes * totals).sum()),
        squared_sizes=float((sizes**2).sum()),
    )
    by_sums, by_values = rate_of_sums(found), rate_of(values, cluster)
    assert by_sums is not None
    assert by_values is not None
    assert by_sums.sessions == by_values.sessions
    assert (by_sums.value, by_sums.low, by_sums.high) == pytest.approx(
        (by_values.value, by_values.low, by_values.high), abs=1e-5
    )
