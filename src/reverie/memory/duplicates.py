"""Texts that say the same: sets of word sequences compared exactly.

Two sets that overlap by a share share at least one of their first few members, rarest first (prefix filtering: Bayardo,
Ma & Srikant, "Scaling up all pairs similarity search", 2007), so few pairs are ever compared. Texts that differ in a
number, a name or a negation are never the same, however much they overlap.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set

from reverie.memory.rank import words_of

_SEQUENCE = 3
_TELLING = re.compile(r"\d[\d.,:/-]*\d|\d|(?<=[^\s.!?:\n#>*-] )[A-Z][\w-]*")
NEGATIONS = frozenset({"not", "no", "never", "without", "cannot", "t"})
"""Words that turn a statement round; ``t`` is the end of ``don't`` and its like, which are cut in two."""


def near_duplicates(texts: Mapping[str, str], threshold: float) -> Iterator[tuple[str, str, float]]:
    """Pairs of keys whose texts overlap by ``threshold`` (Jaccard, 0 to 1) or more, each with its overlap.

    Keys come in the mapping's order, the earlier of a pair first.
    """
    sequences = {key: _sequences(text) for key, text in texts.items()}
    frequency = Counter(sequence for found in sequences.values() for sequence in found)
    order = {key: place for place, key in enumerate(texts)}
    earlier: defaultdict[str, list[str]] = defaultdict(list)
    for key, found in sequences.items():
        rarest = sorted(found, key=lambda sequence: (frequency[sequence], sequence))
        # A text that overlaps by ``threshold`` holds at least one of these.
        telling = rarest[: len(found) - math.ceil(threshold * len(found) - 1e-9) + 1]
        likely = {other for sequence in telling for other in earlier[sequence]}
        for other in sorted(likely, key=order.__getitem__):
            overlap = _jaccard(found, sequences[other])
            if overlap >= threshold and _telling(texts[key]) == _telling(texts[other]):
                yield other, key, overlap
        for sequence in telling:
            earlier[sequence].append(key)


def is_wording(line: str, other: str, threshold: float) -> bool:
    """Whether a line says nothing that ``other`` does not say: the same words, but for few, and all that is telling."""
    words, others = set(words_of(line)), set(words_of(other))
    return words == others or (_telling(line) <= _telling(other) and _jaccard(words, others) >= threshold)


def compatible_titles(first: str, second: str) -> bool:
    """Whether two texts can be about one subject by their headings: the same ones, or only one text has any."""
    titles = [[words_of(line) for line in text.splitlines() if line.startswith("#")] for text in (first, second)]
    return titles[0] == titles[1] or not all(titles)


def _sequences(text: str) -> frozenset[str]:
    words = words_of(text)
    last = max(len(words) - _SEQUENCE, 0)
    return frozenset(" ".join(words[start : start + _SEQUENCE]) for start in range(last + 1)) - {""}


def _jaccard(first: Set[str], second: Set[str]) -> float:
    return len(first & second) / len(first | second)


def _telling(text: str) -> frozenset[str]:
    """Numbers, names inside sentences, and negations."""
    return frozenset(_TELLING.findall(text)) | (NEGATIONS & set(words_of(text)))
