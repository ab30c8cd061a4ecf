"""Shares, rates and paired differences against published and hand-worked figures."""

import pytest
from evaluation.measures import clustered_share, paired_difference, poisson_rate, wilson
from hypothesis import given
from hypothesis import strategies as st


def test_ten_of_ten_has_the_exact_interval() -> None:
    share = clustered_share([(1, 1)] * 10)
    assert (share.value, share.high) == (1.0, 1.0)
    assert share.low == pytest.approx(0.6915, abs=1e-4)


def test_lessons_that_fail_together_widen_the_interval() -> None:
    apart = clustered_share([(9, 10)] * 10)
    together = clustered_share([(10, 10)] * 9 + [(0, 10)])
    assert apart.value == together.value == 0.9
    assert apart.low is not None
    assert together.low is not None
    assert together.low < apart.low - 0.1


def test_a_share_of_nothing_is_unknown() -> None:
    assert clustered_share([(0, 0)]).value is None


def test_nothing_in_sixty_worlds_allows_for_six_in_a_hundred() -> None:
    rate = poisson_rate(0, 60)
    assert rate.low == 0.0
    assert rate.high == pytest.approx(3.689 / 60, abs=1e-4)


def test_a_rate_needs_units() -> None:
    with pytest.raises(ValueError, match="at least one unit"):
        poisson_rate(0, 0)


def test_newcombes_own_example_comes_out() -> None:
    """Newcombe 1998, table III, (36, 12, 2, 0): 0.2 with limits 0.0569 and 0.3404 by method 10."""
    first = [True] * 48 + [False] * 2
    second = [True] * 36 + [False] * 12 + [True] * 2
    gain = paired_difference(first, second)
    assert gain.difference == pytest.approx(0.2)
    assert gain.low == pytest.approx(0.0569, abs=1e-3)
    assert gain.high == pytest.approx(0.3404, abs=1e-3)


def test_discordant_pairs_decide_the_mid_p() -> None:
    gain = paired_difference([True] * 5 + [False], [False] * 5 + [True])
    assert gain.p_value == pytest.approx(2 * (1 / 64 + 6 / 64 / 2))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_exchanging_the_arms_turns_the_difference_round(pairs: list[tuple[bool, bool]]) -> None:
    there = paired_difference([a for a, _ in pairs], [b for _, b in pairs])
    back = paired_difference([b for _, b in pairs], [a for a, _ in pairs])
    assert there.low <= there.difference <= there.high
    assert there.low == pytest.approx(-back.high)
    assert there.high == pytest.approx(-back.low)
    assert there.p_value == back.p_value


@given(whole=st.integers(1, 500), data=st.data())
def test_a_share_lies_in_its_interval(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    low, high = wilson(part, whole)
    assert -1e-9 <= low <= part / whole + 1e-9
    assert part / whole - 1e-9 <= high <= 1 + 1e-9
