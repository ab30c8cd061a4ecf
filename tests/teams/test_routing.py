"""Who is given a task: what is drawn, with which probability, and what is learned."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.teams.routing import (
    UNKNOWN,
    Cell,
    RoutingPolicy,
    RoutingRules,
    beliefs,
    draw,
    learn,
    probabilities,
    utility,
)

AGENTS = ("writer", "coder", "reviewer")
OUTCOMES = st.lists(
    st.tuples(st.sampled_from(("sql", "prose")), st.sampled_from(AGENTS), st.floats(0, 1, allow_subnormal=False)),
    max_size=30,
)


def taught(outcomes: list[tuple[str, str, float]], rules: RoutingRules | None = None) -> RoutingPolicy:
    policy = RoutingPolicy(rules or RoutingRules())
    for family, agent, worth in outcomes:
        policy = learn(policy, family, agent, worth)
    return policy


@given(OUTCOMES, st.integers(1, 3), st.floats(0, 900))
def test_probabilities_sum_to_one_and_none_is_below_its_share_of_the_floor(
    outcomes: list[tuple[str, str, float]], size: int, waits: float
) -> None:
    policy = taught(outcomes, RoutingRules(seconds_weight=0.001))
    chances = probabilities(policy, "sql", AGENTS[:size], {"writer": waits})
    assert sum(chances.values()) == pytest.approx(1)
    assert min(chances.values()) >= 0.10 / size - 1e-9


@given(OUTCOMES, st.floats(0, 1, exclude_max=True))
def test_the_same_chance_and_the_same_knowledge_draw_the_same_agent(
    outcomes: list[tuple[str, str, float]], at: float
) -> None:
    assert draw(taught(outcomes), "sql", AGENTS, at) == draw(taught(outcomes), "sql", AGENTS, at)


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_without_forgetting_the_order_of_outcomes_does_not_matter(
    outcomes: list[tuple[str, str, float]], rng: Random
) -> None:
    rules, mixed = RoutingRules(forgetting=1.0), list(outcomes)
    rng.shuffle(mixed)
    one, other = taught(outcomes, rules), taught(mixed, rules)
    for agent in AGENTS:
        assert beliefs(one, "sql", agent) == pytest.approx(beliefs(other, "sql", agent))


def test_an_outcome_counts_less_with_each_later_one_of_its_family() -> None:
    policy = taught([("sql", "writer", 1.0), ("sql", "coder", 0.0), ("prose", "coder", 0.0)])
    assert policy.cells["sql"]["writer"] == Cell(0.993, 0.0)
    assert policy.cells["sql"]["coder"] == Cell(0.0, 1.0)


def test_the_probability_is_that_of_drawing_the_largest_of_the_beta_variables() -> None:
    policy = taught([("sql", "writer", 1.0)] * 6 + [("sql", "coder", 0.0)] * 3, RoutingRules(floor=1e-9))
    rng, wins, tries = Random(7), dict.fromkeys(AGENTS, 0), 40_000
    parameters = {agent: beliefs(policy, "sql", agent) for agent in AGENTS}
    for _ in range(tries):
        values = {agent: rng.betavariate(*parameters[agent]) for agent in AGENTS}
        wins[max(values, key=values.__getitem__)] += 1
    for agent, chance in probabilities(policy, "sql", AGENTS).items():
        assert chance == pytest.approx(wins[agent] / tries, abs=0.01)


def test_agents_are_drawn_as_often_as_their_probabilities_say() -> None:
    policy = taught([("sql", "writer", 1.0)] * 8)
    places = [(number + 0.5) / 1000 for number in range(1000)]
    drawn = [draw(policy, "sql", AGENTS, at).agent for at in places]
    for agent, chance in probabilities(policy, "sql", AGENTS).items():
        assert drawn.count(agent) / 1000 == pytest.approx(chance, abs=0.002)


def test_a_task_of_no_known_family_is_drawn_evenly_and_teaches_nothing() -> None:
    policy = taught([("sql", "writer", 1.0)] * 20)
    assert set(probabilities(policy, UNKNOWN, AGENTS).values()) == {1 / 3}
    assert learn(policy, UNKNOWN, "writer", 0.0) == policy


def test_what_is_known_of_an_agent_elsewhere_is_a_guess_in_a_family_that_is_new() -> None:
    policy = taught([("sql", "writer", 1.0)] * 20 + [("sql", "coder", 0.0)] * 20)
    chances = probabilities(policy, "prose", AGENTS)
    assert chances["writer"] > chances["reviewer"] > chances["coder"]


def test_an_agent_that_left_the_roster_keeps_its_cell_and_is_not_drawn() -> None:
    policy = taught([("sql", "writer", 1.0)] * 5)
    policy = learn(policy, "sql", "coder", 0.5)
    assert "writer" not in probabilities(policy, "sql", ("coder", "reviewer"))
    assert policy.cells["sql"]["writer"].had > 4.8


def test_whoever_would_keep_a_task_waiting_is_drawn_less() -> None:
    policy = RoutingPolicy(RoutingRules(seconds_weight=0.001))
    free, busy = (probabilities(policy, "sql", AGENTS, {"writer": seconds})["writer"] for seconds in (0.0, 300.0))
    assert free == pytest.approx(1 / 3)
    assert busy < 0.2


def test_cost_and_time_are_taken_off_the_reward() -> None:
    rules = RoutingRules(cost_weight=0.5, seconds_weight=0.01)
    assert utility(rules, 0.9, cost_usd=0.4, seconds=10) == pytest.approx(0.6)
    assert utility(rules, 0.1, cost_usd=4) == 0.0


@pytest.mark.parametrize("worth", [-0.1, 1.1, float("nan")])
def test_an_outcome_outside_of_zero_to_one_is_refused(worth: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        learn(RoutingPolicy(), "sql", "writer", worth)


@pytest.mark.parametrize("agents", [(), ("writer", "writer")])
def test_a_roster_that_is_empty_or_names_one_twice_is_refused(agents: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a roster has"):
        draw(RoutingPolicy(), "sql", agents, 0.5)
