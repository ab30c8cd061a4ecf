"""Tails, quantiles and ranks, held against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reverie.statistics import distributions as ours

DEGREES = np.concatenate([np.arange(1.0, 60.0), [1.5, 2.7, 13.37, 99.9, 100.1, 1e3, 12345.6, 1e6]])
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_the_normal_tail_and_its_inverse_are_those_of_scipy() -> None:
    z = np.linspace(-37, 37, 1001)
    assert ours.normal_sf(z) == pytest.approx(stats.norm.sf(z), rel=1e-12, abs=0)
    tail = np.concatenate([np.logspace(-300, -1, 500), np.linspace(0.1, 1 - 1e-12, 500)])
    assert ours.normal_isf(tail) == pytest.approx(stats.norm.isf(tail), rel=1e-12, abs=1e-14)


def test_probabilities_of_0_and_1_and_none_have_an_answer() -> None:
    assert ours.normal_isf([0.0, 1.0]).tolist() == [np.inf, -np.inf]
    assert np.isnan(
        [ours.normal_isf(np.nan), ours.normal_sf(np.nan), ours.t_sf(np.nan, 3.0), ours.t_sf(1, np.nan)]
    ).all()


def test_tails_of_t_are_those_of_scipy_far_out_too() -> None:
    t = np.concatenate([[-30, -2, -0.1, 0], np.logspace(-6, 3, 200)])[:, None]
    expected = stats.t.sf(t, DEGREES)
    assert ours.t_sf(t, DEGREES) == pytest.approx(expected, rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("tail", [0.5, 0.25, 0.05, 0.025, 0.005, 1e-6])
def test_quantiles_of_t_are_those_of_scipy(tail: float) -> None:
    assert ours.t_isf(tail, DEGREES) == pytest.approx(stats.t.isf(tail, DEGREES), rel=1e-9, abs=1e-12)


@given(st.floats(0, 2000), st.integers(1, 300))
def test_tails_of_chi_squared_are_those_of_scipy(value: float, degrees: int) -> None:
    assert ours.chi2_sf(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-10, abs=1e-300)


@given(st.integers(1, 400), st.data())
def test_hypergeometric_probabilities_are_those_of_scipy(total: int, data: st.DataObject) -> None:
    successes, drawn = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    counts = np.arange(max(0, drawn + successes - total), min(drawn, successes) + 1)
    expected = stats.hypergeom.pmf(counts, total, successes, drawn)
    assert ours.hypergeometric_pmf(total, successes, drawn) == pytest.approx(expected, rel=1e-9, abs=1e-200)


@given(PROBABILITIES)
def test_false_discovery_rates_are_those_of_scipy(p_values: list[float]) -> None:
    assert ours.benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values), rel=1e-12)


def test_a_p_value_outside_of_0_to_1_is_an_error() -> None:
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        ours.benjamini_hochberg([0.5, np.nan])


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=40))
def test_ranks_and_their_correlation_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.float64).T
    assert (ours.average_ranks(first) == stats.rankdata(first)).all()
    if np.ptp(first) and np.ptp(second):
        assert ours.rank_correlation(first, second) == pytest.approx(
            stats.spearmanr(first, second).statistic, abs=1e-12
        )
