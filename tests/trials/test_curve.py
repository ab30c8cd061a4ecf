"""The effect over sessions, for a picture."""

from datetime import timedelta

import pytest

from reverie.trials.curve import MOST_POINTS, curve
from tests.trials.made import MUCH_LATER, assignments

WEEK = timedelta(days=7)


@pytest.mark.parametrize(("from_place", "adopted"), [(0, False), (0, True), (40, True)])
def test_points_say_whether_the_subject_was_adopted_by_then(from_place: int, adopted: bool) -> None:
    points = curve(assignments(100, 0.2), from_place, WEEK, MUCH_LATER, adopted=adopted)
    assert {point.adopted for point in points if point.sessions <= from_place} <= {False}
    assert {point.adopted for point in points if point.sessions > from_place} == {adopted}


def test_a_long_trial_has_so_many_points_and_its_last_session_among_them() -> None:
    points = curve(assignments(900, 0.0), 450, WEEK, MUCH_LATER, adopted=True)
    assert len(points) <= MOST_POINTS and points[-1].sessions == 900
