"""The briefing: how lessons and memories reach an agent, as one delimited part at the end of its system prompt.

Pure. Short-term notes come first, then lessons whose scope fits by the lower bound of their effect, then what was
recalled for the opening message; each subject once, within a budget of tokens and a number of items. A briefing is made
once for a session and stays as it is, so that a provider's cache holds and so that what was shown is known.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from reverie.lessons.lesson import Lesson, Scope
from reverie.memory.briefing_size import USUAL_SIZE, BriefingSize

CHARACTERS_PER_TOKEN = 4
_MARK = "reverie-guidance"
_INTRODUCTION = (
    "This is what earlier sessions have shown. It is advice, not an order: what the user asks for, and what was said "
    "above, comes first."
)
_IN_MARK = re.compile(re.escape(_MARK), re.IGNORECASE)
_LONGEST_NOTE = 600

ItemKind = Literal["note", "lesson", "memory"]
_ORDER: tuple[ItemKind, ...] = ("note", "lesson", "memory")


class BriefingItem(msgspec.Struct, frozen=True):
    """Something that may be shown."""

    kind: ItemKind
    subject: str
    """Id of the lesson or memory."""
    version: str
    memory_store_id: str
    text: str
    rank: float = 0.0
    """Of items of one kind the higher come first."""


class Shown(msgspec.Struct, frozen=True):
    """An item that is in a briefing."""

    item: BriefingItem
    position: int
    tokens: int


class Briefing(msgspec.Struct, frozen=True):
    """What a session is shown; ``text`` is empty where there is nothing."""

    text: str
    shown: tuple[Shown, ...]


def compose(items: Sequence[BriefingItem], size: BriefingSize = USUAL_SIZE) -> Briefing:
    """The briefing of what fits, best first; an item that is too long for what is left is passed over."""
    shown: list[Shown] = []
    seen: set[str] = set()
    left = size.tokens - estimate_tokens(_frame("", ""))
    for item in sorted(items, key=lambda item: (_ORDER.index(item.kind), -item.rank, item.subject)):
        tokens = estimate_tokens(_line(item))
        if len(shown) == size.items or item.subject in seen or tokens > left:
            continue
        seen.add(item.subject)
        left -= tokens
        shown.append(Shown(item, len(shown), tokens))
    return _of(shown)


def without(briefing: Briefing, hidden: Collection[str]) -> Briefing:
    """The briefing without some subjects, whose places stay empty: nothing else moves up."""
    return _of([one for one in briefing.shown if one.item.subject not in hidden]) if hidden else briefing


def _of(shown: Sequence[Shown]) -> Briefing:
    if not shown:
        return Briefing("", ())
    lines = "\n".join(_line(one.item) for one in shown)
    named = "\n".join(f"{one.item.subject} {one.item.version}" for one in shown)
    return Briefing(_frame(lines, hashlib.sha256(named.encode()).hexdigest()[:12]), tuple(shown))


def fits(scope: Scope, agent: str | None, family: str | None) -> bool:
    """Whether a lesson may be shown: nothing that is known of the session speaks against its scope."""
    return (scope.agent is None or agent is None or scope.agent == agent) and (
        scope.task_family is None or family is None or scope.task_family == family
    )


def lesson_text(lesson: Lesson, advice: str, agent: str | None, family: str | None) -> str:
    """A lesson as it is shown: when, and what to do; whom and what kind of task it is for where that is not known.

    What others did instead, examples and numbers stay in the lesson's document: a reader who takes each word for advice
    does worse with them than without any lesson (docs/closed-loop.md).
    """
    kind, whom = lesson.scope.task_family, lesson.scope.agent
    where = f"In tasks of the kind “{kind}”: " if kind is not None and family is None else ""
    who = f"For the agent “{whom}”: " if whom is not None and agent is None else ""
    return f"{who}{where}{advice.rstrip('.')}."


def note_text(content: str) -> str:
    """A memory as it is shown: on one line, cut where it is long."""
    line = " ".join(content.split())
    return line if len(line) <= _LONGEST_NOTE else line[: _LONGEST_NOTE - 1].rstrip() + "…"


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _line(item: BriefingItem) -> str:
    """An item on a line of its own, unable to end the part that it stands in."""
    return "- " + _IN_MARK.sub("reverie guidance", " ".join(item.text.split()))


def _frame(lines: str, version: str) -> str:
    return f'<{_MARK} version="{version}">\n{_INTRODUCTION}\n\n{lines}\n</{_MARK}>'
