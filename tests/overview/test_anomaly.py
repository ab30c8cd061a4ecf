"""Sessions far out, and the reason."""

from dataclasses import replace

import numpy as np

from reverie.overview.anomaly import find_anomalies

from .simulated_table import TableSimulation


def test_a_session_of_hundreds_of_steps_is_reported_with_the_reason() -> None:
    world = TableSimulation(1)
    world.steps[77] = 600
    anomalies = find_anomalies(world.table())
    first = anomalies.found[0]
    assert (first.session_id, first.measure) == ("s000077", "steps")
    assert first.reason == "steps: 600, where like sessions have about 12"
    assert anomalies.looked_at == world.size


def test_heavy_tails_alone_are_no_alarm() -> None:
    flagged = 0
    for seed in range(10):
        world = TableSimulation(seed)
        world.signals = replace(world.signals, tokens=1000 * world.generator.pareto(2.0, world.size))
        flagged += find_anomalies(world.table()).sessions
    assert flagged <= 5


def test_sessions_are_compared_with_like_ones() -> None:
    world = TableSimulation(2)
    long = np.array(world.category) == "category 1"
    world.steps = np.where(long, world.steps * 40, world.steps)
    assert find_anomalies(world.table()).sessions == 0
    world.steps[np.flatnonzero(~long)[0]] = 450
    assert find_anomalies(world.table()).sessions == 1


def test_an_odd_order_of_actions_is_named() -> None:
    world = TableSimulation(3)
    for session in range(world.size):
        note = ["note"] if world.generator.random() < 0.5 else []
        world.act(session, "lookup", "check", *note, "refund")
    world.actions = [action for action in world.actions if action[0] != 5]
    world.act(5, "refund", "check", "refund", "lookup")
    (anomaly,) = find_anomalies(world.table()).found
    assert anomaly.session_id == "s000005"
    assert anomaly.reason == "an odd order of actions: `refund` then `check`, which no other session does"


def test_nothing_is_far_out_among_few_sessions() -> None:
    world = TableSimulation(4, tasks=2)
    world.steps[0] = 900
    assert find_anomalies(world.table()).found == ()
