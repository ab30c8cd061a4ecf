"""Changes over time."""

from datetime import UTC, datetime
from itertools import combinations, pairwise

import numpy as np

from reverie.overview.trend import best_bounds, find_drifts, find_trends
from reverie.statistics.corpus import Floats

from .simulated_table import DAY, FIRST_DAY, TableSimulation

# Start times rise with the position, and half of the sessions come after this moment.
HALF_WAY = datetime.fromtimestamp(FIRST_DAY + 50 * DAY, UTC)


def late(world: TableSimulation) -> np.ndarray:
    return np.arange(world.size) >= world.size // 2


def test_a_step_in_reward_is_dated_and_sized() -> None:
    world = TableSimulation(1)
    world.cause(late(world), -0.25)
    (trend,) = find_trends(world.table())
    (change,) = trend.changes
    assert trend.kind == "reward"
    assert change.earliest <= HALF_WAY <= change.latest
    assert (change.latest - change.earliest).days < 30
    assert change.size is not None
    assert change.size.low < -0.25 < change.size.high < 0
    assert trend.high < 0


def test_steady_series_are_not_said_to_change() -> None:
    found = 0
    for seed in range(20):
        world = TableSimulation(seed, tasks=40)
        for b in range(5):
            world.show("session", f"call:b{b}", "choice", np.flatnonzero(world.coin(0.3)))
        found += len(find_trends(world.table()))
    assert found <= 3


def test_harder_tasks_later_on_are_no_decline() -> None:
    world = TableSimulation(2, tasks=60, per_task=40)
    # Easy tasks come mostly early; the sessions keep their tasks and are given new start times.
    easy = world.difficulty[world.task] > 0.5
    order = np.argsort(world.generator.random(world.size) + np.where(easy, 0.0, 0.5), kind="stable")
    world.signals.started_at[order] = FIRST_DAY + np.arange(world.size) * 600.0
    assert find_trends(world.table()) == ()


def test_a_new_error_class_is_seen_with_the_variant_that_brought_it() -> None:
    world = TableSimulation(3)
    after = late(world)
    world.variant = ["desk 2" if a else "desk 1" for a in after]
    world.show("session", "error:timeout", "marker", np.flatnonzero(world.coin(np.where(after, 0.3, 0.02))))
    (trend,) = find_trends(world.table())
    assert (trend.kind, trend.name) == ("error", "error:timeout")
    assert trend.changes[0].variant == "desk 2"
    assert trend.changes[0].size is not None
    assert trend.changes[0].size.low < 0.28 < trend.changes[0].size.high


def test_two_steps_are_two_changes() -> None:
    world = TableSimulation(4, tasks=60, per_task=40)
    third = np.arange(world.size) * 3 // world.size
    world.cause(third == 1, 0.25)
    (trend,) = find_trends(world.table())
    assert len(trend.changes) == 2
    sizes = [change.size.effect for change in trend.changes if change.size]
    assert sizes[0] > 0.15
    assert sizes[1] < -0.15


def test_sessions_without_dates_have_no_trends() -> None:
    world = TableSimulation(5)
    world.signals.started_at[:] = np.nan
    assert find_trends(world.table()) == ()
    assert find_drifts(world.table()) == ()


def test_a_behaviour_that_stops_helping_is_a_drift() -> None:
    world = TableSimulation(6, tasks=60, per_task=40)
    checks, idle = world.coin(0.5), world.coin(0.5)
    world.show("session", "call:check", "choice", np.flatnonzero(checks))
    world.show("session", "call:idle", "choice", np.flatnonzero(idle))
    world.cause(checks & ~late(world), 0.3)
    (drift,) = find_drifts(world.table())
    assert drift.behaviour == "call:check"
    effects = [window.effect.effect for window in drift.windows if window.effect]
    assert min(effects[:2]) > 0.15 > max(effects[2:])


def test_cuts_are_those_of_the_best_of_all_partitions() -> None:
    generator = np.random.default_rng(4)
    for _ in range(20):
        means = generator.standard_normal(9) + 3 * (np.arange(9) > generator.integers(2, 7))

        def cost(bounds: tuple[int, ...], means: Floats = means) -> float:
            pieces = [means[start:end] for start, end in pairwise(bounds)]
            return sum(float(((piece - piece.mean()) ** 2).sum()) + 2.0 for piece in pieces)

        inner = [cuts for count in range(4) for cuts in combinations(range(2, 8), count)]
        allowed = [(0, *cuts, 9) for cuts in inner if all(b - a >= 2 for a, b in pairwise((0, *cuts, 9)))]
        assert tuple(best_bounds(means, 2.0)) == min(allowed, key=cost)
