"""What another way to route would have earned, told from logged draws before it is tried."""

from random import Random

import pytest

from reverie.teams.draw_log import read_wish
from reverie.teams.off_policy import LoggedDraw
from reverie.teams.replay import forecast, replayed
from reverie.teams.routing import RoutingPolicy, RoutingRules, draw, learn, rules_of

ROSTER = ("ann", "bob")
EVEN, USUAL = RoutingRules(floor=1.0), RoutingRules()


def drawn(rules: RoutingRules, number: int, seed: int, ann: float = 0.9, bob: float = 0.1) -> list[LoggedDraw]:
    """Draws of a router from its first task on, with outcomes by these means."""
    random, policy, draws = Random(seed), RoutingPolicy(rules), []
    for _ in range(number):
        choice = draw(policy, "sums", ROSTER, random.random())
        worth = float(random.random() < {"ann": ann, "bob": bob}[choice.agent])
        draws.append(LoggedDraw("sums", choice.agent, choice.chances, worth))
        policy = learn(policy, "sums", choice.agent, worth)
    return draws


def test_the_same_rules_would_have_drawn_as_they_did() -> None:
    draws = drawn(USUAL, 60, seed=1)
    assert replayed(draws, USUAL) == pytest.approx([one.probability for one in draws])


def test_learning_would_have_earned_more_than_even_draws_did_and_its_interval_holds_what_it_earns() -> None:
    told = forecast(drawn(EVEN, 400, seed=2), USUAL)
    earned = [one.worth for seed in range(20) for one in drawn(USUAL, 400, seed=100 + seed)]
    assert told.value is not None and told.earned is not None
    assert told.earned < 0.6 < told.value.low < sum(earned) / len(earned) < told.value.high
    assert told.objection == ""


def test_what_would_surely_earn_less_is_not_to_be_tried() -> None:
    told = forecast(drawn(USUAL, 1_500, seed=3), EVEN)
    assert told.value is not None and told.value.can_tell
    assert told.objection.endswith("that is less")


def test_few_draws_cannot_tell() -> None:
    assert forecast(drawn(EVEN, 10, seed=4), USUAL).objection.startswith("cannot tell what it would earn")
    assert forecast([], USUAL).objection.startswith("cannot tell what it would earn: 0 draws")


def test_metadata_says_the_rules_and_what_they_learn_by() -> None:
    wish = read_wish({"reverie_routing": "on", "reverie_routing_floor": "0.2", "reverie_routing_usd": "0.5"})
    assert rules_of(wish) == RoutingRules(floor=0.2, cost_weight=0.5)
    assert rules_of(read_wish({"reverie_routing": "even"})) == EVEN
    assert (wish.learned_by, read_wish({}).learned_by) == ("0.993 0.5 0", "0.993 0 0")
