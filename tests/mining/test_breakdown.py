import pytest

from reverie.digests.behaviour_name import SESSION, called
from reverie.mining.breakdown import break_down
from reverie.mining.mine import mine
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import form_strata
from tests.statistics.simulated import Simulation


def test_the_strata_add_up_to_the_effect() -> None:
    world = Simulation(2, tasks=30)
    world.cause(0, 0.3)
    corpus = world.corpus()
    rows = break_down(corpus, form_strata(corpus), category=None, situation=SESSION, name=called("b0"))
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert [row.share for row in rows] == sorted((row.share for row in rows), reverse=True)
    total = sum(row.share * (row.reward_with - row.reward_without) for row in rows)
    found = next(f for f in mine(corpus, MiningPolicy()).findings if f.hypothesis.name_text == "call:b0")
    assert found.discovery is not None
    assert found.confirmation is not None
    assert min(found.discovery.effect, found.confirmation.effect) <= total
    assert total <= max(found.discovery.effect, found.confirmation.effect)


def test_what_was_never_seen_has_no_table() -> None:
    corpus = Simulation(3, tasks=3).corpus()
    assert break_down(corpus, form_strata(corpus), category=None, situation=SESSION, name=called("none")) == []
