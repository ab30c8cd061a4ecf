"""A dream with few scores: the labels' findings beside those of the scores alone, and nothing where nothing matters."""

import dataclasses

import numpy as np
import pytest

from reverie.mining.few_scored import add_labelled
from reverie.mining.mine import MiningResult, mine
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, Floats
from reverie.statistics.prediction_powered import Labels
from tests.statistics.simulated import Simulation

POLICY = MiningPolicy(placebo_runs=0)


def few(world: Simulation, labels: int, *, likes: int | None = None) -> tuple[Corpus, Labels]:
    """2,000 sessions of which few are scored; the proxy is wrong in a tenth, or likes a behaviour for its own sake."""
    corpus, generator = world.corpus(), np.random.default_rng(5)
    n = len(corpus.reward)
    proxy: Floats = np.where(generator.random(n) < 0.1, 1 - corpus.reward, corpus.reward)
    if likes is not None:
        proxy = np.clip(proxy + 0.5 * world.shown[:, likes], 0, 1)
    score = np.where(generator.random(n) < labels / n, corpus.reward, np.nan)
    return dataclasses.replace(corpus, reward=score), Labels(score, np.full(n, labels / n), proxy[:, None])


def dreamt(corpus: Corpus, labels: Labels, before: MiningResult | None = None) -> MiningResult:
    mined = before or mine(corpus, POLICY)
    return add_labelled(mined, corpus, labels, POLICY, None, proxy="checked", is_excluded=lambda _: False)


def adopted(result: MiningResult) -> list[str]:
    return [each.hypothesis.name_text for each in result.findings if each.verdict == "adopted"]


def test_what_scores_alone_cannot_tell_is_adopted_with_the_help_of_a_proxy() -> None:
    world = Simulation(1, behaviours=10)
    world.cause(0, 0.35)
    corpus, labels = few(world, 150)
    alone = mine(corpus, POLICY)
    assert adopted(alone) == []
    told = dreamt(corpus, labels, alone)
    assert adopted(told) == ["call:b0"]
    finding = told.findings[0]
    assert finding.confirmation is not None and finding.confirmation.low >= POLICY.least_effect
    assert finding.supporting and "labels" in finding.reason
    assert told.labelled is not None and told.labelled.proxy == "checked"
    assert told.wealth.outcomes["reward, by labels"].adopted == {" | session | call:b0 helps"}
    # The tests of the scores alone are kept to their own rate, which these do not touch.
    assert told.wealth.passed == alone.wealth.passed


def test_what_the_scores_alone_decided_stands() -> None:
    world = Simulation(1, behaviours=10)
    world.cause(0, 0.35)
    corpus, labels = few(world, 1200)
    alone = mine(corpus, POLICY)
    told = dreamt(corpus, labels, alone)
    assert adopted(told) == adopted(alone) == ["call:b0"]
    assert told.labelled is not None and "by the scored sessions alone" in told.labelled.claims[0].reason


def test_an_interval_that_does_not_exclude_the_least_effect_makes_a_candidate() -> None:
    world = Simulation(1, behaviours=10)
    world.cause(0, 0.35)
    corpus, labels = few(world, 150)
    strict = MiningPolicy(placebo_runs=0, least_effect=0.25)
    told = add_labelled(
        mine(corpus, strict), corpus, labels, strict, None, proxy="checked", is_excluded=lambda _: False
    )
    assert told.labelled is not None
    assert [(each.verdict, "does not exclude" in each.reason) for each in told.labelled.claims] == [("candidate", True)]


def test_what_makes_the_proxy_is_not_looked_for_in_it() -> None:
    world = Simulation(1, behaviours=10)
    world.cause(0, 0.35)
    corpus, labels = few(world, 150)
    told = add_labelled(
        mine(corpus, POLICY),
        corpus,
        labels,
        POLICY,
        None,
        proxy="checked",
        is_excluded=lambda observable: observable.name.text == "call:b0",
    )
    assert told.labelled is not None and told.labelled.claims == ()


@pytest.mark.parametrize("likes", [None, 3])
def test_where_nothing_matters_labels_adopt_nothing_whatever_the_proxy_likes(likes: int | None) -> None:
    found = [adopted(dreamt(*few(Simulation(seed, behaviours=10), 150, likes=likes))) for seed in range(20)]
    assert found == [[]] * 20
