"""Closed sequences against the definition, by brute force."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.overview.sequence import closed_sequences

databases = st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=7)


def occurs(pattern: tuple[int, ...], sequence: list[int]) -> bool:
    places = iter(sequence)
    return all(item in places for item in pattern)


def closed_by_definition(sequences: list[list[int]], least: int) -> dict[tuple[int, ...], int]:
    """Every subsequence with enough support that no longer one matches."""
    subsequences = {
        tuple(sequence[i] for i in places)
        for sequence in sequences
        for length in range(1, len(sequence) + 1)
        for places in combinations(range(len(sequence)), length)
    }
    support = {pattern: sum(occurs(pattern, s) for s in sequences) for pattern in subsequences}
    return {
        pattern: count
        for pattern, count in support.items()
        if count >= least
        and not any(
            support[other] == count and len(other) > len(pattern) and occurs(pattern, list(other)) for other in support
        )
    }


@settings(max_examples=150, deadline=None)
@given(databases, st.integers(1, 3))
def test_exactly_the_closed_sequences_are_found(sequences: list[list[int]], least: int) -> None:
    found = closed_sequences(sequences, items=4, least=least, longest=9, budget=100_000)
    assert found is not None
    assert dict(found) == closed_by_definition(sequences, least)
    assert len(found) == len(dict(found))


def test_too_large_a_search_is_given_up() -> None:
    assert closed_sequences([[0, 1, 2, 3]] * 3, items=4, least=1, longest=4, budget=2) is None


def test_items_that_are_not_listed_match_nothing() -> None:
    assert closed_sequences([[-1, 0, -1]] * 2, items=1, least=2, longest=4, budget=10) == [((0,), 2)]
