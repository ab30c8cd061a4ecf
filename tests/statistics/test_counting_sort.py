"""Sorting and counting by small codes give what sorting by comparison gives."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.corpus import a_stratum_each_first, stable_order
from reverie.statistics.estimate import Design, estimate, make_design

CODES = st.lists(st.integers(0, 40), max_size=60)


@given(CODES, st.sampled_from([41, 2**16, 2**16 + 1]))
def test_equal_codes_stay_in_their_order(codes: list[int], size: int) -> None:
    array = np.array(codes, np.int32)
    assert stable_order(array, size).tolist() == sorted(range(len(codes)), key=lambda i: codes[i])


@given(CODES)
def test_the_first_of_each_stratum_comes_before_the_others(codes: list[int]) -> None:
    first = [i for i, code in enumerate(codes) if code not in codes[:i]]
    others = [i for i in range(len(codes)) if i not in first]
    assert a_stratum_each_first(np.array(codes, np.int32)).tolist() == first + others


def design(strata: int, columns: int, seed: int) -> Design:
    """Two hundred sessions, each of which showed one in three behaviours; the more columns, the emptier the table."""
    generator = np.random.default_rng(seed)
    stratum = generator.integers(0, strata, 200).astype(np.int32)
    row, column = np.nonzero(generator.random((200, 4)) < 0.3)
    column = column * (columns // 4)
    zeros = np.zeros(200, np.int32)
    return make_design(np.arange(200), stratum, zeros, row.astype(np.int32), column.astype(np.int32), columns)


@given(st.sampled_from([5, 50]), st.sampled_from([4, 4_000]), st.integers(0, 1_000))
def test_cells_are_those_in_which_a_behaviour_was_shown(strata: int, columns: int, seed: int) -> None:
    made = design(strata, columns, seed)
    key = made.entry_column.astype(np.int64) * made.strata + made.stratum[made.entry_row]
    cells, cell, counts = np.unique(key, return_inverse=True, return_counts=True)
    assert made.cell.tolist() == cell.tolist()
    assert (made.cell_column.astype(np.int64) * made.strata + made.cell_stratum).tolist() == cells.tolist()
    assert made.cell_with.tolist() == counts.tolist()


@given(st.booleans(), st.integers(0, 1_000))
def test_a_balanced_design_estimates_the_same(binary: bool, seed: int) -> None:
    made = design(20, 4, seed)
    rewards = np.random.default_rng(seed).random(200)
    rewards = (rewards < 0.5).astype(np.float64) if binary else rewards
    once, often = estimate(made, rewards), estimate(made.balanced(), rewards)
    for name in type(once).__dataclass_fields__:
        np.testing.assert_array_equal(getattr(once, name), getattr(often, name))
