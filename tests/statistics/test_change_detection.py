"""Detectors of change: sums of bets begun at every session."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.capital import BETS, Capital
from reverie.statistics.change_detection import Detector, RateDetector

unit = st.floats(0, 1)


def detector(phis: list[float], probability: float = 0.5) -> Detector:
    watched = Detector()
    for phi in phis:
        watched = watched.add(phi, probability)
    return watched


def rates(low: float, high: float, values: list[float]) -> RateDetector:
    watched = RateDetector(low, high)
    for value in values:
        watched = watched.add(value)
    return watched


@given(st.lists(st.floats(-2, 2).filter(bool), max_size=12))
def test_the_sum_is_that_of_the_evidence_since_each_session(phis: list[float]) -> None:
    since_each = [Capital() for _ in phis]
    for at, phi in enumerate(phis):
        since_each = [kept.add(phi, 0.5) if begun <= at else kept for begun, kept in enumerate(since_each)]
    assert detector(phis).value == pytest.approx(sum(kept.e_harm for kept in since_each), rel=1e-9)


def test_it_grows_by_one_a_session_on_average_without_an_effect() -> None:
    """Over all draws of arms: what a false alarm's mean distance follows from."""
    for probability in (0.1, 0.5):
        mean = 0.0
        for arms in product([True, False], repeat=5):
            phis = [0.4 / probability if shown else -0.4 / (1 - probability) for shown in arms]
            weight = math.prod(probability if shown else 1 - probability for shown in arms)
            mean += weight * detector(phis, probability).value
        assert mean == pytest.approx(5.0)


def test_harm_that_begins_late_is_seen_however_long_all_was_well() -> None:
    generator = np.random.default_rng(0)
    well = detector(generator.choice([-0.8, 1.2], 3_000, p=[0.5, 0.5]).tolist())
    assert not well.alarms()
    after = well
    for phi in generator.choice([-0.8, 1.2], 200, p=[0.9, 0.1]):
        after = after.add(float(phi), 0.5)
    assert after.alarms()
    assert after.n == 3_200


def test_sessions_that_say_nothing_begin_nothing() -> None:
    assert detector([0.0] * 50).value == 0.0


def test_long_after_an_alarm_it_is_still_a_number() -> None:
    assert max(detector([-2.0] * 5_000).sums) == 1e300


@given(st.floats(0, 1), st.floats(0, 1), unit)
def test_no_mean_within_the_range_wins_on_average(one: float, other: float, place: float) -> None:
    low, high = sorted((one, other))
    mean = low + place * (high - low)
    before = rates(low, high, [0.0, 1.0])
    if_shown, if_not = before.add(1.0), before.add(0.0)
    for side in ("below", "above"):
        sums = (np.array(getattr(each, side)) for each in (before, if_shown, if_not))
        now, shown, absent = sums
        assert (absent >= 0).all()
        assert (mean * shown + (1 - mean) * absent <= (now + 1) * (1 + 1e-9)).all()


@pytest.mark.parametrize(("values", "alarmed"), [([1.0] * 300, False), ([1.0, 0.0] * 40, True)])
def test_a_habit_that_is_lost_is_noticed(values: list[float], alarmed: bool) -> None:
    assert rates(0.95, 1.0, values).alarms() is alarmed


@pytest.mark.parametrize(("values", "alarmed"), [([0.0] * 300, False), ([1.0, 0.0] * 40, True)])
def test_a_habit_that_is_caught_is_noticed(values: list[float], alarmed: bool) -> None:
    assert rates(0.0, 0.05, values).alarms() is alarmed


def test_both_sides_share_the_alarm() -> None:
    once = rates(0.4, 0.6, [1.0])
    mean = sum(BETS) / len(BETS)
    assert once.value == pytest.approx(((1 - mean) + (1 + mean * 0.4 / 0.6)) / 2)


def test_a_range_that_allows_everything_is_never_left() -> None:
    assert rates(0.0, 1.0, [0.0, 1.0] * 100).value == 0.0


def test_exceptions_from_always_are_noticed_at_once() -> None:
    assert not rates(1.0, 1.0, [1.0] * 2_000).alarms()
    assert rates(1.0, 1.0, [1.0] * 20 + [0.0] * 2).alarms()


@pytest.mark.parametrize(("low", "high"), [(0.6, 0.4), (-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_a_range_that_is_none_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"must be one within \[0, 1\]"):
        RateDetector(low, high)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_rate_beyond_the_unit_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"a rate is in \[0, 1\]"):
        RateDetector(0.1, 0.9).add(value)
