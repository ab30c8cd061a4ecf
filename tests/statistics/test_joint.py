import numpy as np

from reverie.statistics.corpus import Flags, Floats
from reverie.statistics.joint import Comparison, JointFit, explain_away


def clear(values: Floats) -> Floats:
    return np.asarray(values - values.mean(), np.float64)


def explained(
    columns: list[Flags], reward: Floats, preference: list[float], among: list[Flags] | None = None
) -> JointFit:
    """The joint fit of behaviours, each shown among all sessions or among those of ``among``; one stratum."""
    comparisons = []
    for j, column in enumerate(columns):
        sessions = np.flatnonzero(among[j]) if among else np.arange(len(reward))
        shown = clear(column[sessions].astype(np.float64))
        comparisons.append(Comparison(np.array([j]), sessions, shown[np.newaxis], clear))
    return explain_away(comparisons, clear(reward), np.array(preference))


def test_a_copy_with_noise_is_a_shadow_of_the_cause() -> None:
    generator = np.random.default_rng(0)
    cause = generator.random(2_000) < 0.5
    shadow = cause & (generator.random(2_000) < 0.8)
    reward = 0.3 * cause + generator.normal(0, 0.4, 2_000)
    fit = explained([shadow, cause], reward, [1, 1])
    assert (fit.kept, fit.shadow_of) == ((1,), {0: 1})


def test_two_causes_are_both_kept() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random((2, 2_000)) < 0.5
    reward = 0.3 * first - 0.2 * second + generator.normal(0, 0.4, 2_000)
    fit = explained([first, second], reward, [1, 1])
    assert sorted(fit.kept) == [0, 1]


def test_of_two_that_cannot_be_told_apart_the_preferred_one_is_kept() -> None:
    generator = np.random.default_rng(2)
    cause = generator.random(1_000) < 0.5
    reward = 0.4 * cause + generator.normal(0, 0.4, 1_000)
    fit = explained([cause, cause], reward, [1.0, 1.03])
    assert (fit.kept, fit.shadow_of) == ((1,), {0: 1})


def test_what_is_not_beyond_chance_is_too_weak() -> None:
    generator = np.random.default_rng(3)
    columns = generator.random((10, 500)) < 0.5
    fit = explained(list(columns), generator.normal(0, 0.4, 500), [1] * 10)
    assert fit.kept == ()
    assert set(fit.too_weak) == set(range(10))


def first_or_late(seed: int) -> tuple[Flags, Flags, Floats]:
    """Looking first helps; those who do not look first may look late, which changes nothing."""
    generator = np.random.default_rng(seed)
    first = generator.random(2_000) < 0.5
    late = ~first & (generator.random(2_000) < 0.3)
    return first, late, 0.3 * first + generator.normal(0, 0.4, 2_000)


def test_the_opposite_of_a_cause_among_some_sessions_is_its_shadow() -> None:
    first, late, reward = first_or_late(4)
    everyone = np.ones(2_000, np.bool_)
    fit = explained([late, first], reward, [1, 1], among=[first | late, everyone])
    assert (fit.kept, fit.shadow_of) == ((1,), {0: 1})


def test_what_was_taken_first_is_still_a_shadow_of_what_explains_it() -> None:
    first, late, reward = first_or_late(5)
    everyone = np.ones(2_000, np.bool_)
    fit = explained([late, first, late], reward, [9, 1, 1], among=[first | late, everyone, first | late])
    assert fit.kept == (1,)
    assert fit.shadow_of == {0: 1, 2: 1}


def test_a_finding_at_another_moment_of_the_same_sessions_is_explained_too() -> None:
    generator = np.random.default_rng(4)
    n = 400
    first, owner = generator.random(n) < 0.5, np.tile(np.arange(n), 2)
    # At its second moment a session does what it left out at the first, but for one in ten.
    second = first == (generator.random(n) < 0.1)
    outcome = first + generator.normal(0, 0.5, n)
    reward = clear(np.tile(outcome, 2))
    centred = [clear(one.astype(np.float64))[np.newaxis] for one in (first, second)]
    rows = [np.arange(n), np.arange(n, 2 * n)]
    comparisons = [Comparison(np.array([i]), rows[i], centred[i], clear) for i in (0, 1)]
    apart = explain_away(comparisons, reward, np.ones(2))
    assert (apart.kept, apart.shadow_of) == ((0, 1), {})
    together = explain_away(comparisons, reward, np.ones(2), owner=owner)
    assert (together.kept, together.shadow_of) == ((0,), {1: 0})
