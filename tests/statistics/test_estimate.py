import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.estimate import Design, estimate, make_design


def design_of(shown: np.ndarray, stratum: np.ndarray, variant: np.ndarray | None = None) -> Design:
    rows, columns = np.nonzero(shown)
    variants = np.zeros(len(stratum), np.int32) if variant is None else variant.astype(np.int32)
    return make_design(
        np.arange(len(stratum)),
        stratum.astype(np.int32),
        variants,
        rows.astype(np.int32),
        columns.astype(np.int32),
        shown.shape[1],
    )


def dummies(codes: np.ndarray) -> np.ndarray:
    one_hot: np.ndarray = (codes[:, None] == np.unique(codes)[None, :]).astype(float)
    return one_hot


def random_sessions(seed: int, *, strata: int, variants: int = 1) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    n = strata * 6
    stratum, variant = generator.integers(0, strata, n), generator.integers(0, variants, n)
    return generator.random((n, 3)) < 0.4, stratum, variant, generator.random(n)


def test_the_effect_is_the_mantel_haenszel_risk_difference() -> None:
    # Two strata: 3 of 4 against 1 of 2, and 1 of 2 against 0 of 4.
    shown = np.array([1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0])[:, None] == 1
    reward = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0], float)
    stratum = np.array([0] * 6 + [1] * 6)
    expected = (4 * 2 / 6 * (3 / 4 - 1 / 2) + 2 * 4 / 6 * (1 / 2 - 0)) / (4 * 2 / 6 + 2 * 4 / 6)
    estimates = estimate(design_of(shown, stratum), reward)
    assert estimates.effect[0] == pytest.approx(expected)
    assert estimates.informative[0] == 2
    assert (estimates.sessions_with[0], estimates.sessions_without[0]) == (6, 6)


@given(st.integers(0, 10_000))
def test_one_way_effects_equal_least_squares_with_a_dummy_for_every_stratum(seed: int) -> None:
    shown, stratum, _, reward = random_sessions(seed, strata=5)
    effects = estimate(design_of(shown, stratum), reward).effect
    for column in range(shown.shape[1]):
        matrix = np.column_stack([shown[:, column], dummies(stratum)])
        assert effects[column] == pytest.approx(np.linalg.lstsq(matrix, reward)[0][0])


@given(st.integers(0, 10_000))
def test_two_way_effects_equal_least_squares_with_dummies_for_tasks_and_variants(seed: int) -> None:
    shown, stratum, variant, reward = random_sessions(seed, strata=8, variants=3)
    effects = estimate(design_of(shown, stratum, variant), reward).effect
    for column in range(shown.shape[1]):
        matrix = np.column_stack([shown[:, column], dummies(stratum), dummies(variant)])
        assert effects[column] == pytest.approx(np.linalg.lstsq(matrix, reward)[0][0])


def test_two_way_errors_are_clustered_by_task() -> None:
    shown, stratum, variant, reward = random_sessions(7, strata=30, variants=3)
    estimates = estimate(design_of(shown, stratum, variant), reward)
    nuisance = np.column_stack([dummies(stratum), dummies(variant)])
    x = shown[:, 0] - nuisance @ np.linalg.lstsq(nuisance, shown[:, 0].astype(float))[0]
    residual = reward - nuisance @ np.linalg.lstsq(nuisance, reward)[0] - estimates.effect[0] * x
    clusters = np.bincount(stratum, x * residual)
    weights = np.bincount(stratum, x * x)
    effective = weights.sum() ** 2 / (weights**2).sum()
    expected = np.sqrt((clusters**2).sum() * effective / (effective - 1)) / weights.sum()
    assert estimates.standard_error[0] == pytest.approx(expected)


def test_a_behaviour_that_only_one_variant_always_shows_has_no_weight() -> None:
    _, stratum, variant, reward = random_sessions(3, strata=20, variants=4)
    estimates = estimate(design_of((variant == 2)[:, None], stratum, variant), reward)
    assert estimates.weight[0] == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(estimates.effect[0])


def test_z_is_standard_normal_when_rewards_are_shuffled_within_strata() -> None:
    shown, stratum, _, reward = random_sessions(11, strata=40)
    generator = np.random.default_rng(0)
    design = design_of(shown, stratum)
    statistics: list[float] = []
    for _ in range(400):
        order = np.lexsort((generator.random(len(stratum)), stratum))
        shuffled = np.empty_like(reward)
        shuffled[np.argsort(stratum, kind="stable")] = reward[order]
        statistics.extend(estimate(design, shuffled).z)
    assert np.mean(statistics) == pytest.approx(0.0, abs=0.1)
    assert np.std(statistics) == pytest.approx(1.0, abs=0.1)


def test_a_stratum_where_all_rewards_agree_does_not_inform() -> None:
    shown = np.array([[1], [0], [1], [0]]) == 1
    estimates = estimate(design_of(shown, np.array([0, 0, 1, 1])), np.array([1.0, 1.0, 1.0, 0.0]))
    assert estimates.informative[0] == 1
