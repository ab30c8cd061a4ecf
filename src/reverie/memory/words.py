"""The words of a text as the index takes them, in any language.

Text that is written without spaces is cut into overlapping pairs of characters, and Chinese characters stand alone too;
pairs and single characters together find more than either (Nie, Gao, Zhang & Zhou, "On the use of words and n-grams for
Chinese information retrieval", 2000). Names such as ``runQuery`` count as their parts besides.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from reverie.memory.language import AS_IT_IS, is_latin, language_of, stemmer_of_script
from reverie.memory.rank import MAX_WORD_CHARACTERS, Words, words_of

LATIN = "latin"
"""What words in Latin script stand under until the language of their text is known."""

# Thai, Lao, Burmese, Khmer; Chinese and Japanese; Korean, whose words have endings that no stemmer knows.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uac00-\ud7af"
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_IDEOGRAPH = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HUMP = re.compile(r"[a-z][A-Z]")
_NAME = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LAST_FOLDED = 0x08FF
_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ى": "ي", "ی": "ي", "ک": "ك"}
# These are letters of their own, never typed without their marks.
_WHOLE = frozenset("йЙїЇ")
_KEPT_CATEGORIES = frozenset("LNM")
_TATWEEL = 0x0640


class _Spaced(dict[int, int | None]):
    """For ``str.translate``: what is no letter, digit or mark becomes a space, and what is invisible goes."""

    def __missing__(self, code: int) -> int | None:
        category = unicodedata.category(chr(code))
        kept: int | None = code if category[0] in _KEPT_CATEGORIES else ord(" ")
        self[code] = None if category == "Cf" or code == _TATWEEL else kept
        return self[code]


class _Folded(dict[int, str]):
    """For ``str.translate``: letters without their accents, in the scripts that are also typed without."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character in _WHOLE or not (code <= _LAST_FOLDED or 0x1E00 <= code <= 0x1FFF):
            self[code] = character
        else:
            plain = unicodedata.normalize("NFKD", character)
            self[code] = _LETTERS.get(character) or "".join(c for c in plain if unicodedata.category(c) != "Mn")
        return self[code]


_SPACED, _FOLDED = _Spaced(), _Folded()


def fold(word: str) -> str:
    """A word without accents: ``café`` and ``cafe`` are one. Signs that are vowels, as in Hindi and Thai, stay."""
    return word if word.isascii() else word.translate(_FOLDED)


def cut_words(text: str) -> dict[str, list[str]]:
    """The words of a text by the stemmer of their script; those in Latin script stand under :data:`LATIN`."""
    found: dict[str, list[str]] = {LATIN: []}
    if text.isascii():
        found[LATIN] = words_of(text)
    else:
        found = _cut(text)
    if _HUMP.search(text):
        found[LATIN] += _parts(text)
    return found


def stemmed_words(cut: Mapping[str, Sequence[str]], language: str) -> Words:
    """The same with the Latin words under the stemmer of a language."""
    return {language if script == LATIN else script: words for script, words in cut.items() if words}


def text_language(cut: Mapping[str, Sequence[str]]) -> str:
    """The language of a text's Latin words."""
    return language_of(cut[LATIN])


def _cut(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list, {LATIN: []})
    latin = found[LATIN]
    for word in unicodedata.normalize("NFKC", text).lower().translate(_SPACED).split():
        if word.isascii():
            if len(word) <= MAX_WORD_CHARACTERS:
                latin.append(word)
            continue
        for run in _RUN.findall(word):
            if _IS_UNSPACED.match(run):
                found[AS_IT_IS] += _pairs(run)
            elif len(run) <= MAX_WORD_CHARACTERS:
                script = LATIN if is_latin(run) else stemmer_of_script(run)
                found[script].append(fold(run) if script == AS_IT_IS else run)
    return found


def _pairs(run: str) -> Iterator[str]:
    """Pairs of neighbours, a sign that is written onto another counted with it; alone what has no neighbour."""
    signs: list[str] = []
    for character in run:
        if signs and unicodedata.category(character)[0] == "M":
            signs[-1] += character
        else:
            signs.append(character)
    for first, second in pairwise(signs):
        yield first + second
    for sign in signs:
        if len(signs) == 1 or _IDEOGRAPH.match(sign):
            yield sign


def _parts(text: str) -> Iterator[str]:
    """The parts of names that are written in one word: ``run`` and ``query`` of ``runQuery``."""
    for name in _NAME.findall(text):
        if len(name) <= MAX_WORD_CHARACTERS and _HUMP.search(name):
            yield from (part.lower() for part in _PART.findall(name) if len(part) > 1)
