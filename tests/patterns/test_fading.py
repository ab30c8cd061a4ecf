import dataclasses

import numpy as np

from reverie.patterns.corpus import Corpus, form_strata
from reverie.patterns.fading import holding_windows
from reverie.patterns.finding import Finding
from reverie.patterns.mine import mine
from reverie.patterns.policy import MiningPolicy
from tests.patterns.simulated import Simulation

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
    return next(f for f in result.findings if f.hypothesis.name == "call:b0")


def test_a_lesson_that_stopped_being_true_is_refused_with_both_halves() -> None:
    found = finding(corpus_over_time(stops=True))
    assert found.verdict == "refused"
    assert found.reason.startswith("held in the earlier half of the sessions (+0.")


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
