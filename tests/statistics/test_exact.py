import numpy as np
import pytest
from scipy import stats

from reverie.statistics.estimate import Design, estimate, make_design
from reverie.statistics.exact import exact_z


def one_behaviour(shown: list[int], stratum: list[int]) -> Design:
    rows = np.flatnonzero(np.array(shown)).astype(np.int32)
    none = np.zeros(len(stratum), np.int32)
    return make_design(np.arange(len(stratum)), np.array(stratum, np.int32), none, rows, rows * 0, 1)


def test_one_stratum_gives_fishers_mid_p() -> None:
    shown = [1] * 5 + [0] * 7
    reward = np.array([1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0], float)
    z = exact_z(one_behaviour(shown, [0] * 12), reward, 0, np.random.default_rng(0))
    law = stats.hypergeom(12, 5, 5)
    assert stats.norm.sf(z) == pytest.approx(law.sf(4) + law.pmf(4) / 2)


def test_sampled_permutations_agree_with_the_exact_law() -> None:
    generator = np.random.default_rng(1)
    stratum = np.repeat(np.arange(6), 6)
    shown = generator.random(36) < 0.4
    binary = (generator.random(36) < 0.3 + 0.4 * shown).astype(float)
    design = one_behaviour(list(shown.astype(int)), list(stratum))
    exact = exact_z(design, binary, 0, generator)
    # The same test with rewards that are not 0 and 1, so that it has to be sampled.
    sampled = exact_z(design, binary * 0.5, 0, generator)
    assert sampled == pytest.approx(exact, abs=0.1)


def test_it_agrees_with_the_approximation_when_samples_are_large() -> None:
    generator = np.random.default_rng(2)
    stratum = np.repeat(np.arange(4), 100)
    shown = generator.random(400) < 0.5
    reward = (generator.random(400) < 0.4 + 0.15 * shown).astype(float)
    design = one_behaviour(list(shown.astype(int)), list(stratum))
    assert exact_z(design, reward, 0, generator) == pytest.approx(estimate(design, reward).z[0], abs=0.05)


def test_strata_that_cannot_tell_give_nothing() -> None:
    design = one_behaviour([1, 1, 0, 0], [0, 0, 1, 1])
    assert exact_z(design, np.array([1.0, 0.0, 1.0, 0.0]), 0, np.random.default_rng(0)) == 0.0
