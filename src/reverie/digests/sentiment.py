"""How a message feels, by a lexicon and rules: VADER (Hutto & Gilbert, ICWSM 2014), packaged, English."""

from functools import cache, lru_cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

_LONGEST = 1_000


def sentiment_of(message: str) -> float | None:
    """The compound sentiment in [-1, 1], -1 most negative, of the first 1,000 characters; None where there is no text.

    Cached by content. Words are judged one by one, so a report of an "error" counts as slightly negative.
    """
    text = message[:_LONGEST].strip()
    return _compound(text) if text else None


@lru_cache(maxsize=16_384)
def _compound(text: str) -> float:
    return float(_analyser().polarity_scores(text)["compound"])


@cache
def _analyser() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
