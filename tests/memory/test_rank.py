import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.memory.rank import (
    POSTING,
    Floats,
    Links,
    Postings,
    QueryTerm,
    best_by_words,
    contributions_in_context,
    count_terms,
    inverse_document_frequency,
    likeness,
    words_of,
)

Corpus = list[dict[str, int]]
CORPORA = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5)), min_size=1, max_size=30)
NO_LINKS = Links(np.array([], int), np.array([], int), np.array([]))


def terms_of(corpus: Corpus, query: str) -> list[tuple[QueryTerm, Postings]]:
    terms = []
    for term in query:
        held = [(n, counts[term], sum(counts.values())) for n, counts in enumerate(corpus) if term in counts]
        idf = inverse_document_frequency(len(corpus), len(held))
        terms.append((QueryTerm(term, term, idf), np.array(held, POSTING)))
    return terms


def contributions(corpus: Corpus, query: str, links: Links = NO_LINKS) -> Floats:
    lengths = np.array([sum(counts.values()) for counts in corpus], float)
    mean = max(float(lengths.mean()), 1.0)
    return contributions_in_context(terms_of(corpus, query), np.arange(len(corpus)), lengths, mean, links)


def test_a_score_is_the_published_formula() -> None:
    found = contributions([{"a": 2, "b": 2}, {"a": 1, "c": 1}, {"c": 3}], "ab")
    frequency_part = 2 * 1.9 / (2 + 0.9 * (0.6 + 0.4 * 4 / 3))
    assert found[:, 0] == pytest.approx([math.log(1 + 1.5 / 2.5) * frequency_part, math.log(8 / 3) * frequency_part])
    assert found[0, 2] == found[1, 1] == 0


@given(CORPORA, st.integers(1, 5))
def test_the_candidates_are_the_best_of_the_full_ranking(corpus: Corpus, limit: int) -> None:
    scores = contributions(corpus, "abc").sum(axis=0)
    mean = max(sum(sum(counts.values()) for counts in corpus) / len(corpus), 1.0)
    found = best_by_words(terms_of(corpus, "abc"), mean, limit)
    assert len(set(found.tolist())) == len(found) == min(limit, np.count_nonzero(scores))
    assert np.sort(scores[found]) == pytest.approx(np.sort(scores)[len(scores) - len(found) :])


def test_a_neighbour_s_words_count_by_their_weight_and_so_does_its_length() -> None:
    corpus = [{"a": 2}, {"b": 1}, {"b": 1}]
    links = Links(np.array([1]), np.array([0]), np.array([0.5]))
    found = contributions(corpus, "a", links)[0]
    length = (1 + 0.5 * 2) / (4 / 3 * 1.5)
    assert found[1] == pytest.approx(math.log(1 + 2.5 / 1.5) * 1.9 / (1 + 0.9 * (0.6 + 0.4 * length)))
    assert found[0] > found[1] > found[2] == 0


def test_a_query_of_unknown_words_has_no_candidates() -> None:
    assert best_by_words([], 1.0, 5).tolist() == []
    assert contributions([{"a": 1}], "").shape == (0, 1)


def test_likeness_runs_from_the_least_alike_to_the_most() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    assert likeness(vectors[0], vectors) == pytest.approx([1, 0, 0.6])
    assert likeness(vectors[0], vectors[:1]).tolist() == [0]


def test_words_split_at_everything_but_letters_and_digits() -> None:
    text = "Order #W2378156: get_user.membership=“gold” ﬁne/café " + "x" * 65
    assert words_of(text) == ["order", "w2378156", "get", "user", "membership", "gold", "fine", "café"]


def test_words_of_the_path_count_double_and_stop_words_not_at_all() -> None:
    stems = {"english": {"refunds": ["refund"], "refund": ["refund"], "policy": ["polici"]}}
    path, content = {"english": words_of("/policy/refunds.md")}, {"english": words_of("The refund of refunds")}
    counts = count_terms(path, content, stems)
    assert counts == {"refund": 4, "polici": 2}
