import pytest
from evaluation.small import SmallRun, run_small
from evaluation.small_worlds import SMALL_WORLDS

from reverie.mining.policy import MiningPolicy

POLICY = MiningPolicy(placebo_runs=0)
SEED = 3


def run(name: str) -> SmallRun:
    return run_small(name, SEED, POLICY)


@pytest.mark.parametrize("name", [name for name in SMALL_WORLDS if name.endswith("-null")])
def test_nothing_is_adopted_where_nothing_matters(name: str) -> None:
    assert run(name).adopted == ()


@pytest.mark.parametrize("name", ["one-task", "few-tasks", "no-task", "crashes", "release", "busy-user"])
def test_what_matters_has_the_verdict_it_should_have(name: str) -> None:
    found = run(name)
    assert found.verdict == found.right
    assert found.covered


@pytest.mark.parametrize("name", ["crashes", "copies", "one-task", "few-tasks", "release"])
def test_exactly_the_sessions_that_say_nothing_are_left_out(name: str) -> None:
    found = run(name)
    assert found.left_out == found.to_leave_out
