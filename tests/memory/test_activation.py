from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.memory.activation import RECENT_USES, UseTrace, activation, moments_strength, use_strength
from reverie.memory.memory import Tier
from reverie.memory.policy import SaliencePolicy
from reverie.memory.salience import certain_effect, impact, shown_tokens

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = SaliencePolicy()


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_strength_is_the_sum_of_ages_to_the_power_of_minus_the_decay() -> None:
    trace = UseTrace(2, days_ago(4), (days_ago(4), days_ago(1)))
    assert use_strength(trace, 0.5, NOW) == pytest.approx(4**-0.5 + 1)


def test_older_uses_count_as_if_spread_evenly() -> None:
    times = [days_ago(days) for days in range(100, 0, -1)]
    exact = moments_strength(times, 0.5, NOW)
    kept = UseTrace(len(times), times[0], tuple(times[-RECENT_USES:]))
    assert use_strength(kept, 0.5, NOW) == pytest.approx(exact, rel=0.01)


def test_many_uses_at_one_moment_are_all_counted() -> None:
    trace = UseTrace(25, days_ago(4), (days_ago(4),) * RECENT_USES)
    assert use_strength(trace, 0.5, NOW) == pytest.approx(25 / 2)


@given(st.lists(st.floats(0.1, 900), min_size=1, max_size=RECENT_USES), st.floats(0.1, 900))
def test_one_more_use_never_makes_a_memory_fainter(ages: list[float], more: float) -> None:
    def active(days: list[float]) -> float:
        recent = tuple(sorted(days_ago(day) for day in days))
        return activation("intermediate", days_ago(1_000), UseTrace(len(days), recent[0], recent), [], POLICY, NOW)

    assert 1 - POLICY.activation_weight <= active(ages) <= active([*ages, more]) <= 1


@pytest.mark.parametrize(("fainter", "clearer"), [("short", "intermediate"), ("intermediate", "long")])
def test_a_longer_tier_forgets_more_slowly(fainter: Tier, clearer: Tier) -> None:
    one, other = (activation(tier, days_ago(30), None, [], POLICY, NOW) for tier in (fainter, clearer))
    assert one < other


def test_a_confirmation_is_worth_several_recalls() -> None:
    recalled = activation("long", days_ago(300), UseTrace(1, days_ago(9), (days_ago(9),)), [], POLICY, NOW)
    assert activation("long", days_ago(300), None, [days_ago(9)], POLICY, NOW) > recalled


@pytest.mark.parametrize(("low", "high", "size"), [(0.1, 0.4, 0.1), (-0.4, -0.2, 0.2), (-0.1, 0.3, 0.0)])
def test_only_the_certain_part_of_an_effect_counts(low: float, high: float, size: float) -> None:
    assert certain_effect(low, high) == size
    assert impact(size, POLICY) == 1 + 0.5 * size


def test_tokens_are_quarters_of_bytes_rounded_up() -> None:
    assert [shown_tokens(size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]
