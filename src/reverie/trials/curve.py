"""The effect of a trial over its sessions, for a picture."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from reverie.statistics.confidence_sequence import confidence_sequence
from reverie.trials.report import CurvePoint
from reverie.trials.tally import is_resolved, score_of
from reverie.trials.trial import Assignment

MOST_POINTS = 200


def curve(
    assignments: Sequence[Assignment], from_place: int, deadline: timedelta, now: datetime, *, adopted: bool
) -> list[CurvePoint]:
    """At most :data:`MOST_POINTS` points, evenly spaced, the last one of each state among them.

    Args:
        assignments: all of the trial's, in their order, with the rewards that their sessions have now.
        from_place: after it the sessions of the present state begin.
        adopted: whether the subject is adopted in that state.
    """
    before = [one for one in assignments if one.order <= from_place]
    after = []
    for one in assignments:
        if one.order > from_place:
            if not is_resolved(one, deadline, now):
                break
            after.append(one)
    points = [
        *_running(before, 0, adopted=False),
        *_running(after, sum(one.counted for one in before), adopted=adopted),
    ]
    return [_told(point) for point in _thinned(points)]


class _Sums(NamedTuple):
    """What a point is made of; its interval is worked out for those alone that are kept."""

    sessions: int
    adopted: bool
    scored: int
    total: float
    squares: float


def _told(sums: _Sums) -> CurvePoint:
    interval = confidence_sequence(sums.scored, sums.total, sums.squares)
    return CurvePoint(sums.sessions, sums.adopted, sums.total / sums.scored, *interval)


def _running(assignments: Sequence[Assignment], counted: int, *, adopted: bool) -> list[_Sums]:
    points = []
    scored, total, squares = 0, 0.0, 0.0
    for n, one in enumerate((one for one in assignments if one.counted), counted + 1):
        if one.reward is not None:
            score = score_of(one, one.reward)
            scored, total, squares = scored + 1, total + score, squares + score * score
        if scored:
            points.append(_Sums(n, adopted, scored, total, squares))
    return points


def _thinned(points: Sequence[_Sums]) -> list[_Sums]:
    if len(points) <= MOST_POINTS:
        return list(points)
    step = len(points) / (MOST_POINTS - 1)
    ends = {len(points) - 1, *(i for i in range(len(points) - 1) if points[i].adopted != points[i + 1].adopted)}
    kept = ends | {int(step * i) for i in range(MOST_POINTS - len(ends))}
    return [points[i] for i in sorted(kept)]
