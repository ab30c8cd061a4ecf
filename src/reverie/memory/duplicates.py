"""Texts that say the same: sets of word sequences compared by MinHash (Broder, "On the resemblance …", 1997).

A hash of every text finds likely pairs in linear time; each pair is then compared exactly. Texts that differ in a
number, a name or a negation are never the same, however much they overlap.
"""

import re
from collections.abc import Iterator, Mapping, Set

from datasketch import MinHash, MinHashLSH

from reverie.memory.rank import words_of

_SEQUENCE = 3
_PERMUTATIONS = 64
_TELLING = re.compile(r"\d[\d.,:/-]*\d|\d|(?<=[^\s.!?:\n#>*-] )[A-Z][\w-]*")
NEGATIONS = frozenset({"not", "no", "never", "without", "cannot", "t"})
"""Words that turn a statement round; ``t`` is the end of ``don't`` and its like, which are cut in two."""


def near_duplicates(texts: Mapping[str, str], threshold: float) -> Iterator[tuple[str, str, float]]:
    """Pairs of keys whose texts overlap by ``threshold`` (Jaccard, 0 to 1) or more, each with its overlap.

    Keys come in the mapping's order, the earlier of a pair first.
    """
    sequences = {key: _sequences(text) for key, text in texts.items()}
    index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS)
    order = {key: place for place, key in enumerate(texts)}
    for key, found in sequences.items():
        if not found:
            continue
        hashed = _min_hash(found)
        for other in sorted(index.query(hashed), key=order.__getitem__):
            overlap = _jaccard(found, sequences[other])
            if overlap >= threshold and _telling(texts[key]) == _telling(texts[other]):
                yield other, key, overlap
        index.insert(key, hashed)


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


def _min_hash(sequences: Set[str]) -> MinHash:
    hashed = MinHash(num_perm=_PERMUTATIONS)
    hashed.update_batch([sequence.encode() for sequence in sorted(sequences)])
    return hashed


def _jaccard(first: Set[str], second: Set[str]) -> float:
    return len(first & second) / len(first | second)


def _telling(text: str) -> frozenset[str]:
    """Numbers, names inside sentences, and negations."""
    return frozenset(_TELLING.findall(text)) | (NEGATIONS & set(words_of(text)))
