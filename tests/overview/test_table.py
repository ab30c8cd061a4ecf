"""The table's own questions: which sessions went well, which are alike, which to show."""

import numpy as np
import pytest

from reverie.overview.table import examples, request_groups, went_well
from reverie.statistics.contrast import contrast, design_of

from .simulated_table import TableSimulation


@pytest.mark.parametrize(
    ("rewards", "well"),
    [
        ([0.0, 1.0, 0.0, np.nan], [False, True, False, False]),
        ([0.0, 1.0, 1.0, 1.0], [False, True, True, True]),
        ([0.2, 0.4, 0.6, 0.8], [False, False, True, True]),
        ([1.0, 1.0, 1.0, 1.0], [True, True, True, True]),
        ([0.0, 0.0, 0.0, 0.0], [False, False, False, False]),
    ],
)
def test_sessions_above_the_median_went_well(rewards: list[float], well: list[bool]) -> None:
    world = TableSimulation(1, tasks=2, per_task=2)
    assert went_well(world.table(reward=np.array(rewards))).tolist() == well


def test_requests_are_tasks_where_tasks_repeat_else_categories() -> None:
    repeated = TableSimulation(1, tasks=10, per_task=4)
    single = TableSimulation(1, tasks=40, per_task=1)
    assert len(np.unique(request_groups(repeated.table()))) == 10
    assert len(np.unique(request_groups(single.table()))) == 4


def test_examples_come_from_different_strata_the_worst_first() -> None:
    world = TableSimulation(1, tasks=6, per_task=10)
    table = world.table(reward=np.linspace(0, 1, world.size))
    shown = [int(session_id[1:]) for session_id in examples(table, np.arange(world.size), good=False)]
    assert shown == [0, 1, 2, 3, 4]
    assert len({int(world.task[i]) for i in shown}) == 5


def test_what_no_stratum_can_tell_has_no_estimate() -> None:
    world = TableSimulation(1, tasks=10, per_task=10)
    table = world.table(reward=world.generator.random(world.size))
    members = np.flatnonzero(world.task < 5)
    strata = table.strata
    design = design_of(strata.code, strata.variant, np.arange(world.size), members, np.zeros_like(members), 1)
    contrasts = contrast([design], table.reward)
    assert contrasts.at(0) is None
    assert contrasts.q_at(0) is None
