"""What the dream turned down, grouped by reason."""

import re
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from reverie.dreams.dream import DreamResult, PatternRow
from reverie.lessons.lesson import Effect, Lesson
from reverie.reports.patterns import claim_in_words, claim_of, is_refused

EXAMPLES = 3
"""Refusals of one reason that are shown without unfolding."""
LISTED = 100
"""Refusals of one reason that are listed at all."""

_PARTICULAR = re.compile(r"`[^`]*`|[-+−]?\d[\d,]*(?:\.\d+)?")
"""Names and numbers, which differ between refusals of one reason."""


class Refusal(msgspec.Struct, frozen=True):
    """A lesson or pattern that was turned down."""

    claim: str
    reason: str
    effect: Effect | None
    naive_effect: float | None
    q_value: float


class RefusalGroup(msgspec.Struct, frozen=True):
    """All that was turned down for one reason, the strongest claims first."""

    reason: str
    """The common reason; names and numbers that differ between the refusals are replaced by an ellipsis."""
    refusals: tuple[Refusal, ...]
    count: int

    @property
    def examples(self) -> tuple[Refusal, ...]:
        """The few to show at once."""
        return self.refusals[:EXAMPLES]

    @property
    def rest(self) -> tuple[Refusal, ...]:
        """Those to fold."""
        return self.refusals[EXAMPLES:]

    @property
    def unlisted(self) -> int:
        """How many are only counted."""
        return self.count - len(self.refusals)


def group_refusals(result: DreamResult) -> tuple[RefusalGroup, ...]:
    """Refused lessons and patterns by reason, the commonest reason first; a lesson stands for its own pattern."""
    lessons = [lesson for lesson in result.lessons if lesson.status == "refused"]
    refusals = [Refusal(lesson.statement, lesson.reason, lesson.effect, None, lesson.q_value) for lesson in lessons]
    lessons_on = {_claim(lesson) for lesson in lessons if lesson.outcome == "reward"}
    refusals += [_refused(row) for row in result.patterns if is_refused(row) and claim_of(row) not in lessons_on]
    groups: dict[str, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        groups[_common(refusal.reason).casefold()].append(refusal)
    return tuple(_group(members) for members in sorted(groups.values(), key=len, reverse=True))


def _claim(lesson: Lesson) -> str:
    """The lesson's claim as :func:`claim_of` names that of its pattern."""
    family = lesson.scope.task_family
    return f"{lesson.behaviour} (category {family})" if family else lesson.behaviour


def _common(reason: str) -> str:
    return _PARTICULAR.sub("…", reason).rstrip(".")


def _refused(row: PatternRow) -> Refusal:
    return Refusal(claim_in_words(row), row.verdict, row.effect, row.naive_effect, row.q_value)


def _group(members: Sequence[Refusal]) -> RefusalGroup:
    reasons = {member.reason for member in members}
    return RefusalGroup(
        reason=members[0].reason if len(reasons) == 1 else _common(members[0].reason),
        refusals=tuple(sorted(members, key=_loudness, reverse=True)[:LISTED]),
        count=len(members),
    )


def _loudness(refusal: Refusal) -> float:
    return max(abs(refusal.effect.estimate) if refusal.effect else 0.0, abs(refusal.naive_effect or 0.0))
