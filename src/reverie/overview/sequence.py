"""Closed frequent sequences: orders of actions that many sessions share and that no longer order explains.

BIDE (Wang & Han 2004): patterns grow item by item over first matches; one is closed when no item can be put before,
between or behind its items in every sequence that has it, and a branch is left when such an item comes before its first
match in all of them (BackScan). Matching looks positions up in two tables, so a step costs one array operation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reverie.statistics.corpus import Codes, Flags, Ints

Items = Sequence[int]


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """Positions by sequence s, place p and item a."""

    following: Codes
    """The first place ≥ p with a; ``nowhere`` when there is none."""
    preceding: Codes
    """The last place < p with a; −1 when there is none."""
    counts: Codes
    """How many a there are before p."""
    length: Codes
    nowhere: int


def closed_sequences(
    sequences: Sequence[Items], *, items: int, least: int, longest: int, budget: int
) -> list[tuple[tuple[int, ...], int]] | None:
    """Closed sequences with their support (in how many ``sequences`` they occur), in a fixed order.

    None when ``budget`` was not enough to look at all that are frequent.

    Args:
        sequences: items from 0 to ``items`` − 1; others match nothing.
        least: the smallest support.
        longest: the most items of a pattern; those of just this length may have longer ones that are as frequent.
        budget: how many patterns are looked at, at most.
    """
    tables = _lay_out(sequences, items)
    everything = np.arange(len(sequences))
    found: list[tuple[tuple[int, ...], int]] = []
    waiting: list[tuple[tuple[int, ...], Ints, Codes]] = [((), everything, np.zeros((0, len(sequences)), np.int32))]
    looked = 0
    while waiting:
        pattern, rows, firsts = waiting.pop()
        looked += 1
        if looked > budget:
            return None
        if pattern and _extends_backwards(tables, pattern, rows, firsts, inside_first_match=True):
            continue
        after = firsts[-1] + 1 if pattern else np.zeros(len(rows), np.int32)
        nexts = tables.following[rows, after]
        support = (nexts < tables.nowhere).sum(axis=0)
        if len(pattern) < longest:
            for item in np.flatnonzero(support >= least)[::-1].tolist():
                has = nexts[:, item] < tables.nowhere
                waiting.append((
                    (*pattern, item), rows[has], np.vstack([firsts[:, has], nexts[has, item][None]])
                ))  # fmt: skip
        extends = len(pattern) < longest and bool((support == len(rows)).any())
        if pattern and not extends and not _extends_backwards(tables, pattern, rows, firsts, inside_first_match=False):
            found.append((pattern, len(rows)))
    return found


def _lay_out(sequences: Sequence[Items], items: int) -> _Tables:
    length = np.array([len(sequence) for sequence in sequences], np.int32)
    most = int(length.max(initial=0))
    present = np.zeros((len(sequences), most, items), np.bool_)
    for s, sequence in enumerate(sequences):
        for p, item in enumerate(sequence):
            if 0 <= item < items:
                present[s, p, item] = True
    shape = (len(sequences), most + 1, items)
    following, preceding = np.full(shape, most, np.int32), np.full(shape, -1, np.int32)
    counts = np.zeros(shape, np.int32)
    for p in range(most - 1, -1, -1):
        following[:, p] = np.where(present[:, p], p, following[:, p + 1])
    for p in range(most):
        preceding[:, p + 1] = np.where(present[:, p], p, preceding[:, p])
        counts[:, p + 1] = counts[:, p] + present[:, p]
    return _Tables(following, preceding, counts, length, most)


def _extends_backwards(tables: _Tables, pattern: Items, rows: Ints, firsts: Codes, *, inside_first_match: bool) -> bool:
    """Whether some item stands before one and the same item of the pattern in all rows.

    Looked for between the first match of the items before it and its own last place: within the first match of the
    whole pattern (then no continuation of it is closed either), or within the whole sequence.
    """
    end = firsts[-1] + 1 if inside_first_match else tables.length[rows]
    for i, last in _last_places(tables, pattern, rows, end):
        start = firsts[i - 1] + 1 if i else np.zeros(len(rows), np.int32)
        between: Flags = tables.counts[rows, np.maximum(last, start)] > tables.counts[rows, start]
        if between.all(axis=0).any():
            return True
    return False


def _last_places(tables: _Tables, pattern: Items, rows: Ints, end: Codes) -> Iterator[tuple[int, Codes]]:
    """For each item from the last to the first: the last place it can have when those behind it still fit."""
    for i in range(len(pattern) - 1, -1, -1):
        end = tables.preceding[rows, end, pattern[i]]
        yield i, end
