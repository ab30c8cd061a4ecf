import numpy as np

from reverie.mining.trouble import follows_trouble, trouble_steps
from reverie.statistics.corpus import Corpus, form_strata, read_observable
from tests.statistics.simulated import Simulation

APOLOGY, ERROR = 0, 1


def desk(*, apology_step: int, error_step: int = 3) -> Corpus:
    """Errors cost 0.4; apologies come in half of the sessions with an error and in few others, and do nothing."""
    world = Simulation(3, tasks=60, behaviours=2)
    n = len(world.task)
    error = world.generator.random(n) < 0.3
    apology = world.generator.random(n) < np.where(error, 0.5, 0.05)
    world.shown = np.column_stack([apology, error])
    world.expected = world.difficulty + 0.2 - 0.4 * error
    corpus = world.corpus()
    corpus.entry_step[:] = np.where(corpus.entry_code == APOLOGY, apology_step, error_step)
    corpus.names[:] = [  # type: ignore[index]
        read_observable("session", "apology", "manner"),
        read_observable("session", "error:timeout", "marker"),
    ]
    return corpus


def verdict(corpus: Corpus) -> str:
    sessions = np.arange(len(corpus.session_ids))
    steps = trouble_steps(corpus)
    return follows_trouble(corpus, form_strata(corpus), sessions, APOLOGY, corpus.reward, steps)


def test_what_mostly_follows_errors_and_loses_its_effect_among_them_is_a_marker() -> None:
    assert verdict(desk(apology_step=4)).startswith("a marker of trouble")


def test_what_comes_before_the_errors_is_not_excused_by_them() -> None:
    assert verdict(desk(apology_step=1)) == ""


def test_sessions_without_errors_have_no_trouble_step() -> None:
    corpus = desk(apology_step=4)
    with_error = corpus.entry_session[corpus.entry_code == ERROR]
    steps = trouble_steps(corpus)
    assert set(steps[with_error]) == {3}
    assert np.delete(steps, with_error).min() > 1_000_000
