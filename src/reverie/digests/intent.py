"""What an opening request wants, as a verb and its object: ``cancel order``, ``count singer``.

A rule for short requests in English, made to be unsure rather than wrong: it knows a list of verbs and the places where
they state a wish, and takes the head of the noun phrase that follows.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

_LONGEST = 600
_MOST_WORDS = 40
_CLAUSE = re.compile(r"[.!?;:\n]+")
_WORD = re.compile(r"\w[\w'-]*|,")
_SPELLINGS = {
    "add": "add include attach", "book": "book reserve", "build": "build implement develop",
    "calculate": "calculate compute", "cancel": "cancel", "change": "change modify update adjust edit alter amend",
    "check": "check verify track", "compare": "compare", "convert": "convert", "count": "count",
    "create": "create write generate", "downgrade": "downgrade", "exchange": "exchange swap",
    "explain": "explain describe clarify", "find": "find list show search locate display give retrieve identify",
    "fix": "fix repair debug resolve solve", "install": "install", "move": "move transfer", "print": "print",
    "refactor": "refactor", "refund": "refund reimburse", "remove": "remove delete drop", "rename": "rename",
    "replace": "replace", "report": "report", "reset": "reset recover", "return": "return", "review": "review",
    "run": "run execute", "summarise": "summarise summarize", "test": "test", "translate": "translate",
    "upgrade": "upgrade",
}  # fmt: skip
"""Verbs by what they amount to."""
_NOUNS = {
    "refund": "refund", "reimbursement": "refund", "compensation": "refund", "exchange": "exchange",
    "replacement": "exchange", "return": "return", "change": "change", "changes": "change", "adjustment": "change",
    "adjustments": "change", "upgrade": "upgrade", "cancellation": "cancel", "list": "find",
}  # fmt: skip
"""Nouns that name an act: "a refund for …"."""
_OPENERS = frozenset({"how", "which", "what", "money"})
_BEFORE_VERB = frozenset({
    "to", "please", "you", "i", "me", "and", "or", "with", "about", "help", "just", "also", "of", "need",
})  # fmt: skip
_BEFORE_NOUN = frozenset({
    "a", "an", "the", "some", "any", "full", "partial", "of", "couple", "few",
})  # fmt: skip
_FILLERS = frozenset({
    "please", "also", "first", "hi", "hello", "hey", "then", "now", "so", "just", "ok", "okay", "well", "there", ",",
})  # fmt: skip
_SKIPPED = frozenset({
    "a", "an", "the", "my", "your", "our", "their", "his", "her", "its", "this", "that", "these", "those", "some",
    "any", "all", "every", "each", "both", "me", "us", "many", "much", "few", "couple", "several", "two", "three",
    "four", "five", "one", "upcoming", "recent", "pending", "new", "old", "current", "existing", "entire", "whole",
    "total", "first", "last", "following", "different", "own", "same", "average", "minimum", "maximum", "also", "just",
    "back", "number", "numbers", "name", "names", "everything",
})  # fmt: skip
"""What may stand before the head of a noun phrase and says little."""
_LINKS = frozenset({
    "from", "for", "in", "on", "to", "of", "and", "or", "as", ",",
})  # fmt: skip
"""What may stand before the phrase that holds the object, or end it."""
_ENDS = _LINKS | {
    "at", "with", "by", "than", "which", "who", "whose", "where", "when", "while", "because", "since", "if", "but", "i",
    "you", "we", "they", "he", "she", "it", "them", "is", "are", "was", "were", "be", "been", "has", "have", "had",
    "do", "does", "did", "can", "could", "would", "will", "should", "into", "onto", "about", "after", "before",
    "without", "within", "between", "under", "over", "per", "using", "so", "not", "there", "what", "how", "why", "off",
    "out", "up", "down", "similar", "id", "please",
}  # fmt: skip
_THINGS = (
    "order", "reservation", "booking", "flight", "ticket", "item", "parcel", "package", "delivery", "subscription",
    "account", "appointment", "invoice", "payment", "address", "password", "file", "database", "table",
)  # fmt: skip
"""What requests are often about, for those whose wish names nothing: "please exchange it"."""


def _ing(verb: str) -> Iterator[str]:
    yield verb.removesuffix("e") + "ing"
    yield f"{verb}{verb[-1]}ing"


_ACTS = {verb: act for act, verbs in _SPELLINGS.items() for verb in verbs.split()}
_ACTS |= {form: act for verb, act in list(_ACTS.items()) for form in _ing(verb)}
_TELLING = _ACTS.keys() | _NOUNS.keys() | _OPENERS


def opening_intent(opening: str) -> str:
    """The verb and the object of the first wish in an opening request; empty when unsure.

    Only the first 600 characters count. Names, codes and capitalised words are never objects.
    """
    return _intent(opening[:_LONGEST])


@lru_cache(maxsize=4096)
def _intent(text: str) -> str:
    text = text.replace("’", "'")
    unnamed = ""
    for clause in _CLAUSE.split(text):
        words = _WORD.findall(clause)[:_MOST_WORDS]
        lower = [word.lower() for word in words]
        for position, word in enumerate(lower):
            act, after = _wish(lower, position) if word in _TELLING else ("", 0)
            thing = _object(words[after:]) if act else ""
            if thing:
                return f"{act} {thing}"
            unnamed = unnamed or act
    named = _WORD.findall(text.lower()) if unnamed else []
    thing = next((noun for word in named if (noun := _singular(word)) in _THINGS), "")
    return f"{unnamed} {thing}" if thing else ""


def _wish(words: Sequence[str], position: int) -> tuple[str, int]:
    """The act stated at this word, and where its object may start; no act where none is."""
    word = words[position]
    before = words[position - 1] if position else ""
    following = words[position + 1] if position + 1 < len(words) else ""
    opens = all(earlier in _FILLERS for earlier in words[:position])
    if word in _ACTS and (opens or before in _BEFORE_VERB):
        return _ACTS[word], position + 1
    if word in _NOUNS and before in _BEFORE_NOUN:
        return _NOUNS[word], position + 1
    if word == "money" and following == "back":
        return "refund", position + 2
    if word == "how" and following == "many":
        return "count", position + 2
    if opens and (word == "which" or (word == "what" and following in ("is", "are"))):
        return "find", position + (1 if word == "which" else 2)
    return "", 0


def _object(words: Sequence[str]) -> str:
    """The head of the first noun phrase that has one: "my upcoming flight from …" is about a ``flight``."""
    head = before = ""
    for word in words:
        lower = word.lower()
        if lower in _ENDS:
            if head or lower not in _LINKS:
                break
        elif _says_little(lower, before):
            if head:
                break
        elif lower == word and len(word) > 2 and word.replace("-", "").isalpha():
            head = _singular(lower)
        before = lower
    return head


def _says_little(word: str, before: str) -> bool:
    """Determiners, participles, and the second verb of "cancel or return some items"."""
    if word in _THINGS:
        return False
    return word in _SKIPPED or word.endswith(("ed", "ing")) or (before in ("and", "or") and word in _ACTS)


def _singular(noun: str) -> str:
    if noun.endswith(("ss", "us", "is", "series")):
        return noun
    if noun.endswith("ies") and len(noun) > 4:
        return f"{noun[:-3]}y"
    return noun[:-2] if noun.endswith(("xes", "ches", "shes", "sses")) else noun.removesuffix("s")
