"""Capital of fixed bets: hand values, laws of sums, and agreement with an independent implementation."""

import itertools
import math
import random

import msgspec
import numpy as np
import pytest
import ville
from hypothesis import given
from hypothesis import strategies as st
from ville.evalues import combine

from reverie.statistics.capital import BETS, Capital, capital_of, merge
from reverie.statistics.corpus import Floats

draws = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.05, 0.95)), max_size=30)
"""Scores as shares of the largest that their probability allows, with the probability."""


def capital(sessions: list[tuple[float, float]]) -> Capital:
    kept = Capital()
    for share, probability in sessions:
        kept = kept.add(share / min(probability, 1 - probability), probability)
    return kept


def close(first: Capital, second: Capital) -> bool:
    one, other = (np.hstack([each.benefit, each.harm, each.n, each.total, each.squares]) for each in (first, second))
    return bool(np.allclose(one, other, rtol=1e-9, atol=1e-9))


def test_nothing_seen_is_no_evidence() -> None:
    assert (Capital().e_benefit, Capital().e_harm, Capital().n) == (1.0, 1.0, 0)


def test_one_score_wins_its_stake_in_one_direction_and_loses_it_in_the_other() -> None:
    one = Capital().add(-0.8, 0.5)
    mean = sum(BETS) / len(BETS)
    assert one.e_harm == pytest.approx(1 + 0.4 * mean)
    assert one.e_benefit == pytest.approx(1 - 0.4 * mean)
    assert (one.n, one.total, one.squares) == (1, -0.8, -0.8 * -0.8)


@given(draws, st.randoms())
def test_the_order_of_sessions_does_not_matter(sessions: list[tuple[float, float]], chance: random.Random) -> None:
    mixed = sorted(sessions, key=lambda _: chance.random())
    assert close(capital(sessions), capital(mixed))


@given(draws, draws, draws)
def test_parts_add_up_in_any_grouping(
    a: list[tuple[float, float]], b: list[tuple[float, float]], c: list[tuple[float, float]]
) -> None:
    first, second, third = capital(a), capital(b), capital(c)
    assert close(merge(first, second), capital(a + b))
    assert merge(first, second) == merge(second, first)
    assert close(merge(merge(first, second), third), merge(first, merge(second, third)))
    assert merge(first, Capital()) == first


@given(draws)
def test_all_at_once_is_one_after_another(sessions: list[tuple[float, float]]) -> None:
    shares, probabilities = np.array(sessions, np.float64).reshape(-1, 2).T
    assert close(capital_of(shares / np.minimum(probabilities, 1 - probabilities), probabilities), capital(sessions))


@given(draws)
def test_a_turned_score_turns_the_evidence(sessions: list[tuple[float, float]]) -> None:
    one, turned = capital(sessions), capital([(-share, probability) for share, probability in sessions])
    assert (one.log_e_harm, one.log_e_benefit) == (turned.log_e_benefit, turned.log_e_harm)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.8])
def test_evidence_of_harm_is_one_on_average_without_an_effect(probability: float) -> None:
    """Over all 2^6 draws of arms, with rewards that the arms do not change: the mean is 1 exactly."""
    rewards, predicted = [1.0, 0.0, 1.0, 1.0, 0.3, 0.0], [0.5, 0.9, 0.2, 0.6, 0.6, 0.1]
    mean = 0.0
    for arms in itertools.product([True, False], repeat=6):
        weight = math.prod(probability if shown else 1 - probability for shown in arms)
        surprise = np.array(rewards) - np.array(predicted)
        phis = np.where(arms, surprise / probability, -surprise / (1 - probability))
        mean += weight * capital_of(phis, np.full(6, probability)).e_harm
    assert mean == pytest.approx(1.0, abs=1e-12)


def test_evidence_beyond_the_largest_float_is_infinite_and_its_logarithm_is_not() -> None:
    much = capital_of(np.full(5_000, -2.0), np.full(5_000, 0.5))
    assert much.e_harm == math.inf
    assert much.log_e_harm == pytest.approx(5_000 * math.log1p(BETS[-1]) - math.log(len(BETS)))
    assert much.e_benefit == pytest.approx(0.0, abs=1e-100)
    assert msgspec.json.decode(msgspec.json.encode(much), type=Capital) == much


@pytest.mark.parametrize("phi", [2.1, -2.1, math.nan, math.inf])
def test_a_score_that_its_probability_does_not_allow_is_refused(phi: float) -> None:
    with pytest.raises(ValueError, match="was p logged with the draw"):
        Capital().add(phi, 0.5)
    with pytest.raises(ValueError, match="was p logged with the draw"):
        capital_of(np.array([phi]), np.array([0.5]))


def test_scores_and_probabilities_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 scores have 1 prob"):
        capital_of(np.zeros(2), np.array([0.5]))


@pytest.mark.parametrize(("direction", "alternative"), [("benefit", "greater"), ("harm", "less")])
def test_it_is_the_mean_of_the_bets_of_an_independent_implementation(
    direction: str, alternative: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phis = np.random.default_rng(3).uniform(-2, 1.9, 300)

    def e_value(bet: float) -> float:
        """Its bets adapt; here they are held at ours: 2c on scores brought from [-2, 2] to [0, 1]."""

        def fixed(seen: Floats, *_: object) -> Floats:
            return np.full(len(seen), 2 * bet)

        monkeypatch.setattr("ville.sequential._plugin_lambda", fixed)
        test = ville.BettingTest(0.0, bounds=(-2.0, 2.0), alternative=alternative, c=0.99)
        return float(np.exp(test.update(phis).log_e_values_[-1]))

    ours = capital_of(phis, np.full(300, 0.5))
    theirs = float(combine([e_value(bet) for bet in BETS]))
    assert getattr(ours, f"e_{direction}") == pytest.approx(theirs, rel=1e-9)
