"""What another policy would have earned, told from logged draws."""

from random import Random

import pytest

from reverie.teams.off_policy import LoggedDraw, policy_value

EVEN = {"writer": 0.5, "coder": 0.5}


def logged(agent: str, worth: float, **chances: float) -> LoggedDraw:
    return LoggedDraw("sql", agent, chances or EVEN, worth)


def test_the_policy_that_drew_has_the_mean_of_what_it_drew() -> None:
    draws = [logged("writer", 1.0), logged("coder", 0.0), logged("writer", 0.5), logged("coder", 0.1)] * 20
    value = policy_value(draws, [0.5] * 80)
    assert value is not None
    assert value.estimate == pytest.approx(0.4)
    assert value.effective == pytest.approx(80)
    assert value.low < 0.4 < value.high
    assert value.can_tell


def test_a_draw_that_was_seldom_made_stands_for_the_many_that_were_not() -> None:
    rare = {"writer": 0.9, "coder": 0.1}
    draws = [LoggedDraw("sql", "writer", rare, 0.2)] * 90 + [LoggedDraw("sql", "coder", rare, 0.8)] * 10
    value = policy_value(draws, [0.5] * 100)
    assert value is not None
    assert value.estimate == pytest.approx(0.5)


def test_where_few_draws_carry_a_policy_it_says_that_it_cannot_tell() -> None:
    draws = [logged("writer", 1.0)] * 200 + [logged("coder", 1.0)] * 5
    value = policy_value(draws, [0.0] * 200 + [1.0] * 5)
    assert value is not None
    assert value.effective == pytest.approx(5)
    assert not value.can_tell


def test_a_policy_that_would_have_drawn_nothing_of_what_was_drawn_has_no_value() -> None:
    assert policy_value([logged("writer", 1.0)], [0.0]) is None
    assert policy_value([], []) is None


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held, runs = Random(11), 0, 400
    chances, means = {"writer": 0.8, "coder": 0.2}, {"writer": 0.5, "coder": 0.7}
    for _ in range(runs):
        agents = rng.choices(list(chances), list(chances.values()), k=300)
        draws = [LoggedDraw("sql", agent, chances, float(rng.random() < means[agent])) for agent in agents]
        value = policy_value(draws, [0.25 if agent == "writer" else 0.75 for agent in agents])
        held += value is not None and value.low <= 0.65 <= value.high
    assert 0.92 <= held / runs <= 0.98  # 95 % is meant; 400 runs lie within these in 99 of 100 cases


def test_a_log_without_a_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        policy_value([logged("writer", 1.0, writer=0.0, coder=1.0)], [0.5])
    with pytest.raises(ValueError, match="1 draws have 2"):
        policy_value([logged("writer", 1.0)], [0.5, 0.5])
