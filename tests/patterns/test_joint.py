import numpy as np

from reverie.patterns.joint import explain_away


def centred(*columns: np.ndarray) -> np.ndarray:
    matrix = np.column_stack(columns).astype(float)
    return np.asarray(matrix - matrix.mean(axis=0))


def test_a_copy_with_noise_is_a_shadow_of_the_cause() -> None:
    generator = np.random.default_rng(0)
    cause = generator.random(2_000) < 0.5
    shadow = cause & (generator.random(2_000) < 0.8)
    reward = 0.3 * cause + generator.normal(0, 0.4, 2_000)
    fit = explain_away(centred(shadow, cause), reward - reward.mean(), np.ones(2))
    assert (fit.kept, fit.shadow_of) == ((1,), {0: 1})


def test_two_causes_are_both_kept() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random((2, 2_000)) < 0.5
    reward = 0.3 * first - 0.2 * second + generator.normal(0, 0.4, 2_000)
    fit = explain_away(centred(first, second), reward - reward.mean(), np.ones(2))
    assert sorted(fit.kept) == [0, 1]


def test_of_two_that_cannot_be_told_apart_the_preferred_one_is_kept() -> None:
    generator = np.random.default_rng(2)
    cause = generator.random(1_000) < 0.5
    reward = 0.4 * cause + generator.normal(0, 0.4, 1_000)
    fit = explain_away(centred(cause, cause), reward - reward.mean(), np.array([1.0, 1.03]))
    assert (fit.kept, fit.shadow_of) == ((1,), {0: 1})


def test_what_is_not_beyond_chance_is_too_weak() -> None:
    generator = np.random.default_rng(3)
    columns = generator.random((10, 500)) < 0.5
    fit = explain_away(centred(*columns), generator.normal(0, 0.4, 500), np.ones(10))
    assert fit.kept == ()
    assert set(fit.too_weak) == set(range(10))
