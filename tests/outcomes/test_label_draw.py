"""Sessions are asked for with known probabilities, whenever a person stops."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.outcomes.label_draw import DrawnSession, asked_probability, draw_sessions, session_size

TASKS = [f"task {n % 10}" if n < 60 else f"single {n}" for n in range(100)]


def draw(seed: str) -> list[DrawnSession]:
    sessions = [(n, f"s{n}") for n in range(100)]
    return sorted(draw_sessions(sessions, TASKS, TASKS, seed), key=lambda drawn: drawn.priority)


def test_the_weights_of_those_asked_add_up_to_all_sessions_on_average() -> None:
    totals = []
    for seed in range(2_000):
        drawn = draw(str(seed))
        asked, lowest_open = drawn[:20], drawn[20].priority
        chances = [asked_probability(one.size, one.priority, lowest_open) for one in asked]
        totals.append(sum(1 / chance for chance in chances if chance is not None))
    assert sum(totals) / len(totals) == pytest.approx(100, rel=0.01)


def test_sessions_of_tasks_that_were_run_often_are_asked_for_more() -> None:
    assert session_size(6) > session_size(2) > session_size(1) >= 0.5
    repeated = sum(one.key < 60 for seed in range(500) for one in draw(str(seed))[:20])
    assert repeated / (500 * 20) > 0.65


@given(st.text(), st.sets(st.text(), min_size=1))
def test_a_session_keeps_its_place_when_others_come(seed: str, ids: set[str]) -> None:
    sessions = list(enumerate(sorted(ids)))
    nobody: list[str | None] = [None] * len(sessions)
    together = draw_sessions(sessions, nobody, nobody, seed)
    assert [draw_sessions([one], [None], [None], seed)[0] for one in sessions] == together


@given(st.floats(0.5, 1), st.floats(0, 2), st.floats(0, 2))
def test_a_label_counts_when_nothing_before_it_is_open(size: float, priority: float, lowest: float) -> None:
    chance = asked_probability(size, priority, lowest)
    if priority < lowest:
        assert chance == pytest.approx(min(1, size * lowest))
    else:
        assert chance is None
    assert math.isclose(asked_probability(size, priority, None) or 0, 1)
