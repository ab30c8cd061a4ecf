"""Confidence sequences of effects agree with an independent implementation, and are never narrow by luck."""

import numpy as np
import pytest
import ville
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.confidence_sequence import confidence_sequence, half_width, mixture_precision


@pytest.mark.parametrize(("alpha", "tightest_at"), [(0.05, 400), (0.05, 50), (0.01, 1_000), (0.5, 7), (0.9, 100)])
def test_the_boundary_agrees_with_an_independent_implementation(alpha: float, tightest_at: int) -> None:
    phis = np.random.default_rng(0).normal(0, 0.8, 1_500)
    theirs = ville.AsymptoticCS(alpha=alpha, t_opt=tightest_at, min_samples=2)
    assert mixture_precision(alpha, tightest_at) == pytest.approx(theirs.rho_, rel=1e-4)
    theirs.rho_ = mixture_precision(alpha, tightest_at)  # theirs is found by search, to six digits
    widths = theirs.fit(phis).upper_ - theirs.estimate_
    ours = [half_width(n, float(phis[:n].var(ddof=1)), alpha, tightest_at) for n in (2, 10, 400, 1_500)]
    assert ours == pytest.approx(widths[[1, 9, 399, 1_499]].tolist(), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_no_other_precision_is_narrower_where_it_is_to_be_narrowest(alpha: float) -> None:
    widths = [half_width(400, 1.0, alpha, other) for other in (300, 380, 400, 420, 500)]
    assert min(widths) == widths[2]


def test_it_is_the_running_mean_and_the_boundary_of_the_scores_and_one_more() -> None:
    phis = np.random.default_rng(1).normal(-0.15, 0.8, 600)
    variance = (phis.var() * 600 + 1) / 600
    low, high = confidence_sequence(600, phis.sum(), (phis**2).sum())
    assert (low + high) / 2 == pytest.approx(phis.mean())
    assert (high - low) / 2 == pytest.approx(half_width(600, variance, 0.05, 400))


@given(st.lists(st.floats(-10, 10), max_size=50))
def test_ends_are_in_order_and_within_what_effects_can_be(phis: list[float]) -> None:
    low, high = confidence_sequence(len(phis), sum(phis), sum(phi * phi for phi in phis))
    assert -1 <= low <= high <= 1


def test_little_is_known_of_little() -> None:
    assert confidence_sequence(0, 0.0, 0.0) == (-1, 1)
    assert confidence_sequence(1, 0.5, 0.25) == (-1, 1)
    assert confidence_sequence(2, 0.2, 0.02) == (-1, 1)


def test_scores_that_are_all_equal_do_not_make_a_certainty() -> None:
    low, high = confidence_sequence(30, 0.0, 0.0)
    assert low == -high
    assert high == pytest.approx(0.137, abs=0.001)


@pytest.mark.parametrize(("alpha", "tightest_at"), [(0.0, 400), (1.0, 400), (0.05, 0)])
def test_levels_and_sizes_that_cannot_be_are_refused(alpha: float, tightest_at: int) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        confidence_sequence(10, 0.0, 1.0, alpha, tightest_at)
