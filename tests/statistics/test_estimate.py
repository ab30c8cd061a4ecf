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


@pytest.mark.parametrize("alike", [0.0, 2.0])
def test_two_way_errors_leave_out_each_task_and_are_no_smaller_than_those_of_independent_sessions(alike: float) -> None:
    shown, stratum, variant, reward = random_sessions(7, strata=30, variants=3)
    reward = reward + alike * shown[:, 0] * np.random.default_rng(1).normal(size=30)[stratum]
    estimates = estimate(design_of(shown, stratum, variant), reward)
    nuisance = np.column_stack([dummies(stratum), dummies(variant)])
    x = shown[:, 0] - nuisance @ np.linalg.lstsq(nuisance, shown[:, 0].astype(float))[0]
    cleared = reward - nuisance @ np.linalg.lstsq(nuisance, reward)[0]
    weights = np.bincount(stratum, x * x)
    scores = np.bincount(stratum, x * (cleared - estimates.effect[0] * x))
    clustered = (scores**2 / (1 - weights / weights.sum()) ** 2).sum() * 29 / 30
    independent = weights.sum() * (cleared**2).sum() / (len(reward) - 30 - 2)
    assert (clustered > independent) == (alike > 0)
    assert estimates.standard_error[0] == pytest.approx(np.sqrt(max(clustered, independent)) / weights.sum())


def runs_of_few_tasks(seed: int, effect: float, spread: float = 0.0) -> tuple[Design, np.ndarray]:
    """Ten tasks, each run 25 times by each of three variants; the effect on the reward differs by task."""
    generator = np.random.default_rng(seed)
    stratum, variant = np.repeat(np.arange(10), 75), np.tile(np.arange(3), 250)
    shown = generator.random((750, 1)) < 0.5
    expected = generator.uniform(0.2, 0.45, 10)[stratum] + 0.05 * variant
    expected += shown[:, 0] * generator.normal(effect, spread, 10)[stratum]
    return design_of(shown, stratum, variant), (generator.random(750) < expected).astype(float)


def test_a_strong_effect_in_few_tasks_of_several_variants_is_beyond_doubt() -> None:
    # A test that took its error at no effect could not pass z = 2.4 here, whatever the rewards.
    assert all(estimate(*runs_of_few_tasks(seed, 0.35)).z[0] > 3.5 for seed in range(20))


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_the_test_of_several_variants_keeps_its_level_though_effects_differ_by_task(spread: float) -> None:
    z = np.array([estimate(*runs_of_few_tasks(seed, 0.0, spread)).z[0] for seed in range(1000)])
    assert (np.abs(z) > 1.96).mean() <= 0.06
    assert (np.abs(z) > 2.576).mean() <= 0.02


def test_few_tasks_that_happen_to_agree_prove_little() -> None:
    stratum, variant = np.repeat(np.arange(5), 6), np.tile(np.arange(3), 10)
    shown = np.tile([1, 0, 0, 0, 1, 1], 5)[:, None] == 1
    reward = np.tile([1, 0, 0, 0, 1, 0], 5).astype(float)
    assert 0 < estimate(design_of(shown, stratum, variant), reward).z[0] < 3.5


def test_one_task_of_several_variants_has_no_error_to_test_by() -> None:
    shown, _, variant, reward = random_sessions(3, strata=4, variants=3)
    estimates = estimate(design_of(shown, np.zeros(24, int), variant), reward)
    assert not estimates.testable(0.0).any()
    assert (estimates.z == 0).all()


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
