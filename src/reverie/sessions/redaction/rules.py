"""Detectors made from rules that are data: ``gitleaks.toml`` (MIT, see ``gitleaks.LICENSE``) and ``rules.toml`` (ours).

Expressions run on RE2, so that no text makes them slow. What no expression says well is said here: where a value may
begin and end, whether it looks random, and how its pieces go on over a line's end or a joint between two literals.
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from itertools import pairwise

import msgspec
import re2

from reverie.sessions.redaction.detector import CLEAN_START, LATIN, Detector, Found, folded

_FILES = ("rules.toml", "gitleaks.toml")
_PIECES = 8
"""A value is written in at most so many pieces."""


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fixed beginning and a run of random characters."""

    kind: str
    prefixes: tuple[str, ...]
    characters: str
    """What may follow the beginning, as inside ``[...]`` of an expression."""
    least: int
    """Characters after the beginning."""
    usual: int = 0
    """Characters that the vendor issues today; 0 where they differ."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An expression of RE2; its first group that takes part, or all of it, is the value."""

    kind: str
    regex: str
    keywords: tuple[str, ...]
    """One of these is in the text, whatever its case; digits in them stand for any digit."""
    id: str = ""
    entropy: float = 0.0
    """Bits for each character that the value has at least."""
    assigned: bool = False
    """The value is known only by the name before it, so that name has to speak of a secret."""
    run: int = 0
    """A necessary condition on the folded text, see ``Detector``."""
    shape: str = ""
    """An expression of RE2 that has to match too; of rules that no keyword is long enough for."""


class _RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...] = ()
    rules: tuple[Rule, ...] = ()


def _read(name: str) -> _RuleFile:
    """One file of rules beside this module; raises ``msgspec.ValidationError`` with the path of an odd field."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _RuleFile)


_CLASSES = bytes(ord("d") if chr(b).isdigit() else ord("u") if chr(b).isupper() else ord("l") for b in range(256))
_SEGMENT = re.compile(r"[A-Za-z0-9]+")


def entropy(value: str) -> float:
    """Shannon's entropy in bits for each character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _classes(segment: str) -> bytes:
    """Of each ASCII character whether it is a digit, a capital or another letter."""
    return segment.encode().translate(_CLASSES)


def looks_random(value: str, *, letters: int = 12, share: float = 0.4) -> bool:
    """Whether digits and letters of both cases follow each other as in no word: ``a8Fk2`` and not ``contrib-v2``.

    Without a digit, it has so many ``letters``, and that ``share`` of them differ in case from the one before.
    """
    segments = _SEGMENT.findall(value)
    length = sum(map(len, segments))
    changes = sum(a != b for kinds in map(_classes, segments) for a, b in pairwise(kinds))
    if not any(map(str.isdigit, value)):
        return length >= letters and changes >= share * length
    return changes > 2 and len(set(value)) > 5


_LINE_END = re.compile(r"[ \t]*\\?(?:\r?\n|(?:\\r)?\\n)[ \t]*(?:[>|#*]|//)?[ \t]*")
_JOINT = re.compile(r"""(?P<closing>\\?["'`])\s{0,3}(?:(?:\+|\.\.?|&|\\)\s*)?(?P<opening>\\?["'`])""")
_ENDS_LINE = re.compile(r"""[ \t]*(?:\Z|\r?\n|\\[rn]|\\?["'`])""")
_WHOLE_WORD = re.compile(r"""(?![A-Za-z0-9_:=(+/@-]|\.\w)""")
_OTHER_VALUE = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])")


def _next_piece(
    text: str, end: int, run: re.Pattern[str], begins: re.Pattern[str], missing: int
) -> tuple[int, int] | None:
    """Where the value that stops at ``end`` goes on: in the literal joined to this one, or on the next line.

    ``missing`` is the number of characters that the vendor's values have left.
    """
    joint = _JOINT.match(text, end)
    if joint:
        piece = run.match(text, joint.end())
        closed = piece and text.startswith(joint["opening"], piece.end())
        return piece.span() if piece and closed and piece[0] and not begins.match(text, piece.start()) else None
    line_end = _LINE_END.match(text, end)
    piece = run.match(text, line_end.end()) if line_end else None
    if piece is None or len(piece[0]) < 4 or not _WHOLE_WORD.match(text, piece.end()):
        return None
    if begins.match(text, piece.start()) or _OTHER_VALUE.match(text, piece.start()):
        return None
    mixed = any(map(str.isdigit, piece[0])) and any(map(str.isalpha, piece[0]))
    exact = len(piece[0]) == missing and not piece[0][1:].islower()
    # A short piece looks like anything, so that it has to be all of its line.
    short = mixed and len(piece[0]) < 8 and _ENDS_LINE.match(text, piece.end())
    return piece.span() if exact or looks_random(piece[0], letters=8, share=1 / 3) or short else None


