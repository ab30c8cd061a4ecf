"""When two answers to one question are the same, and whether most of those who were asked gave it.

Pure rules, of no language: equal is what differs in case, spaces, punctuation around words, quotes, code fences, the
way a number is written, units of one measure, or the layout of a list or of JSON. Whether two sentences mean the same
is not asked: answers that are not seen to be equal are told apart, so that agreement is rather found too seldom than
too often.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

_FENCE = re.compile(r"\A\s*(```+|~~~+)[^\n`]*\n(?P<inside>.*?)\n?\s*\1\s*\Z", re.DOTALL)
_BOXED = re.compile(r"\A\$*\s*\\boxed\{(?P<inside>.*)\}\s*\$*\Z", re.DOTALL)
_LEAD = re.compile(
    r"\A\W*(?:(?:the|my|die|meine|la|le|ma|mi)\s+)?(?:final\s+|endgültige\s+)?"
    r"(?:answer|result|antwort|ergebnis|respuesta|resultado|réponse|résultat|答案|结果)(?:\s+(?:final|finale))?"
    r"(?:\s*[:：=]\s*|\s+(?:is|lautet|ist|es|est)\s*[:：]?\s+|是\s*[:：]?\s*)\W*(?=\S)",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:[-*•–]|\d{1,3}[.)])\s+(?P<item>\S.*)")
_QUOTES = "\"'`“”„‟«»‹›「」『』‘’‚"
_PAIRS = {"**": "**", "__": "__", "*": "*", **{quote: quote for quote in "\"'`"}} | dict(
    zip("“„«‹「『‘‚", "””»›」』’’", strict=True)
)
_MINUS = str.maketrans({"−": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "’": "'", "‘": "'"})
_ENDS = re.compile(r"[.,;:!?…。、·¡¿]+(?=\s|\Z)|(?<!\S)[¡¿]+")
_AROUND = re.compile(rf"(?<!\w)[{re.escape(_QUOTES)}()\[\]]+|[{re.escape(_QUOTES)}()\[\]]+(?!\w)")
_NUMBER = re.compile(
    r"(?P<before>[$€£¥])?\s*(?P<sign>[-+])?\s*(?P<money>[$€£¥])?\s*(?P<digits>\d(?:[\d.,' ]*\d)?|\.\d+)"
    r"(?:\s*(?:e|[x×*]\s*10\s*\^)\s*(?P<power>[-+]?\d{1,3}))?\s*(?P<unit>[^\W\d_][^\d]*|%|‰|°\s*[cf]?|[$€£¥])?"
)
_GROUPED = re.compile(r"\d{1,3}(?:(?P<sign>[., '])\d{3})(?:(?P=sign)\d{3})*")
_MOST_DIGITS = 60
_ONE = Fraction(1)
_UNITS: Mapping[str, tuple[str, Fraction]] = {
    **{
        name: (measure, Fraction(factor))
        for measure, units in {
            "m": {"mm": "1/1000", "cm": "1/100", "m": "1", "km": "1000"},
            "g": {"mg": "1/1000", "g": "1", "kg": "1000"},
            "l": {"ml": "1/1000", "l": "1"},
            "s": {"ms": "1/1000", "s": "1", "sec": "1", "min": "60", "h": "3600", "hr": "3600"},
            "byte": {"b": "1", "kb": "1000", "mb": "1000000", "gb": "1000000000", "kib": "1024", "mib": "1048576"},
        }.items()
        for name, factor in units.items()
    },
    **{
        name: (measure, Fraction(factor))
        for measure, factor, names in (
            ("m", "1", "metre metres meter meters"),
            ("m", "1000", "kilometre kilometres kilometer kilometers"),
            ("g", "1", "gram grams gramm"),
            ("g", "1000", "kilogram kilograms kilogramm"),
            ("l", "1", "litre litres liter liters"),
            ("s", "1", "second seconds secs sekunde sekunden"),
            ("s", "60", "minute minutes mins minuten"),
            ("s", "3600", "hour hours hrs stunde stunden"),
            ("s", "86400", "day days tag tage tagen"),
            ("byte", "1", "byte bytes"),
            ("%", "1", "% percent prozent pourcent"),
            ("usd", "1", "$ usd dollar dollars"),
            ("eur", "1", "€ eur euro euros"),
            ("gbp", "1", "£ gbp pound pounds"),
            ("", "1000", "thousand k"),
            ("", "1000000", "million millions millionen"),
            ("", "1000000000", "billion billions"),
        )
        for name in names.split()
    },
}
"""Units by their names: what they measure, and how much of it. Others are compared by name."""


class Tally(msgspec.Struct, frozen=True):
    """Answers to one question, the same ones together."""

    groups: tuple[tuple[int, ...], ...]
    """Places of those who gave the same answer; the largest first, then by the first place."""
    asked: int
    """How many were asked; some may have given no answer."""

    @property
    def agreeing(self) -> int:
        """How many gave the most frequent answer."""
        return len(self.groups[0]) if self.groups else 0

    @property
    def winner(self) -> int | None:
        """The group that is more than half of those who were asked; None where no group is."""
        return 0 if self.agreeing * 2 > self.asked else None


def tally(answers: Sequence[str | None]) -> Tally:
    """Count the same answers together; None, and what is empty once normalised, is no answer."""
    groups: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        normal = "" if answer is None else normalised(answer)
        if normal:
            groups.setdefault(normal, []).append(place)
    ordered = sorted(groups.values(), key=lambda places: (-len(places), places[0]))
    return Tally(tuple(tuple(places) for places in ordered), len(answers))


def is_same(first: str, second: str) -> bool:
    """Whether two answers are the same; what says nothing is the same as nothing."""
    return bool(normalised(first)) and normalised(first) == normalised(second)


def normalised(answer: str) -> str:
    """What is the same for the same answers: canonical JSON of its value; ``''`` where there is none."""
    value = _value(_bare(answer))
    return "" if value == "" else json.dumps(value, sort_keys=True)


def _bare(answer: str) -> str:
    """An answer without what stands around it."""
    text = unicodedata.normalize("NFKC", answer).strip()
    while True:
        inside = _unwrapped(text)
        if inside == text:
            return text
        text = inside


def _unwrapped(text: str) -> str:
    for pattern in (_FENCE, _BOXED):
        if found := pattern.match(text):
            return found["inside"].strip()
    for begin, end in _PAIRS.items():
        inside = text[len(begin) : -len(end)]
        if text.startswith(begin) and text.endswith(end) and len(text) > len(begin + end) and end not in inside:
            return inside.strip() if begin not in inside else text
    return _LEAD.sub("", text, count=1)


def _value(text: str) -> Any:
    """A quantity as ``{"=": number, "of": unit}``, a list, a mapping, or a plain text."""
    if text[:1] in ("[", "{"):
        try:
            return _of_json(json.loads(text, parse_int=_written, parse_float=_written, parse_constant=_written))
        except (ValueError, RecursionError):
            pass  # no JSON: a text that begins with a bracket
    lines = [line for line in text.splitlines() if line.strip()]
    items = [_ITEM.fullmatch(line) for line in lines]
    if len(items) > 1 and all(items):
        return [_scalar(_bare(item["item"])) for item in items if item]
    return _scalar(text)


class _Written(str):
    """A number of JSON, as it is written."""

    __slots__ = ()


_written = _Written


def _of_json(value: Any) -> Any:
    if isinstance(value, _Written):
        return _quantity(value.casefold(), grouped=False) or _plain(value)
    if isinstance(value, Mapping):
        return {_plain(key): _of_json(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_of_json(inside) for inside in value]
    return _scalar(_bare(value)) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> Any:
    return _quantity(_plain(text)) or _plain(text)


def _plain(text: str) -> str:
    """A text without case, spaces, and signs around its words."""
    text = text.translate(_MINUS).replace("**", "").casefold()
    before = None
    while text != before:
        before = text
        text = _AROUND.sub("", _ENDS.sub("", text))
    return " ".join(text.split())


def _quantity(text: str, *, grouped: bool = True) -> dict[str, str] | None:
    """The number that a text is, with its unit; None where it is something else.

    Args:
        grouped: whether a sign before three digits may part thousands, as in ``1,234``.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or len(found["digits"]) > _MOST_DIGITS:
        return None
    number = _number(found["digits"], grouped)
    if number is None:
        return None
    money = found["before"] or found["money"]
    unit = " ".join((found["unit"] or "").split()).rstrip(". ")
    if money and unit and _UNITS.get(unit, ("", _ONE))[0] not in ("", _UNITS.get(money, (money, _ONE))[0]):
        return None
    measure, factor = _UNITS.get(unit, (unit, _ONE))
    if money:
        measure = _UNITS.get(money, (money, _ONE))[0]
    number *= factor * Fraction(10) ** int(found["power"] or 0)
    return {"=": str(-number if found["sign"] == "-" else number), "of": measure}


def _number(digits: str, grouped: bool) -> Fraction | None:
    """A number as people write it; None for a row of numbers. A comma before three digits parts thousands."""
    text = digits.replace("'", " ")
    marks = [sign for sign in text if sign in ".,"]
    decimal = ""
    if len(set(marks)) == 2:
        decimal = marks[-1]
    elif len(marks) == 1 and not (grouped and marks[0] == "," and _GROUPED.fullmatch(text) and text[0] != "0"):
        decimal = marks[0]
    whole, _, part = text.rpartition(decimal) if decimal else (text, "", "")
    if decimal in whole and decimal:
        return None
    groups = len(whole) > 3 and not whole.isdigit()
    if (groups and not (grouped and _GROUPED.fullmatch(whole))) or not (part or "0").isdigit():
        return None
    bare = "".join(sign for sign in whole if sign.isdigit())
    if not groups and bare != whole:
        return None
    return Fraction(f"{bare or '0'}.{part or '0'}")
