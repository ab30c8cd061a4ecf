import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.memory.rank import (
    Posting,
    QueryTerm,
    Ranking,
    count_terms,
    inverse_document_frequency,
    words_of,
)

CORPORA = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5)), min_size=1, max_size=30)


def postings(corpus: list[dict[str, int]], term: str) -> list[Posting]:
    return [
        Posting(f"mem_{number:02}", counts[term], sum(counts.values()))
        for number, counts in enumerate(corpus)
        if term in counts
    ]


def rank(corpus: list[dict[str, int]], query: str, limit: int, *, prune: bool) -> Ranking:
    mean_length = max(sum(sum(counts.values()) for counts in corpus) / len(corpus), 1)
    terms = [
        QueryTerm(term, term, inverse_document_frequency(len(corpus), len(postings(corpus, term)))) for term in query
    ]
    ranking = Ranking(terms, mean_length=mean_length, limit=limit)
    for term in ranking.terms:
        contenders = ranking.contenders() if prune else None
        found = postings(corpus, term.stem)
        ranking.add(term, [posting for posting in found if contenders is None or posting.memory_id in contenders])
    return ranking


def test_a_score_is_the_published_formula() -> None:
    ranking = rank([{"a": 2, "b": 2}, {"a": 1, "c": 1}, {"c": 3}], "ab", 1, prune=False)
    frequency_part = 2 * 1.9 / (2 + 0.9 * (0.6 + 0.4 * 4 / 3))
    expected = {"a": math.log(1 + 1.5 / 2.5) * frequency_part, "b": math.log(1 + 2.5 / 1.5) * frequency_part}
    assert ranking.best() == {"mem_00": pytest.approx(sum(expected.values()))}
    assert {reason.term: reason.contribution for reason in ranking.reasons("mem_00")} == pytest.approx(expected)


@given(CORPORA, st.integers(1, 5))
def test_reading_only_the_contenders_postings_gives_the_same_best(corpus: list[dict[str, int]], limit: int) -> None:
    assert rank(corpus, "abcdef", limit, prune=True).best() == rank(corpus, "abcdef", limit, prune=False).best()


def test_memories_that_equal_the_last_of_the_best_are_among_the_best() -> None:
    ranking = rank([{"a": 1}, {"a": 2}, {"a": 1}, {"b": 1}], "a", 2, prune=True)
    assert ranking.best().keys() == {"mem_00", "mem_01", "mem_02"}


def test_common_terms_are_read_for_the_contenders_only() -> None:
    ranking = Ranking([QueryTerm("the", "the", 0.1), QueryTerm("refund", "refund", 5.0)], mean_length=10, limit=1)
    assert ranking.contenders() is None
    ranking.add(ranking.terms[0], [Posting("mem_1", 2, 10), Posting("mem_2", 1, 90)])
    assert ranking.contenders() == ["mem_1"]


@given(CORPORA)
def test_reasons_sum_to_the_score_and_come_weightiest_first(corpus: list[dict[str, int]]) -> None:
    ranking = rank(corpus, "abcdef", 10, prune=True)
    for memory_id, score in ranking.best().items():
        contributions = [reason.contribution for reason in ranking.reasons(memory_id)]
        assert sum(contributions) == pytest.approx(score)
        assert contributions == sorted(contributions, reverse=True)


def test_words_split_at_everything_but_letters_and_digits() -> None:
    text = "Order #W2378156: get_user.membership=“gold” ﬁne/café " + "x" * 65
    assert list(words_of(text)) == ["order", "w2378156", "get", "user", "membership", "gold", "fine", "café"]


def test_words_of_the_path_count_double_and_stop_words_not_at_all() -> None:
    stems: Mapping[str, str] = {"refunds": "refund", "refund": "refund", "policy": "polici"}
    counts = count_terms("/policy/refunds.md", "The refund of refunds", stems)
    assert counts == {"refund": 4, "polici": 2}
