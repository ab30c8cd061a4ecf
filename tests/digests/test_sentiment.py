"""Sentiment by VADER's lexicon and rules, held against the package it comes from."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from reverie.digests.sentiment import compound, read_lexicon, sentiment_of

_LITTLE_WORDS = "no or nor never so this without doubt least at very but kind of the it table"
ANALYSER = SentimentIntensityAnalyzer()


def _shaped(word: str, shape: str, mark: str) -> str:
    return {"": word, "upper": word.upper(), "capitalize": word.capitalize()}[shape] + mark


@cache
def words() -> st.SearchStrategy[str]:
    """Words that the rules are about, in small letters, capitals, and beside punctuation."""
    lexicon = read_lexicon()
    plain = st.one_of(
        st.sampled_from(sorted(lexicon.valence)),
        st.sampled_from(sorted(lexicon.emphasis)),
        st.sampled_from(sorted(lexicon.negations)),
        st.sampled_from(sorted(lexicon.phrases)),
        st.sampled_from(sorted(lexicon.emoji)),
        st.sampled_from(tuple(_LITTLE_WORDS.split())),
        st.text(max_size=4),
    )
    shape = st.sampled_from(("", "", "upper", "capitalize"))
    return st.tuples(plain, shape, st.sampled_from(("", "", "!", "??", ".", ","))).map(lambda x: _shaped(*x))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_text_has_the_score_that_the_original_gives_it(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from((" ", "  ", ""))).join(data.draw(st.lists(words(), max_size=12)))
    assert compound(text) == ANALYSER.polarity_scores(text)["compound"]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("VADER is smart, handsome, and funny!", 0.8439),
        ("At least it isn't a horrible book.", 0.431),
        ("Today SUX!", -0.5461),
        ("The error is not fixed 😡", -0.4019),
        ("The table.", 0.0),
    ],
)
def test_sentences_have_their_known_scores(text: str, score: float) -> None:
    assert sentiment_of(text) == score


def test_a_message_without_text_has_no_sentiment() -> None:
    assert sentiment_of(" \n") is None
