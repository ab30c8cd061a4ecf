"""A dream's result without sessions that are erased."""

from collections.abc import Collection, Sequence
from typing import TypeVar

import msgspec

from reverie.dreams.dream import DreamResult, LabelledRow, PatternRow
from reverie.lessons.lesson import Lesson
from reverie.lessons.retelling import Label, retell
from reverie.mining.left_out import LeftOut

NOTE = "sessions that this dream read are erased: what quoted any is taken out, the numbers are as they were"
_Row = TypeVar("_Row", PatternRow, LabelledRow)


def without_sessions(
    result: DreamResult, erased: Collection[str], gone: Collection[Label], lines: Sequence[str]
) -> DreamResult:
    """The result with counts, tests and trends as they were, and without what quotes sessions.

    What it quoted nobody can tell apart any more from what it counted, so the overview, the friction, standing orders
    and a model's proposals go whole; the next dream makes them of the sessions that are left.

    Args:
        gone: the behaviours that no session that is left shows.
        lines: of documents that came from the erased sessions.
    """
    labelled, lessons = result.labelled, _retold(result.lessons, erased, gone)
    notes = result.notes if NOTE in result.notes else (*result.notes, NOTE)
    return msgspec.structs.replace(
        result,
        lessons=lessons,
        placed=tuple(one for one in result.placed if one.lesson_id in {lesson.id for lesson in lessons}),
        patterns=_left(result.patterns, gone),
        changes=tuple(
            change
            for change in result.changes
            if change.path not in lines and not any(line in change.reason for line in lines)
        ),
        outcomes=tuple(
            msgspec.structs.replace(outcome, patterns=_left(outcome.patterns, gone)) for outcome in result.outcomes
        ),
        labelled=msgspec.structs.replace(labelled, claims=_left(labelled.claims, gone)) if labelled else None,
        left_out=_without_copies(result.left_out, erased),
        overview=None,
        friction=None,
        preferences=(),
        proposals=(),
        notes=notes,
    )


def _retold(lessons: Sequence[Lesson], erased: Collection[str], gone: Collection[Label]) -> tuple[Lesson, ...]:
    told = (retell(lesson, erased, gone) for lesson in lessons)
    return tuple(lesson for lesson in told if lesson is not None)


def _left(rows: Sequence[_Row], gone: Collection[Label]) -> tuple[_Row, ...]:
    return tuple(row for row in rows if (row.situation, row.behaviour) not in gone)


def _without_copies(left_out: LeftOut, erased: Collection[str]) -> LeftOut:
    groups = (tuple(one for one in group if one not in erased) for group in left_out.copy_groups)
    return msgspec.structs.replace(left_out, copy_groups=tuple(group for group in groups if len(group) > 1))
