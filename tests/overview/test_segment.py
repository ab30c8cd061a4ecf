"""Segments that do worse, and how often the agent falls back in them."""

import numpy as np

from reverie.overview.segment import fallback_rates, weak_segments

from .simulated_table import TableSimulation


def test_a_segment_that_fails_more_is_found_with_its_share_of_the_failures() -> None:
    world = TableSimulation(1, tasks=80)
    weak = world.task % 4 == 2
    world.cause(weak, -0.25)
    table = world.table()
    (segment,) = weak_segments(table)
    assert (segment.kind, segment.label, segment.size) == ("category", "category 2", int(weak.sum()))
    assert segment.low < -0.25 < segment.high < 0
    assert segment.failures == int((table.reward[weak] == 0).sum())
    assert segment.share_of_failures > 0.3
    assert segment.reward.low < segment.reward.value < segment.reward.high
    positions = [int(session_id[1:]) for session_id in segment.example_session_ids]
    assert weak[positions].all()
    assert (table.reward[positions] == 0).all()


def test_no_segment_is_weak_when_only_tasks_differ() -> None:
    found = sum(len(weak_segments(TableSimulation(seed, tasks=40).table())) for seed in range(20))
    assert found <= 3


def test_a_category_served_by_a_weak_variant_is_not_itself_weak() -> None:
    world = TableSimulation(3, tasks=200, per_task=10)
    served = world.coin(np.where(world.task % 4 == 1, 0.9, 0.1))
    world.variant = ["weak" if w else "strong" for w in served]
    world.cause(served, -0.3)
    segments = weak_segments(world.table())
    assert [(s.kind, s.label) for s in segments] == [("variant", "weak")]


def test_a_segment_of_few_tasks_is_not_judged() -> None:
    world = TableSimulation(4, tasks=12, per_task=40)
    world.cause(world.task % 4 == 0, -0.3)
    assert weak_segments(world.table()) == ()


def test_themes_are_segments_too() -> None:
    world = TableSimulation(5, tasks=80)
    refund = world.task % 3 == 0
    world.cause(refund, -0.3)
    themes = ["refund" if r else "other" for r in refund]
    (segment,) = weak_segments(world.table(), themes)
    assert (segment.kind, segment.label) == ("theme", "refund")


def test_fallbacks_are_counted_by_segment_and_the_unusual_come_first() -> None:
    world = TableSimulation(6, tasks=80)
    world.count(fallbacks=world.coin(np.where(world.task % 4 == 3, 0.4, 0.1)))
    rates = fallback_rates(world.table())
    assert (rates[0].label, rates[0].q_value < 0.05) == ("category 3", True)
    assert rates[0].rate.low < 0.4 < rates[0].rate.high
    assert all(rate.q_value > 0.05 or rate.difference < 0 for rate in rates[1:])


def test_an_agent_that_never_falls_back_has_no_rates() -> None:
    world = TableSimulation(8)
    world.count(fallbacks=np.zeros(world.size))
    assert fallback_rates(world.table()) == ()


def test_without_scores_no_segment_is_weak() -> None:
    world = TableSimulation(7)
    assert weak_segments(world.table(reward=np.full(world.size, np.nan))) == ()


def test_segments_of_the_same_sessions_are_one_under_the_name_that_people_gave_it() -> None:
    world = TableSimulation(9, tasks=80)
    world.cause(world.task % 4 == 2, -0.25)
    themes = [f"theme {label}" for label in world.category]
    (segment,) = weak_segments(world.table(), themes)
    assert (segment.kind, segment.label, segment.also) == ("category", "category 2", ("theme:theme category 2",))
