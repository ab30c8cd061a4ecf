"""Numbers for scores that are words, as in ``verdict=good:1,bad:0``."""

import math
from collections.abc import Mapping, Sequence

from reverie.errors import InputError

Words = Mapping[str, Mapping[str, float]]
"""By metric, then by the word in lower case."""
NO_WORDS: Words = {}


def split_score_options(texts: Sequence[str]) -> tuple[tuple[str, ...], dict[str, dict[str, float]]]:
    """What ``--score`` was given: the choices of fields (``NAME=FIELD``), and the numbers of words by metric.

    Raises:
        InputError: a word's number is none.
    """
    fields = []
    words: dict[str, dict[str, float]] = {}
    for text in texts:
        metric, separator, rest = text.partition("=")
        if separator and ":" in rest:
            words.setdefault(metric.strip(), {}).update(_numbers(text, rest))
        else:
            fields.append(text)
    return tuple(fields), words


def _numbers(text: str, rest: str) -> dict[str, float]:
    numbers = {}
    for pair in rest.split(","):
        word, _, number = pair.rpartition(":")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not word.strip() or not math.isfinite(value):
            raise InputError(f"--score {text}: {pair!r} is not WORD:NUMBER, as in verdict=good:1,bad:0")
        numbers[word.strip().casefold()] = value
    return numbers
