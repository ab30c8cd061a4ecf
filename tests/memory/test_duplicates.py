"""Which texts say the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.memory.duplicates import _jaccard, _sequences, near_duplicates

_words = st.sampled_from(["refund", "order", "ticket", "agent", "ask", "look", "wait"])
_texts = st.lists(st.lists(_words, max_size=14).map(" ".join), max_size=12)


@settings(deadline=None)
@given(_texts, st.sampled_from([0.2, 0.5, 0.6, 0.8, 0.9, 1.0]))
def test_the_index_finds_the_very_pairs_that_comparing_all_finds(texts: list[str], threshold: float) -> None:
    named = {f"/{place}": text for place, text in enumerate(texts)}
    sets = {key: _sequences(text) for key, text in named.items()}
    keys = list(named)
    expected = {
        (first, second)
        for place, second in enumerate(keys)
        for first in keys[:place]
        if sets[first] and sets[second] and _jaccard(sets[first], sets[second]) >= threshold
    }
    assert {(first, second) for first, second, _ in near_duplicates(named, threshold)} == expected
