"""How a message feels, by a lexicon and rules: VADER (Hutto & Gilbert, ICWSM 2014), English.

The lexicon and the words of the rules are those of ``vaderSentiment`` 3.3.2 (MIT, see ``vader.LICENSE``), and so are
the scores, rule by rule; of what that package computes, only the compound score is kept.
"""

import math
import string
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources

import msgspec

_LONGEST = 1_000
_CAPITALS, _NEGATION = 0.733, -0.74
"""Added for a word in capitals among others that are not; factor of a word that is negated."""
_NORMALISER = 15
_NEAR = ((1, 1.0), (2, 0.95), (3, 0.9))
"""Words before a word that change it, and how much of their emphasis counts."""


class Lexicon(msgspec.Struct, frozen=True):
    """Words and their valences, and the words that the rules are about."""

    emphasis: Mapping[str, float]
    """Words and phrases that strengthen or weaken the next."""
    phrases: Mapping[str, float]
    """Phrases with a valence of their own."""
    negations: frozenset[str]
    valence: Mapping[str, float] = {}
    emoji: Mapping[str, str] = {}
    """A character, and the words it stands for."""


def sentiment_of(message: str) -> float | None:
    """The compound sentiment in [-1, 1], -1 most negative, of the first 1,000 characters; None where there is no text.

    Cached by content. Words are judged one by one, so a report of an "error" counts as slightly negative.
    """
    text = message[:_LONGEST].strip()
    return compound(text) if text else None


@lru_cache(maxsize=16_384)
def compound(text: str) -> float:
    """The sum of the words' valences, as the rules change them, squeezed into [-1, 1] and rounded to four digits."""
    lexicon = read_lexicon()
    text = _spelt_out(text, lexicon.emoji).strip()
    words = [_bare(token) for token in text.split()]
    if not words:
        return 0.0
    lower = [word.lower() for word in words]
    shouted = 0 < sum(word.isupper() for word in words) < len(words)
    valences = _weigh_but(lower, [_valence(words, lower, i, shouted, lexicon) for i in range(len(words))])
    total = float(sum(valences))
    if total > 0:
        total += _punctuation(text)
    elif total < 0:
        total -= _punctuation(text)
    return round(max(-1.0, min(1.0, total / math.sqrt(total * total + _NORMALISER))), 4)


@cache
def read_lexicon() -> Lexicon:
    """The lexicon, read once a process."""
    folder = resources.files(__package__)
    rules = msgspec.json.decode(folder.joinpath("vader_rules.json").read_bytes(), type=Lexicon)
    words = _pairs(folder.joinpath("vader_words.tsv").read_text(encoding="utf-8"))
    emoji = _pairs(folder.joinpath("vader_emoji.tsv").read_text(encoding="utf-8"))
    return msgspec.structs.replace(rules, valence={word: float(value) for word, value in words.items()}, emoji=emoji)


def _pairs(table: str) -> dict[str, str]:
    return dict(line.split("\t") for line in table.split("\n") if line)


def _spelt_out(text: str, emoji: Mapping[str, str]) -> str:
    """The text with each emoji in words, apart from what stands before it."""
    if text.isascii():
        return text
    parts: list[str] = []
    spaced = True
    for character in text:
        words = emoji.get(character)
        if words is not None and not spaced:
            parts.append(" ")
        parts.append(character if words is None else words)
        spaced = words is None and character == " "
    return "".join(parts)


def _bare(token: str) -> str:
    """A word without punctuation around it; emoticons, of which little would be left, as they are."""
    stripped = token.strip(string.punctuation)
    return token if len(stripped) <= 2 else stripped


