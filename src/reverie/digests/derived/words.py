"""What a user's message says of how it goes, by a lexicon for each language; one data file a language.

``words_xx.toml`` holds the patterns of language ``xx``; whoever adds a file adds a language. ``function_words.toml``
holds the words by which languages are told from each other, so that no message is read with another one's lexicon.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from reverie.lazy_modules import load_module

if TYPE_CHECKING:
    from reverie.digests.derived.alternatives import Alternatives

_MOST_READ = 800
"""Characters of a message that are looked at; what comes later is mostly pasted."""
_MOST_KEPT = 2_048
"""Messages whose answers are kept, by what is looked at of each: simulated users and copies say the same again."""
_ENOUGH_SHARE, _LEAD = 0.12, 1.25
"""Of the words that must be a language's own, and how many times the next language's."""
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)
"""Scripts of one language, or of few that have no lexicon here either."""
_SCRIPT_SHARE = 0.2
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|^\s*>.*$|https?://\S+|<[^>\n]{1,80}>", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CAPITALS = re.compile("[A-Z][A-Z']")
"""In every word of three letters or more, in ASCII, that is in capitals."""
_SENTENCE = re.compile(r"[^.!?。！？\n;；]+(?:[.!?。！？]+|[;；\n]|$)")
_SHORTEST = 6
"""Bytes of an order: Chinese says in four letters what takes English twelve."""


class Lexicon(msgspec.Struct, frozen=True, eq=False):
    """The words of one language. Each is equal to itself alone, so that answers can be kept by it."""

    correction: "Alternatives"
    correction_unasked: "Alternatives"
    """Corrects only where the agent had not just asked."""
    no_correction: "Alternatives"
    thanks: "Alternatives"
    no_thanks: "Alternatives"
    frustration: "Alternatives"
    instruction: "Alternatives"
    no_instruction: "Alternatives"
    filler: tuple[str, ...]
    """What wraps an order and says nothing itself, the longest first."""
    negation: frozenset[str]


def language_of(texts: Sequence[str]) -> str:
    """The language of a user's messages, ISO 639-1; empty where it cannot be told.

    By its script, else by its function words: a simple rule, the same everywhere, that needs no model.
    """
    text = plain(" \n".join(text[:_MOST_READ] for text in texts))
    if not text.isascii() and (language := _by_script(text)):
        return language
    words = _WORD.findall(text)
    if not words:
        return ""
    counts = dict.fromkeys(function_words(), 0)
    telling = _telling()
    for word in words:
        for language in telling.get(word, ()):
            counts[language] += 1
    best, second = sorted(counts, key=lambda language: -counts[language])[:2]
    if counts[best] < max(1, _ENOUGH_SHARE * len(words)) or counts[best] < _LEAD * counts[second]:
        return ""
    return best


def _by_script(text: str) -> str:
    """The language of a script that a fifth of the letters are of; ASCII has none."""
    letters = sum(map(str.isalpha, text))
    return next(
        (each for each, script in _SCRIPTS if letters and len(script.findall(text)) >= _SCRIPT_SHARE * letters), ""
    )


@lru_cache(maxsize=16)
def plain(text: str) -> str:
    """The message in lower case with straight apostrophes, without code, quotations of others and addresses.

    The last ones are kept: each question to a message begins with this.
    """
    return _without_code(text.lower().replace("’", "'"))[: 20 * _MOST_READ]


def _without_code(text: str) -> str:
    return _CODE.sub(" ", text) if _may_hold_code(text) else text


def _may_hold_code(text: str) -> bool:
    return "`" in text or ">" in text or "http" in text


def corrects(text: str, words: Lexicon, *, asked: bool) -> bool:
    """Whether the message says that the agent got it wrong; ``asked``: the agent had just asked something."""
    return _corrects(plain(text)[:_MOST_READ].strip(), words, asked)


@lru_cache(maxsize=_MOST_KEPT)
def _corrects(said: str, words: Lexicon, asked: bool) -> bool:
    if words.no_correction.holds(said):
        said = words.no_correction.whole.sub(" ", said)
    return words.correction.holds(said) or (not asked and words.correction_unasked.holds(said))


def thanks(text: str, words: Lexicon) -> bool:
    """Whether the message thanks or says that it is well, and nothing else is to do."""
    return _thanks(plain(text)[:_MOST_READ].strip(), words)


@lru_cache(maxsize=_MOST_KEPT)
def _thanks(said: str, words: Lexicon) -> bool:
    return words.thanks.holds(said) and not words.no_thanks.holds(said)


def frustrated(text: str, words: Lexicon) -> bool:
    """Whether the message shows anger."""
    return _frustrated(plain(text)[:_MOST_READ], words)


@lru_cache(maxsize=_MOST_KEPT)
def _frustrated(said: str, words: Lexicon) -> bool:
    return words.frustration.holds(said)


def shouts(text: str) -> bool:
    """Whether a message of four words or more is in capitals, whatever the language."""
    if text.isascii() and not _CAPITALS.search(text):
        return False
    words = [word for word in _WORD.findall(_without_code(text)) if len(word) > 2]
    return len(words) >= 4 and sum(word.isupper() for word in words) >= 0.7 * len(words)


def instructions(text: str, words: Lexicon) -> list[str]:
    """The sentences of a message that are standing orders: "always run the linter first"."""
    read = _CODE.sub(_kept_names, text) if _may_hold_code(text) else text
    return list(_orders(read[: 2 * _MOST_READ], words))


@lru_cache(maxsize=_MOST_KEPT)
def _orders(text: str, words: Lexicon) -> tuple[str, ...]:
    found = []
    for sentence in _SENTENCE.findall(text):
        said = sentence.strip(" \t\n-*•").lower().replace("’", "'")
        if (
            len(said.encode()) >= _SHORTEST
            and len(said) <= 300
            and words.instruction.holds(said)
            and not words.no_instruction.holds(said)
        ):
            found.append(" ".join(sentence.split()).strip(" -*•"))
    return tuple(found)


def _kept_names(match: re.Match[str]) -> str:
    """A name between single backticks is part of a sentence; blocks of code and quotations are not."""
    text = match.group()
    return text.strip("`") if text.startswith("`") and not text.startswith("```") else " "


@cache
def lexicon_of(language: str) -> Lexicon | None:
    """The lexicon of a language, read once a process; None where there is none."""
    file = resources.files(__package__).joinpath(f"words_{language}.toml")
    if not language.isalpha() or not file.is_file():
        return None
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    alternatives = load_module("reverie.digests.derived.alternatives").alternatives
    patterns = {name: alternatives(told[name]) for name in _PATTERNS}
    filler = tuple(sorted(told["filler"], key=lambda words: (-len(words), words)))
    return Lexicon(**patterns, filler=filler, negation=frozenset(told["negation"]))


_PATTERNS = tuple(name for name in Lexicon.__struct_fields__ if name not in ("filler", "negation"))


@cache
def function_words() -> Mapping[str, frozenset[str]]:
    """By language, the words that tell it."""
    text = resources.files(__package__).joinpath("function_words.toml").read_text(encoding="utf-8")
    return {language: frozenset(words.split()) for language, words in tomllib.loads(text).items()}


@cache
def _telling() -> Mapping[str, tuple[str, ...]]:
    """By function word, the languages that have it."""
    languages: dict[str, tuple[str, ...]] = {}
    for language, own in function_words().items():
        for word in own:
            languages[word] = (*languages.get(word, ()), language)
    return languages
