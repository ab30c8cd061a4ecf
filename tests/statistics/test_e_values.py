"""Discoveries among e-values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ville.evalues import ebh

from reverie.statistics.e_values import e_benjamini_hochberg


@pytest.mark.parametrize(
    ("e_values", "found"),
    [
        ([], []),
        ([10.0], [True]),
        ([9.9], [False]),
        ([40.0, 19.9, 0.0, 0.0], [True, False, False, False]),
        ([20.0, 20.0, 3.0, 0.0], [True, True, False, False]),
        ([0.0, 13.4, 1.0, 13.4, 13.4], [False, False, False, False, False]),
        ([0.0, 13.4, 13.4, 13.4], [False, True, True, True]),
        ([math.inf, 0.0], [True, False]),
    ],
)
def test_the_largest_are_found_if_enough_are_as_large(e_values: list[float], found: list[bool]) -> None:
    assert e_benjamini_hochberg(e_values, 0.1) == found


@given(st.lists(st.floats(0, 1_000), min_size=1, max_size=40), st.sampled_from([0.05, 0.13, 0.31]))
def test_it_agrees_with_an_independent_implementation(e_values: list[float], level: float) -> None:
    uneven = [e + 1e-7 * k for k, e in enumerate(e_values)]  # among equals theirs goes by position
    assert e_benjamini_hochberg(uneven, level) == ebh(np.array(uneven), level).tolist()


@given(st.lists(st.floats(0, 1_000), min_size=1, max_size=20), st.integers(0, 19), st.floats(1, 10))
def test_more_evidence_never_takes_a_discovery_away(e_values: list[float], which: int, factor: float) -> None:
    more = [e * factor if k == which else e for k, e in enumerate(e_values)]
    before, after = e_benjamini_hochberg(e_values, 0.1), e_benjamini_hochberg(more, 0.1)
    assert all(later for earlier, later in zip(before, after, strict=True) if earlier)


@pytest.mark.parametrize("e_value", [-1.0, math.nan])
def test_what_is_no_e_value_is_refused(e_value: float) -> None:
    with pytest.raises(ValueError, match="e-values are 0 or more"):
        e_benjamini_hochberg([1.0, e_value], 0.1)


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_what_is_no_rate_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        e_benjamini_hochberg([1.0], level)
