import numpy as np

from reverie.patterns.mine import mine
from reverie.patterns.online import Stream, run_claims, run_stream
from reverie.patterns.policy import MiningPolicy
from tests.patterns.simulated import Simulation


def test_levels_add_up_to_less_than_the_rate_while_nothing_passes() -> None:
    verdicts, stream = run_stream(Stream(), [1.0] * 100, 0.1)
    assert not any(verdicts)
    assert (stream.tests, stream.passed) == (100, ())


def test_a_test_that_passes_pays_for_those_after_it() -> None:
    weak = 0.004
    alone, _ = run_stream(Stream(tests=30), [weak], 0.1)
    after_success, _ = run_stream(Stream(tests=30, passed=(28, 29, 30)), [weak], 0.1)
    assert (alone, after_success) == ([False], [True])


def test_testing_in_parts_is_testing_at_once() -> None:
    p_values = np.random.default_rng(0).random(40) ** 4
    at_once, whole = run_stream(Stream(), p_values.tolist(), 0.1)
    first, stream = run_stream(Stream(), p_values[:15].tolist(), 0.1)
    second, stream = run_stream(stream, p_values[15:].tolist(), 0.1)
    assert first + second == at_once
    assert stream == whole


def test_false_discoveries_stay_below_the_rate_over_a_long_stream() -> None:
    generator = np.random.default_rng(1)
    true = generator.random(3_000) < 0.2
    p_values = np.where(true, generator.random(3_000) ** 12, generator.random(3_000))
    verdicts, _ = run_stream(Stream(), p_values.tolist(), 0.1)
    passed = np.array(verdicts)
    assert passed.sum() > 200
    assert (passed & ~true).sum() / passed.sum() < 0.1


def test_the_same_evidence_is_not_tested_twice() -> None:
    world = Simulation(1, tasks=60)
    world.cause(0, 0.25)
    corpus, policy = world.corpus(), MiningPolicy(placebo_runs=0)
    first = mine(corpus, policy)
    second = mine(corpus, policy, first.stream)
    assert first.stream.tests > 0
    assert second == first


def test_changed_evidence_of_a_claim_that_does_not_stand_is_a_new_test() -> None:
    _, stream = run_claims(Stream(adopted=frozenset({"stands"})), ["stands", "waits"], [0.5, 0.5], 0.1)
    passes, after = run_claims(stream, ["stands", "waits"], [0.9, 0.00001], 0.1)
    assert passes == [True, True]
    assert (stream.tests, after.tests) == (1, 2)
