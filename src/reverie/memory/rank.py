"""BM25 ranking that explains itself (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).

A memory's score is the sum over query terms of ``idf × f (k1 + 1) / (f + k1 (1 - b + b × length / mean length))``,
where ``idf = ln(1 + (N - n + 0.5) / (n + 0.5))`` for a term in ``n`` of ``N`` memories is never negative. ``k1 = 0.9``
and ``b = 0.4``: found on one collection and tested on nine others by Trotman, Puurula & Burgess, "Improvements to BM25
and Language Models Examined", 2014. Words of the path count :data:`PATH_WEIGHT` times as often as words of the
content: the simple BM25F of the first paper.
"""

import heapq
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

K1 = 0.9
B = 0.4
PATH_WEIGHT = 2

_WORD = re.compile(r"[^\W_]+")
# Longer runs of letters and digits are encoded data, and the index takes terms of at most some 2,700 bytes.
_MAX_WORD_CHARACTERS = 64


class QueryTerm(msgspec.Struct, frozen=True):
    """A stem looked for."""

    stem: str
    word: str
    """As the query wrote it."""
    idf: float

    @property
    def ceiling(self) -> float:
        """The most that the term can add to any memory's score."""
        return self.idf * (K1 + 1)


class Posting(msgspec.Struct, frozen=True):
    """That a memory holds a term."""

    memory_id: str
    occurrences: int
    memory_length: int
    """Occurrences of all terms in the memory."""


class Reason(msgspec.Struct, frozen=True):
    """What one word of the query added to a score."""

    term: str
    contribution: float


class RecallHit(msgspec.Struct, frozen=True):
    """A memory that suits a query, and the reasons that sum to its score, weightiest first."""

    path: str
    memory_id: str
    score: float
    reasons: tuple[Reason, ...]
    snippet: str
    """The passage where the query's words stand closest."""


def words_of(text: str) -> Iterator[str]:
    """The words to be stemmed: lower-case runs of letters and digits, in text order."""
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).lower()):
        if len(match.group()) <= _MAX_WORD_CHARACTERS:
            yield match.group()


def count_terms(path: str, content: str, stems: Mapping[str, str]) -> Counter[str]:
    """How often a memory holds each term; words that ``stems`` lacks are stop words."""
    counts = Counter(stems[word] for word in words_of(content) if word in stems)
    for word in words_of(path):
        if word in stems:
            counts[stems[word]] += PATH_WEIGHT
    return counts


def inverse_document_frequency(memories: int, holding: int) -> float:
    """How telling a term is that ``holding`` of ``memories`` hold."""
    return math.log(1 + (memories - holding + 0.5) / (holding + 0.5))


class Ranking:
    """Scores that grow as postings are added, best terms first.

    Once the ``limit`` best memories score above all that the terms not yet added could give, no other memory can
    enter (MaxScore; Turtle & Flood, "Query evaluation: strategies and optimizations", 1995). The postings of the
    common terms, by far the longest, then need to be read for the :meth:`contenders` only.
    """

    def __init__(self, terms: Sequence[QueryTerm], *, mean_length: float, limit: int) -> None:
        self.terms = sorted(terms, key=lambda term: (-term.idf, term.stem))
        self._mean_length = mean_length
        self._limit = limit
        self._scores: dict[str, float] = {}
        self._contributions: dict[QueryTerm, dict[str, float]] = {}

    def add(self, term: QueryTerm, postings: Iterable[Posting]) -> None:
        """Take in the postings of one of the query's terms."""
        scores = self._scores
        contributions = self._contributions.setdefault(term, {})
        for posting in postings:
            norm = K1 * (1 - B + B * posting.memory_length / self._mean_length)
            contribution = term.idf * posting.occurrences * (K1 + 1) / (posting.occurrences + norm)
            contributions[posting.memory_id] = contribution
            scores[posting.memory_id] = scores.get(posting.memory_id, 0.0) + contribution

    def contenders(self) -> list[str] | None:
        """The memories that can still be among the best; None while a memory not yet seen could be."""
        open_ceiling = sum(term.ceiling for term in self.terms if term not in self._contributions)
        best = heapq.nlargest(self._limit, self._scores.values())
        if len(best) < self._limit or best[-1] <= open_ceiling:
            return None
        return [memory_id for memory_id, score in self._scores.items() if score + open_ceiling >= best[-1]]

    def best(self) -> dict[str, float]:
        """The scores of the ``limit`` best memories, and of all that equal the last of them, in no order."""
        worst = min(heapq.nlargest(self._limit, self._scores.values()), default=0.0)
        return {memory_id: score for memory_id, score in self._scores.items() if score >= worst}

    def reasons(self, memory_id: str) -> tuple[Reason, ...]:
        """What each word adds to a memory's score, weightiest first."""
        reasons = [
            Reason(term.word, contributions[memory_id])
            for term, contributions in self._contributions.items()
            if memory_id in contributions
        ]
        return tuple(sorted(reasons, key=lambda reason: (-reason.contribution, reason.term)))