def _valence(words: Sequence[str], lower: Sequence[str], at: int, shouted: bool, lexicon: Lexicon) -> float:
    """The valence of one word where it stands; 0 where the lexicon has none."""
    word, known = lower[at], lexicon.valence
    if word in lexicon.emphasis or word not in known or (word == "kind" and lower[at + 1 : at + 2] == ["of"]):
        return 0.0
    value = 0.0 if word == "no" and at + 1 < len(lower) and lower[at + 1] in known else known[word]
    if _after_no(lower, at):
        value = known[word] * _NEGATION
    if shouted and words[at].isupper():
        value += _CAPITALS if value > 0 else -_CAPITALS
    for distance, share in _NEAR:
        before = at - distance
        if before < 0 or lower[before] in known:
            continue
        value += share * _emphasis(words[before], lower[before], value, shouted, lexicon.emphasis)
        value = _negated(lower, at, distance, value, lexicon.negations)
        if distance == len(_NEAR):
            value = _in_phrases(lower, at, value, lexicon)
    return _after_least(lower, at, value, known)


def _after_no(lower: Sequence[str], at: int) -> bool:
    """Whether "no" stands before it, at most one word between, or two where the last is "or"."""
    near = lower[max(at - 2, 0) : at]
    return "no" in near or (at > 2 and lower[at - 3] == "no" and lower[at - 1] in ("or", "nor"))


def _emphasis(word: str, lower: str, value: float, shouted: bool, emphasis: Mapping[str, float]) -> float:
    """What a word before it adds."""
    amount = emphasis.get(lower, 0.0)
    if amount == 0.0:
        return 0.0
    if value < 0:
        amount = -amount
    if shouted and word.isupper():
        amount += _CAPITALS if value > 0 else -_CAPITALS
    return amount


def _negated(lower: Sequence[str], at: int, distance: int, value: float, negations: frozenset[str]) -> float:
    """The value as the word ``distance`` before it changes it: "never so", "without doubt", or a negation."""
    word, between = lower[at - distance], lower[at - distance + 1 : at]
    so = [near in ("so", "this") for near in between]
    # "so" or "this" right before strengthens at the third word whatever stands there: as the original's precedence.
    if (so and word == "never" and so[0]) or (distance == 3 and so[-1]):
        return value * 1.25
    if word == "without" and "doubt" in between:
        return value
    return value * _NEGATION if word in negations or "n't" in word else value


def _in_phrases(lower: Sequence[str], at: int, value: float, lexicon: Lexicon) -> float:
    """The value of a phrase that the word is in, if it is in one; and the emphasis of a phrase before it."""
    before = [" ".join(lower[at - 3 : at]), " ".join(lower[at - 3 : at - 1]), " ".join(lower[at - 2 : at])]
    around = [f"{lower[at - 1]} {lower[at]}", f"{lower[at - 2]} {lower[at - 1]} {lower[at]}"]
    held = (phrase for phrase in (*around, before[2], before[0], before[1]) if phrase in lexicon.phrases)
    value = lexicon.phrases.get(next(held, ""), value)
    for size in (2, 3):
        if at + size <= len(lower):
            value = lexicon.phrases.get(" ".join(lower[at : at + size]), value)
    for phrase in before:
        value += lexicon.emphasis.get(phrase, 0.0)
    return value


def _after_least(lower: Sequence[str], at: int, value: float, known: Mapping[str, float]) -> float:
    """Turned by "least" before it, but not by "at least" or "very least"."""
    if at == 0 or lower[at - 1] != "least" or "least" in known:
        return value
    return value if at > 1 and lower[at - 2] in ("at", "very") else value * _NEGATION


def _weigh_but(lower: Sequence[str], valences: list[float]) -> list[float]:
    """What stands before "but" counts half, what stands after it half again as much.

    As in the original, a value is changed at its first place in the list, whichever of equal values is meant.
    """
    if "but" not in lower:
        return valences
    but = lower.index("but")
    for place in range(len(valences)):
        first = valences.index(valences[place])
        if first != but:
            valences[first] *= 0.5 if first < but else 1.5
    return valences


def _punctuation(text: str) -> float:
    """What exclamation and question marks add, up to four of the first."""
    questions = text.count("?")
    asked = 0.0 if questions < 2 else questions * 0.18 if questions <= 3 else 0.96
    return min(text.count("!"), 4) * 0.292 + asked