def _pieces(
    text: str, start: int, body: int, run: re.Pattern[str], begins: re.Pattern[str], enough: int
) -> list[tuple[int, int]]:
    first = run.match(text, body)
    spans = [(start, first.end() if first else body)]
    length = spans[0][1] - body
    while len(spans) < _PIECES and length < enough:
        piece = _next_piece(text, spans[-1][1], run, begins, enough - length)
        if piece is None:
            break
        spans.append(piece)
        length += piece[1] - piece[0]
    return spans


def _token_detector(token: Token, begins: re.Pattern[str]) -> Detector:
    start = re.compile("|".join(map(re.escape, token.prefixes)))
    run = re.compile(f"[{token.characters}]*")
    enough = token.usual or 10_000

    def find(text: str) -> Iterator[Found]:
        for beginning in start.finditer(text):
            if not CLEAN_START.match(text, beginning.start()):
                continue
            spans = _pieces(text, beginning.start(), beginning.end(), run, begins, enough)
            value = "".join(text[a:b] for a, b in spans).rstrip(".=")
            body = value[len(beginning[0]) :]
            exact = len(spans) > 1 and len(body) == token.usual and any(map(str.isdecimal, body))
            if len(body) >= token.least and (exact or looks_random(body)):
                last = spans[-1]
                spans[-1] = (last[0], last[0] + len(text[slice(*last)].rstrip(".")))
                yield from (Found(a, b, value) for a, b in spans)

    # Also of a value in two pieces one is as long as this; other characters may break it anywhere.
    unbroken = token.least >= 20 and not set("+/%:") & set(token.characters)
    return Detector(token.kind, find, tuple(folded(prefix) for prefix in token.prefixes), 16 if unbroken else 0)


_REST_OF_RUN = re.compile(r"[A-Za-z0-9_-]*")
_SPEAKS_OF_SECRETS = re.compile(r"key|token|secret|pass|pwd|auth|cred|api|sign|ssws", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> re.Pattern[str]:
    options = re2.Options()
    options.log_errors = False
    compiled: re.Pattern[str] = re2.compile(regex, options)
    return compiled


def _value_span(match: re.Match[str]) -> tuple[int, int]:
    groups = range(1, match.re.groups + 1)
    return match.span(next((group for group in groups if match.span(group)[0] >= 0), 0))


def _rule_detector(rule: Rule, stands_for_one: Callable[[str], bool]) -> Detector:
    def accepted(text: str, match: re.Match[str], start: int, end: int) -> bool:
        value = text[start:end]
        if rule.assigned:
            named = _SPEAKS_OF_SECRETS.search(text, match.start(), start)
            if not named or not looks_random(value):
                return False
        elif start == match.start() and not CLEAN_START.match(text, start):
            return False
        return entropy(value) >= rule.entropy and not stands_for_one(value)

    def find(text: str) -> Iterator[Found]:
        for match in _compiled(rule.regex).finditer(text):
            start, end = _value_span(match)
            rest = _REST_OF_RUN.match(text, end)
            if rest and rest[0] and rule.assigned:
                continue
            end = rest.end() if rest else end
            if start < end and accepted(text, match, start, end):
                yield Found(start, end, text[start:end])

    shape = re2.compile(rule.shape.encode(), LATIN) if rule.shape else None
    needles = tuple(folded(word) for word in rule.keywords)
    return Detector(rule.kind, find, needles, rule.run or (14 if rule.assigned else 0), spelled=shape)


@lru_cache(maxsize=1)
def rule_detectors(stands_for_one: Callable[[str], bool]) -> Sequence[Detector]:
    """A detector for each rule of both files, ours first; values that ``stands_for_one`` knows are placeholders."""
    files = [_read(name) for name in _FILES]
    tokens = [token for file in files for token in file.tokens]
    prefixes = sorted((prefix for token in tokens for prefix in token.prefixes if len(prefix) > 3), key=len)
    begins = re.compile("|".join(map(re.escape, reversed(prefixes))))
    found = [_token_detector(token, begins) for token in tokens]
    return (*found, *(_rule_detector(rule, stands_for_one) for file in files for rule in file.rules))
