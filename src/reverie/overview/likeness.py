"""Short texts that ask for the same in other words: the same telling words, and both for it or both against it."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from reverie.digests.derived.words import function_words, lexicon_of
from reverie.overview.stop_words import ENGLISH_STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:['’.\-/][^\W_]+)*|--[\w-]+")
_HAN = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "er", "ies", "es", "ed", "ly", "s", "en")
_LEAST_STEM = 3
_KEPT = frozenset({"first", "before", "after", "without", "last", "only", "more", "less", "between", "all", "never"})
"""Stop words that tell what is asked for."""
_CONTAINED, _OVERLAP = 0.75, 0.5
_MOST_COMPARED = 200


class Wording(msgspec.Struct, frozen=True):
    """What is telling in a text."""

    words: frozenset[str]
    against: bool
    """Whether it says what is not to be done."""


def wording_of(text: str, language: str = "en") -> Wording:
    """The stems of a text's telling words, without what merely wraps an order; of Chinese and its like, sign pairs."""
    lexicon = lexicon_of(language) or lexicon_of("en")
    said = f" {text.lower().replace('’', chr(39))} "
    against = False
    if lexicon is not None:
        against = any(_holds(said, word) for word in lexicon.negation)
        for words in (*lexicon.filler, *sorted(lexicon.negation, key=len, reverse=True)):
            said = said.replace(words, " ") if _HAN.search(words) else said.replace(f" {words} ", " ")
    signs = _HAN.findall(said)
    if len(signs) > 1:
        return Wording(frozenset(first + second for first, second in pairwise(signs)), against)
    stop = ENGLISH_STOP_WORDS if language in ("en", "") else function_words().get(language, frozenset())
    stems = (_stem(word) for word in _WORD.findall(said) if word in _KEPT or word not in stop)
    return Wording(frozenset(stem for stem in stems if stem), against)


def alike(one: Wording, other: Wording) -> bool:
    """Whether two texts ask for the same: most telling words of the shorter are in the longer, on the same side."""
    if one.against != other.against or not one.words or not other.words:
        return False
    common = len(one.words & other.words)
    if min(len(one.words), len(other.words)) == 1:
        return one.words == other.words
    contained = common / min(len(one.words), len(other.words))
    return common >= 2 and (contained >= _CONTAINED or common / len(one.words | other.words) >= _OVERLAP)


def groups_of(wordings: Sequence[Wording]) -> list[list[int]]:
    """Positions grouped by likeness, the largest group first; a text joins the first group whose first one it is like.

    Deterministic, in the order given. A group is compared by the text that began it, so that likeness does not wander.
    """
    groups: list[list[int]] = []
    by_word: dict[str, list[int]] = {}
    for position, wording in enumerate(wordings):
        place = next(
            (place for place in _candidates(wording, by_word) if alike(wordings[groups[place][0]], wording)), None
        )
        if place is None:
            place = len(groups)
            groups.append([])
            for word in wording.words:
                by_word.setdefault(word, []).append(place)
        groups[place].append(position)
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def most_typical(texts: Sequence[str]) -> int:
    """The position of the commonest text; of equally common ones the shortest, then the first."""
    counts: dict[str, int] = {}
    for text in texts:
        counts[text.casefold()] = counts.get(text.casefold(), 0) + 1
    return min(range(len(texts)), key=lambda i: (-counts[texts[i].casefold()], len(texts[i]), i))


def _candidates(wording: Wording, by_word: dict[str, list[int]]) -> Iterator[int]:
    """Groups that share a word, by how many words they share."""
    shared: dict[int, int] = {}
    for word in wording.words:
        for place in by_word.get(word, ()):
            shared[place] = shared.get(place, 0) + 1
    yield from sorted(shared, key=lambda place: (-shared[place], place))[:_MOST_COMPARED]


def _holds(said: str, word: str) -> bool:
    return word in said if _HAN.search(word) else f" {word} " in said or said.startswith(f"{word} ")


def _stem(word: str) -> str:
    if any(character.isdigit() for character in word):
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            stem = word[: -len(ending)]
            return stem[:-1] if len(stem) > _LEAST_STEM and stem[-1] == stem[-2] else stem
    return word[:-1] if word.endswith("e") and len(word) > _LEAST_STEM + 1 else word
