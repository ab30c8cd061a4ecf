"""What a proxy suggests on one part of the sessions is confirmed by a few labels of the other part."""

import numpy as np
import pytest

from reverie.mining.few_labels import LabelledClaims, mine_labels
from reverie.mining.policy import MiningPolicy
from reverie.statistics.prediction_powered import Labels
from tests.statistics.simulated import Simulation


def claims(world: Simulation, *, labels: int, likes: int | None = None) -> LabelledClaims:
    """From 2,000 sessions with a proxy that is wrong in a tenth, or that likes a behaviour for its own sake."""
    corpus, generator = world.corpus(), np.random.default_rng(5)
    n = len(corpus.reward)
    proxy = np.where(generator.random(n) < 0.1, 1 - corpus.reward, corpus.reward)
    if likes is not None:
        proxy = np.clip(proxy + 0.5 * world.shown[:, likes], 0, 1)
    share = labels / n
    score = np.where(generator.random(n) < share, corpus.reward, np.nan)
    return mine_labels(corpus, Labels(score, np.full(n, share), proxy[:, None]), MiningPolicy()).claims


def test_a_cause_is_found_by_the_proxy_and_confirmed_by_the_labels() -> None:
    world = Simulation(1, behaviours=10)
    world.cause(0, 0.35)
    told = claims(world, labels=150)
    assert [claim.hypothesis.name_text for claim in told.claims if claim.confirmed] == ["call:b0"]
    effect = told.claims[0].effect
    assert effect is not None
    assert effect.low < 0.35 < effect.high
    assert effect.high - effect.low < 0.8 * (effect.alone[2] - effect.alone[1])
    # A signal that is wrong in one case of ten puts the good session first in nine pairs of ten.
    assert told.calibration.auc is not None
    assert told.calibration.auc.low < 0.9 < told.calibration.auc.high


def test_what_the_proxy_likes_for_its_own_sake_is_not_confirmed() -> None:
    told = claims(Simulation(2, behaviours=10), labels=150, likes=3)
    suggested = next(claim for claim in told.claims if claim.hypothesis.name_text == "call:b3")
    assert suggested.proxy_effect > 0.2
    assert not any(claim.confirmed for claim in told.claims)


def test_without_labels_nothing_is_confirmed_and_the_next_step_is_said() -> None:
    world = Simulation(1, behaviours=10)
    world.cause(0, 0.35)
    told = claims(world, labels=4)
    assert [claim.effect for claim in told.claims] == [None] * len(told.claims)
    assert "reverie label" in told.note


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_confirmed_where_nothing_matters(seed: int) -> None:
    assert not any(claim.confirmed for claim in claims(Simulation(seed, behaviours=10), labels=150).claims)
