import numpy as np

from reverie.mining.mine import mine
from reverie.mining.policy import MiningPolicy
from reverie.statistics.online import AlphaWealth, check_claims, check_p_values
from tests.statistics.simulated import Simulation


def test_levels_add_up_to_less_than_the_rate_while_nothing_passes() -> None:
    verdicts, stream = check_p_values(AlphaWealth(), [1.0] * 100, 0.1)
    assert not any(verdicts)
    assert (stream.tests, stream.passed) == (100, ())


def test_a_test_that_passes_pays_for_those_after_it() -> None:
    weak = 0.004
    alone, _ = check_p_values(AlphaWealth(tests=30), [weak], 0.1)
    after_success, _ = check_p_values(AlphaWealth(tests=30, passed=(28, 29, 30)), [weak], 0.1)
    assert (alone, after_success) == ([False], [True])


def test_testing_in_parts_is_testing_at_once() -> None:
    p_values = np.random.default_rng(0).random(40) ** 4
    at_once, whole = check_p_values(AlphaWealth(), p_values.tolist(), 0.1)
    first, stream = check_p_values(AlphaWealth(), p_values[:15].tolist(), 0.1)
    second, stream = check_p_values(stream, p_values[15:].tolist(), 0.1)
    assert first + second == at_once
    assert stream == whole


def test_false_discoveries_stay_below_the_rate_over_long_streams() -> None:
    shares = []
    for seed in range(8):
        generator = np.random.default_rng(seed)
        true = generator.random(1_000) < 0.2
        p_values = np.where(true, generator.random(1_000) ** 12, generator.random(1_000))
        verdicts, _ = check_p_values(AlphaWealth(), p_values.tolist(), 0.1)
        passed = np.array(verdicts)
        assert passed.sum() > 80
        shares.append((passed & ~true).sum() / passed.sum())
    assert np.mean(shares) < 0.1


def test_only_large_p_values_make_the_stream_stricter() -> None:
    _, after_small = check_p_values(AlphaWealth(), [0.4] * 20, 0.1)
    _, after_large = check_p_values(AlphaWealth(), [0.6] * 20, 0.1)
    weak = [0.005]
    assert (check_p_values(after_small, weak, 0.1)[0], check_p_values(after_large, weak, 0.1)[0]) == ([True], [False])


def test_the_same_evidence_is_not_tested_twice() -> None:
    world = Simulation(1, tasks=60)
    world.cause(0, 0.25)
    corpus, policy = world.corpus(), MiningPolicy(placebo_runs=0)
    first = mine(corpus, policy)
    second = mine(corpus, policy, first.wealth)
    assert first.wealth.tests > 0
    assert second == first


def test_changed_evidence_of_a_claim_that_does_not_stand_is_a_new_test() -> None:
    _, stream = check_claims(AlphaWealth(adopted=frozenset({"stands"})), ["stands", "waits"], [0.5, 0.5], 0.1)
    passes, after = check_claims(stream, ["stands", "waits"], [0.9, 0.00001], 0.1)
    assert passes == [True, True]
    assert (stream.tests, after.tests) == (1, 2)
