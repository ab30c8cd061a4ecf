"""BM25F ranking that explains itself (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).

A memory's score is the sum over query terms of ``idf × f (k1 + 1) / (f + k1 (1 - b + b × r))``, where
``idf = ln(1 + (N - n + 0.5) / (n + 0.5))`` for a term in ``n`` of ``N`` memories is never negative, ``f`` counts the
term and ``r`` is the length over the mean length. ``k1 = 0.9`` and ``b = 0.4``: found on one collection and tested on
nine others by Trotman, Puurula & Burgess, "Improvements to BM25 and Language Models Examined", 2014. Fields add up
inside ``f``, before it saturates: words of the path count :data:`PATH_WEIGHT` times as often as words of the content,
and words of a memory's neighbours in a series ``context_decay ** distance`` times.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

K1 = 0.9
B = 0.4
PATH_WEIGHT = 2
INDEX_VERSION = 2
"""Goes up when terms are counted in another way; older indexes are then made again."""

POSTING = np.dtype([("memory", "<u4"), ("occurrences", "<u2"), ("length", "<u2")])
"""That a memory, by its number in the index, holds a term so often, and how many terms occur in it.

Counts beyond :data:`MOST_OCCURRENCES` are cut to it.
"""
MOST_OCCURRENCES = 65_535

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Postings = npt.NDArray[np.void]
"""Records of type :data:`POSTING`, by ascending number."""
Words = Mapping[str, Sequence[str]]
"""The words of a text, by the stemmer that they go through."""
Terms = Mapping[str, Mapping[str, Sequence[str]]]
"""By stemmer, the terms that each word is indexed as; words of a stemmer that is not named are terms themselves."""

_WORD = re.compile(r"[^\W_]+")
# Longer runs of letters and digits are encoded data, and the index takes terms of at most some 2,700 bytes.
MAX_WORD_CHARACTERS = 64


class QueryTerm(msgspec.Struct, frozen=True):
    """A word looked for."""

    stem: str
    """The first of its terms."""
    word: str
    """As the query wrote it."""
    idf: float


@dataclass(frozen=True)
class Links:
    """Which rows count towards which: ``rows[i]`` takes ``weights[i]`` of ``others[i]``."""

    rows: Integers
    others: Integers
    weights: Floats

    def spread(self, values: Floats) -> Floats:
        """``values`` with each row's share of the others added; the last axis runs over rows."""
        total = values.copy()
        np.add.at(total.T, self.rows, (values[..., self.others] * self.weights).T)
        return total


def words_of(text: str) -> list[str]:
    """The words to be stemmed: lower-case runs of letters and digits, in text order."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    words: list[str] = _WORD.findall(plain.lower())
    return [word for word in words if len(word) <= MAX_WORD_CHARACTERS]


def count_terms(path_words: Words, content_words: Words, terms: Terms) -> Counter[str]:
    """How often a memory with these words holds each term; words that ``terms`` lacks are stop words."""
    counts: Counter[str] = Counter()
    for weight, words in ((PATH_WEIGHT, path_words), (1, content_words)):
        for stemmer, found in words.items():
            terms_of = terms.get(stemmer)
            for word, times in Counter(found).items():
                for term in (word,) if terms_of is None else terms_of.get(word, ()):
                    counts[term] += weight * times
    return counts


def merge_postings(parts: Sequence[Postings]) -> Postings:
    """The memories that hold any of some terms of one word, each as often as it holds the one it holds most."""
    if len(parts) == 1:
        return parts[0]
    joined = np.concatenate(parts)
    joined = joined[np.lexsort((-joined["occurrences"].astype(np.int64), joined["memory"]))]
    first = np.ones(len(joined), bool)
    first[1:] = joined["memory"][1:] != joined["memory"][:-1]
    return joined[first]


def inverse_document_frequency(memories: int, holding: int) -> float:
    """How telling a term is that ``holding`` of ``memories`` hold."""
    return math.log(1 + (memories - holding + 0.5) / (holding + 0.5))


def best_by_words(terms: Sequence[tuple[QueryTerm, Postings]], mean_length: float, limit: int) -> Integers:
    """Numbers of the ``limit`` memories with the highest score of their own words, in no order.

    Exact but for ties at the very end of the list, of which those indexed first enter.
    """
    size = max((int(postings["memory"][-1]) + 1 for _, postings in terms if len(postings)), default=0)
    scores = np.zeros(size)
    for term, postings in terms:
        occurrences = postings["occurrences"].astype(np.float64)
        scores[postings["memory"]] += _contribution(term.idf, occurrences, postings["length"] / mean_length)
    found: Integers = np.flatnonzero(scores)
    if len(found) <= limit:
        return found
    worst = np.partition(scores[found], len(found) - limit)[len(found) - limit]
    above, equal = found[scores[found] > worst], found[scores[found] == worst]
    return np.concatenate([above, equal[: limit - len(above)]])


def contributions_in_context(
    terms: Sequence[tuple[QueryTerm, Postings]], numbers: Integers, lengths: Floats, mean_length: float, links: Links
) -> Floats:
    """What each term adds to each memory's score, its neighbours' words included; terms × memories.

    ``numbers`` and ``lengths`` describe the memories; the length of a memory with neighbours is weighed with theirs.
    """
    lengths = links.spread(lengths) / (mean_length * links.spread(np.ones(len(numbers))))
    occurrences = np.array([_occurrences(postings, numbers) for _, postings in terms]).reshape(len(terms), len(numbers))
    idf = np.array([[term.idf] for term, _ in terms]).reshape(len(terms), 1)
    return _contribution(idf, links.spread(occurrences), lengths)


def unanswered(weight: float, best: float) -> float:
    """How much of a query's weight the best memory by words leaves open; never less than a twentieth of it."""
    return max(weight - best, weight / 20)


def likeness(query: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]) -> Floats:
    """Inner products with the query, stretched to 0 (the least alike) … 1 (the most alike)."""
    products = (vectors @ query).astype(np.float64)
    if not len(products) or np.ptp(products) == 0:
        return np.zeros(len(products))
    stretched: Floats = (products - products.min()) / np.ptp(products)
    return stretched


def _contribution(idf: float | Floats, occurrences: Floats, length: Floats) -> Floats:
    gain: Floats = idf * occurrences * (K1 + 1) / (occurrences + K1 * (1 - B + B * length))
    return gain


def _occurrences(postings: Postings, numbers: Integers) -> Floats:
    found = np.zeros(len(numbers))
    if len(postings):
        places = np.minimum(np.searchsorted(postings["memory"], numbers), len(postings) - 1)
        hit = postings["memory"][places] == numbers
        found[hit] = postings["occurrences"][places[hit]]
    return found
