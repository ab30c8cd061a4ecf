"""Terms of texts: words and runs of neighbouring words, which text has which, and how much each weighs."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from reverie.statistics.corpus import Floats, Ints

Matrix = npt.NDArray[np.float32]

_ENTRIES_AT_ONCE = 1 << 17
"""Of a product, so that a large batch of texts takes no large memory."""
_OVERSAMPLES, _POWERS = 10, 4


@dataclass(frozen=True, slots=True, eq=False)
class TermMatrix:
    """A sparse matrix texts × terms, as its entries, ordered by text."""

    texts: int
    terms: Sequence[str]
    text: Ints
    """Per entry, position of its text, ascending."""
    term: Ints
    """Per entry, position in ``terms``."""
    value: Floats
    """Per entry, a count or a weight."""

    def rows(self, chosen: Ints) -> "TermMatrix":
        """The texts at the positions ``chosen``, ascending and each once, as a matrix of their own."""
        new = np.full(self.texts, -1, np.int64)
        new[chosen] = np.arange(len(chosen))
        kept = new[self.text] >= 0
        return TermMatrix(len(chosen), self.terms, new[self.text[kept]], self.term[kept], self.value[kept])

    def columns(self, chosen: Sequence[int]) -> "TermMatrix":
        """The terms at the positions ``chosen``, each once, as a matrix of their own."""
        new = np.full(len(self.terms), -1, np.int64)
        new[list(chosen)] = np.arange(len(chosen))
        kept = new[self.term] >= 0
        terms = [self.terms[i] for i in chosen]
        return TermMatrix(self.texts, terms, self.text[kept], new[self.term[kept]], self.value[kept])

    def texts_with(self, term: int) -> Ints:
        """Positions of the texts that have the term, ascending."""
        texts: Ints = self.text[self.term == term]
        return texts

    def times(self, dense: Matrix) -> Matrix:
        """The product with a dense matrix, terms × d."""
        return _product(self.texts, self.text, self.term, self.value, dense)

    def transposed_times(self, dense: Matrix) -> Matrix:
        """The product of the transposed matrix with a dense one, texts × d."""
        order = np.argsort(self.term, kind="stable")
        return _product(len(self.terms), self.term[order], self.text[order], self.value[order], dense)


def count_terms(
    texts: Sequence[str],
    word: str,
    longest: int,
    *,
    least_texts: int,
    most_share: float,
    most_terms: int,
    left_out: Set[str] = frozenset(),
) -> TermMatrix:
    """How often each text has each term: the most frequent terms, in alphabetical order.

    Args:
        word: the regular expression of a word; texts are read in lower case.
        longest: words in a term, at most.
        least_texts: how many texts must have a term.
        most_share: the share of texts that may have it.
        left_out: words that are skipped before neighbours are joined.
    """
    index: dict[str, int] = {}
    pattern = re.compile(word)
    found = [_codes(text, pattern, longest, left_out, index) for text in texts]
    text = np.repeat(np.arange(len(found)), [len(codes) for codes in found])
    code = np.fromiter((code for codes in found for code in codes), np.int64, len(text))
    entry, count = np.unique(text * max(len(index), 1) + code, return_counts=True)
    text, code = np.divmod(entry, max(len(index), 1))
    having = np.bincount(code, minlength=len(index))
    total = np.bincount(code, weights=count, minlength=len(index)).tolist()
    terms = list(index)
    usable = np.flatnonzero((having >= least_texts) & (having <= most_share * len(texts))).tolist()
    kept = sorted(sorted(usable, key=lambda i: (-total[i], terms[i]))[:most_terms], key=terms.__getitem__)
    return TermMatrix(len(texts), terms, text, code, count.astype(np.float64)).columns(kept)


def weigh_by_rarity(counts: TermMatrix) -> TermMatrix:
    """TF-IDF, each text of unit length: 1 + log count (sublinear), times log inverse document frequency.

    Salton & Buckley 1988; one text that has every term is added, so that no term weighs nothing.
    """
    having = np.bincount(counts.term, minlength=len(counts.terms))
    rarity = np.log((1 + counts.texts) / (1 + having)) + 1
    weight = (1 + np.log(counts.value)) * rarity[counts.term]
    length = np.sqrt(np.bincount(counts.text, weights=weight**2, minlength=counts.texts))
    return replace(counts, value=weight / length[counts.text])


def main_directions(weights: TermMatrix, dimensions: int, generator: np.random.Generator) -> Matrix:
    """The leading right singular vectors, terms × ``dimensions``: latent semantic analysis.

    By the randomised range finder with power iterations (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1).
    """
    sketch = generator.standard_normal((len(weights.terms), dimensions + _OVERSAMPLES)).astype(np.float32)
    for _ in range(_POWERS):
        basis, _ = np.linalg.qr(weights.times(sketch))
        sketch = weights.transposed_times(basis)
        sketch, _ = np.linalg.qr(sketch)
    basis, _ = np.linalg.qr(weights.times(sketch))
    _, _, directions = np.linalg.svd(weights.transposed_times(basis).T, full_matrices=False)
    return np.ascontiguousarray(directions[:dimensions].T)


def _codes(text: str, word: re.Pattern[str], longest: int, left_out: Set[str], index: dict[str, int]) -> list[int]:
    """The code of every term in a text, made where it is new."""
    words = [found for found in word.findall(text.lower()) if found not in left_out]
    codes = [index.setdefault(found, len(index)) for found in words]
    for size in range(2, longest + 1):
        runs = zip(*(words[start:] for start in range(size)), strict=False)
        codes += [index.setdefault(run, len(index)) for run in map(" ".join, runs)]
    return codes


def _product(rows: int, row: Ints, column: Ints, value: Floats, dense: Matrix) -> Matrix:
    """Sums over each row's entries of its value times the row ``column`` of ``dense``; ``row`` ascends."""
    result = np.zeros((rows, dense.shape[1]), np.float32)
    present, first = np.unique(row, return_index=True)
    bounds = np.append(first, len(row))
    begin = 0
    while begin < len(present):
        end = max(int(np.searchsorted(bounds, bounds[begin] + _ENTRIES_AT_ONCE, side="right")) - 1, begin + 1)
        inside = slice(bounds[begin], bounds[end])
        terms = value[inside, None].astype(np.float32) * dense[column[inside]]
        result[present[begin:end]] = np.add.reduceat(terms, bounds[begin:end] - bounds[begin], axis=0)
        begin = end
    return result
