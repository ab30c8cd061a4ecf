"""Hand-offs between agents."""

import numpy as np

from reverie.overview.handoff import ANOTHER_AGENT, find_hand_offs

from .simulated_table import TableSimulation


def test_a_hand_off_has_its_effect_within_tasks() -> None:
    world = TableSimulation(1)
    billed, shipped = world.coin(0.4), world.coin(np.where(world.difficulty[world.task] > 0.5, 0.8, 0.1))
    world.cause(billed, -0.25)
    world.hand_offs = [(int(i), "main agent", "billing") for i in np.flatnonzero(billed)]
    world.hand_offs += [(int(i), "main agent", "shipping") for i in np.flatnonzero(shipped)]
    found = {h.taker: h for h in find_hand_offs(world.table())}
    harmful = found["billing"]
    assert harmful.effect is not None
    assert harmful.effect.low < -0.25 < harmful.effect.high < 0
    assert harmful.q_value is not None
    assert harmful.q_value < 0.01
    assert found["shipping"].q_value is not None
    assert found["shipping"].q_value > 0.05


def test_threads_named_by_a_number_are_another_agent() -> None:
    world = TableSimulation(2)
    world.hand_offs = [(i, "main agent", f"thread-{i}") for i in range(50)]
    (found,) = find_hand_offs(world.table())
    assert (found.giver, found.taker, found.sessions) == ("main agent", ANOTHER_AGENT, 50)


def test_one_agent_alone_hands_nothing_on() -> None:
    assert find_hand_offs(TableSimulation(3).table()) == ()
