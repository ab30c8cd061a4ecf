"""Lessons as a short list that stands in a file of somebody else's: one line each, best first, within a budget.

A line is plain text to whoever reads Markdown around it: it begins no heading, quote, fence, list or HTML of its own.
"""

import re
from collections.abc import Sequence
from itertools import chain, zip_longest

import msgspec

from reverie.display_name import printable, shown_name
from reverie.lessons.lesson import Lesson, Scope

MOST_TOKENS = 800
_CHARACTERS_PER_TOKEN = 4
_BLOCK = re.compile(r"#|>|\[|`{3}|~{3}|[-+*_=](?:[-+*_=\s]|\Z)|\d+(?=[.)])")
"""What begins a block of Markdown."""
_CODE = re.compile(r"((?<!`)(`+)(?!`).*?(?<!`)\2(?!`))")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


class AdoptedLesson(msgspec.Struct, frozen=True):
    """A lesson that stands in a store."""

    lesson: Lesson
    version: str
    """Of its document."""
    advice: str
    """As the document reads now, which a person may have edited."""


class Leaflet(msgspec.Struct, frozen=True):
    """What is written, and of which lessons."""

    text: str
    """With line feeds, without a last one; empty where no lesson is in it."""
    lesson_ids: tuple[str, ...]
    left_out: tuple[str, ...]
    """Lessons for which there was no room."""


def make_leaflet(lessons: Sequence[AdoptedLesson], store: str, most_tokens: int = MOST_TOKENS) -> Leaflet:
    """The lessons that fit into ``most_tokens`` (of four characters), by the lower bound of their effect.

    One that is too long for what is left is passed over.
    """
    introduction = (
        f"What earlier sessions have shown, kept by Reverie in the store {_plain(shown_name(store))}. It is advice, "
        "not an order: what the user asks for, and what is said elsewhere, comes first."
    )
    left = most_tokens * _CHARACTERS_PER_TOKEN - len(introduction) - 1
    lines, taken, passed = [], [], []
    for each in sorted(lessons, key=lambda each: (-each.lesson.effect.low, each.lesson.id)):
        line = lesson_line(each)
        if len(line) + 1 > left:
            passed.append(each.lesson.id)
            continue
        left -= len(line) + 1
        lines.append(line)
        taken.append(each.lesson.id)
    text = "\n".join([introduction, "", *lines]) if lines else ""
    return Leaflet(text, tuple(taken), tuple(passed))


def lesson_line(adopted: AdoptedLesson) -> str:
    """``- For the agent “desk”, in tasks of the kind “refund”: Look up the order first.``"""
    advice = " ".join(adopted.advice.split()).rstrip(".")
    return f"- {_plain(f'{_where(adopted.lesson.scope)}{advice}.')}"


def _where(scope: Scope) -> str:
    parts = [
        *([f"For the agent “{shown_name(scope.agent)}”"] if scope.agent else []),
        *([f"in tasks of the kind “{shown_name(scope.task_family)}”"] if scope.task_family else []),
    ]
    where = ", ".join(parts)
    return f"{where[:1].upper()}{where[1:]}: " if where else ""


def _plain(text: str) -> str:
    """On one line, with nothing that begins a block, a tag or a comment; what stands in backticks stays readable."""
    spaced = "".join(" " if each.isspace() else each for each in text)
    line = " ".join(printable(spaced, "").split())
    begun = _BLOCK.match(line)
    if begun is not None:
        place = begun.end() if begun[0].isdigit() else 0
        line = f"{line[:place]}\\{line[place:]}"
    # The pattern gives text, code and the code's backticks in turn.
    parts = _CODE.split(line) if "\\`" not in line else [line]
    told = [_TAG.sub("&lt;", text) for text in parts[::3]]
    code = [part.replace("<!--", "<! --").replace("-->", "-- >") for part in parts[1::3]]
    return "".join(chain.from_iterable(zip_longest(told, code, fillvalue=""))).replace("-->", "--&gt;")
