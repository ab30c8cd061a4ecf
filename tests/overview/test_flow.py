"""Flows of good sessions."""

import numpy as np

from reverie.overview.flow import END, find_flows

from .simulated_table import TableSimulation


def desk(seed: int, effect: float) -> TableSimulation:
    """Sessions look up and act; half of them check the policy in between, which has the ``effect``."""
    world = TableSimulation(seed)
    checks = world.coin(0.5)
    world.cause(checks, effect)
    for session in range(world.size):
        middle = ["check_policy"] if checks[session] else []
        apology = ["send_note"] if world.generator.random() < 0.3 else []
        world.act(session, "lookup", *middle, "lookup", "lookup", "refund", *apology)
    return world


def actions(flow: object) -> list[str]:
    return [step.action for step in flow.steps]  # type: ignore[attr-defined]


def test_the_steps_that_good_sessions_take_in_order_are_a_template() -> None:
    table = desk(1, 0.35).table()
    flows = find_flows(table)
    best = flows[0]
    assert "check_policy" in actions(best)
    assert best.helps
    assert best.effect is not None
    assert best.effect.low < 0.35 < best.effect.high
    assert best.share_of_good > best.share_of_others
    positions = [int(session_id[1:]) for session_id in best.example_session_ids]
    assert (table.reward[positions] == 1).all()


def test_each_step_says_what_came_next_and_how_often() -> None:
    flows = find_flows(desk(2, 0.3).table())
    whole = next(flow for flow in flows if actions(flow)[-1] == "refund")
    last = whole.steps[-1]
    assert {branch.action for branch in last.next} == {END, "send_note"}
    assert abs(sum(branch.share for branch in last.next) - 1) < 1e-9
    assert all(a.reached >= b.reached for a, b in zip(whole.steps, whole.steps[1:], strict=False))


def test_a_flow_without_effect_is_described_but_does_not_help() -> None:
    helpful = [flow for seed in range(10) for flow in find_flows(desk(seed, 0.0).table()) if flow.helps]
    assert len(helpful) <= 1


def test_what_goes_with_easy_tasks_does_not_help() -> None:
    world = TableSimulation(3)
    checks = world.coin(np.where(world.difficulty[world.task] > 0.5, 0.9, 0.1))
    for session in range(world.size):
        world.act(session, "lookup", *(["check_policy"] if checks[session] else []), "refund")
    flows = [flow for flow in find_flows(world.table()) if "check_policy" in actions(flow)]
    assert flows
    assert flows[0].share_of_good > flows[0].share_of_others + 0.05
    assert not any(flow.helps for flow in flows)


def test_sessions_without_actions_have_no_flows() -> None:
    assert find_flows(TableSimulation(4).table()) == ()
