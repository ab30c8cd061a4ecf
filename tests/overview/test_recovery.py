"""What works after trouble."""

import numpy as np

from reverie.overview.recovery import find_recoveries

from .simulated_table import TableSimulation

TIMEOUT = "after error:timeout"


def desk(seed: int, effect: float, *, share: float = 0.4) -> TableSimulation:
    """After a timeout some sessions retry, which has the ``effect``."""
    world = TableSimulation(seed)
    met = world.coin(share)
    retries = world.coin(0.5)
    world.show(TIMEOUT, "", "situation", np.flatnonzero(met))
    world.show(TIMEOUT, "retry:lookup", "choice", np.flatnonzero(met & retries))
    world.show(TIMEOUT, "apology", "manner", np.flatnonzero(met & world.coin(0.3)))
    world.cause(met, -0.2)
    world.cause(met & retries, effect)
    return world


def test_the_move_that_works_after_an_error_comes_first() -> None:
    (recovery,) = find_recoveries(desk(1, 0.35).table())
    assert recovery.situation == TIMEOUT
    (move,) = recovery.works
    assert move.action == "retry:lookup"
    assert recovery.moves[0] == move
    assert move.effect is not None
    assert move.effect.low < 0.35 < move.effect.high
    assert recovery.reward.sessions == recovery.sessions


def test_moves_that_do_not_matter_are_not_said_to_work() -> None:
    works = [m for seed in range(20) for r in find_recoveries(desk(seed, 0.0).table()) for m in r.works]
    assert len(works) <= 2


def test_too_few_sessions_with_the_error_are_said_to_be_too_few() -> None:
    (recovery,) = find_recoveries(desk(2, 0.4, share=0.02).table())
    assert recovery.note.startswith("not enough repeats to tell")
    assert recovery.works == ()


def test_errors_that_hardly_occur_are_left_out() -> None:
    assert find_recoveries(desk(3, 0.4, share=0.002).table()) == ()
