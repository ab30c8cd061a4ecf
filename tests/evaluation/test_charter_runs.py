"""Charters are as quiet as they promise, and tell of a lost habit soon: simulated sessions."""

import numpy as np
from evaluation.charter_runs import LOW, delay, false_share, first_alarms

from reverie.statistics.change_detection import RateDetector


def test_the_simulation_is_the_librarys_detector() -> None:
    (alarmed,) = first_alarms([0.85] * 200, 1, 500, np.random.default_rng(7))
    shown = np.random.default_rng(7).random(200) < 0.85
    detector, first = RateDetector(LOW, 1.0), 0
    for session, one in enumerate(shown, 1):
        detector = detector.add(float(one))
        if not first and detector.alarms(500):
            first = session
    assert 0 < alarmed == first


def test_a_rate_at_the_border_gives_no_more_alarms_than_promised() -> None:
    # Of runs as long as the run length, at most as many sessions before an alarm as it promises on average.
    run_length = 500
    alarmed = first_alarms([LOW] * 10 * run_length, 300, run_length, np.random.default_rng(1))
    waits = np.where(alarmed == 0, 10 * run_length, alarmed)
    assert waits.mean() >= run_length


def test_a_rate_within_the_range_hardly_ever_gives_one() -> None:
    assert false_share(0.97, 2_000, 200, seed=2) <= 0.01


def test_a_habit_that_falls_from_97_to_85_percent_is_told_within_some_eighty_sessions() -> None:
    found = delay(0.85, 300, seed=3)
    assert found.missed == 0.0
    assert 30 <= found.median <= 90 and found.ninetieth <= 200
