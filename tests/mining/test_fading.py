import dataclasses
from itertools import pairwise

import numpy as np

from reverie.mining.fading import faded, holding_windows
from reverie.mining.finding import Finding
from reverie.mining.mine import mine
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, Flags, Floats, Ints, form_strata
from tests.statistics.simulated import Simulation

DAY = 86_400.0


def corpus_over_time(*, stops: bool) -> Corpus:
    """Behaviour 0 helps by 0.3, in the stopping world only until half-time; times are in no order of tasks."""
    world = Simulation(5, tasks=100, per_task=30, behaviours=8)
    at = world.generator.random(len(world.task)) * 100 * DAY
    holds = at < 50 * DAY if stops else np.ones(len(at), np.bool_)
    world.expected = world.expected + 0.3 * world.shown[:, 0] * holds
    return dataclasses.replace(world.corpus(), at=at)


def finding(corpus: Corpus) -> Finding:
    result = mine(corpus, MiningPolicy(placebo_runs=0))
    return next(f for f in result.findings if f.hypothesis.name_text == "call:b0")


def reason_of(effect: Floats, *, seed: int, task: Ints) -> str:
    """What is said of a behaviour that half of the sessions show and that adds ``effect``, session by session."""
    generator = np.random.default_rng(seed)
    shown = generator.random(effect.size) < 0.5
    reward = (generator.random(effect.size) < 0.4 + effect * shown).astype(np.float64)
    at = np.arange(effect.size, dtype=np.float64)
    codes = task.astype(np.int32)
    return faded(np.arange(effect.size), codes, np.zeros_like(codes), shown, reward, at)


def test_a_lesson_that_stopped_being_true_is_refused_with_both_parts_of_the_time() -> None:
    found = finding(corpus_over_time(stops=True))
    assert found.verdict == "refused"
    assert found.reason.startswith("held in the earlier sessions (+0.")


def test_an_effect_that_ended_late_is_seen_in_the_latest_quarter() -> None:
    effect = np.where(np.arange(2_000) < 1_550, 0.3, 0.0)
    told = [reason_of(effect, seed=seed, task=np.arange(2_000) % 100) for seed in range(20)]
    assert sum("latest 25%" in reason for reason in told) >= 10
    assert sum(reason != "" for reason in told) >= 18


def test_steady_effects_of_every_size_are_seldom_taken_for_faded() -> None:
    task = np.arange(1_000) % 50
    for size in (0.05, 0.1, 0.2):
        told = [reason_of(np.full(1_000, size), seed=seed, task=task) for seed in range(100)]
        assert sum(reason != "" for reason in told) <= 10


def test_other_tasks_in_the_latest_sessions_are_not_a_faded_effect() -> None:
    early = np.arange(2_000) < 1_000
    task = np.where(early, np.arange(2_000) % 50, 50 + np.arange(2_000) % 50)
    assert all(reason_of(np.where(early, 0.3, 0.0), seed=seed, task=task) == "" for seed in range(10))


def test_a_lesson_that_holds_names_the_stretches_of_time_that_bear_it_out() -> None:
    found = finding(corpus_over_time(stops=False))
    assert found.verdict == "adopted"
    assert len(found.windows) == 3
    assert all(a.ended_at < b.began_at for a, b in zip(found.windows, found.windows[1:], strict=False))
    assert found.first_seen is not None
    assert found.first_seen < DAY


def test_without_times_nothing_is_said_about_them() -> None:
    corpus = dataclasses.replace(corpus_over_time(stops=False), at=None)
    assert holding_windows(corpus, form_strata(corpus), np.arange(len(corpus.reward)), 0, 1.0) == ()
    assert finding(corpus).windows == ()


def undated(corpus: Corpus, without: Flags) -> Corpus:
    assert corpus.at is not None
    return dataclasses.replace(corpus, at=np.where(without, np.nan, corpus.at))


def test_undated_sessions_neither_fade_nor_have_a_time() -> None:
    corpus = corpus_over_time(stops=True)
    found = finding(undated(corpus, np.ones(len(corpus.reward), np.bool_)))
    assert found.verdict == "adopted"
    assert (found.windows, found.first_seen, found.last_seen) == ((), None, None)


def test_where_half_the_sessions_are_dated_these_tell_of_time() -> None:
    corpus = corpus_over_time(stops=True)
    half = np.random.default_rng(1).random(len(corpus.reward)) < 0.5
    assert finding(undated(corpus, half)).reason.startswith("held in the earlier sessions (+0.")


def test_where_only_the_early_sessions_are_dated_nothing_has_faded() -> None:
    corpus = corpus_over_time(stops=True)
    assert corpus.at is not None
    found = finding(undated(corpus, corpus.at > 50 * DAY))
    assert not found.reason.startswith("held in the earlier sessions")
    assert found.last_seen is not None and found.last_seen <= 50 * DAY


def test_windows_hold_equally_many_of_the_dated_sessions() -> None:
    corpus = corpus_over_time(stops=False)
    half = np.random.default_rng(1).random(len(corpus.reward)) < 0.5
    windows = finding(undated(corpus, half)).windows
    assert len(windows) == 3
    assert all(a.ended_at < b.began_at for a, b in pairwise(windows))
