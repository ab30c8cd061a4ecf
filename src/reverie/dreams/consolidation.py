"""From lessons to the edits of one revision, and the gate before they are made."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from reverie.dreams.dream import Change
from reverie.errors import DreamError
from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Lesson
from reverie.memory.memory import Edit


class Consolidation(msgspec.Struct, frozen=True):
    """The edits a dream wants to make, and lessons it takes back."""

    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]
    retired: tuple[Lesson, ...]


def consolidate(
    lessons: Sequence[Lesson], standing: Sequence[Lesson], contents: Mapping[str, str], *, loss_cap: float
) -> Consolidation:
    """Write every adopted lesson, and drop those that stood before and did not hold up this time.

    ``standing`` are the adopted lessons of earlier dreams over the same sessions; ``contents`` the store's documents.
    Other documents are left alone.

    Raises:
        DreamError: more than ``loss_cap`` of the store's documents (a share, and more than one) would vanish.
    """
    adopted = {lesson_path(lesson): lesson for lesson in lessons if lesson.status == "adopted"}
    edits, changes = [], []
    for path, lesson in adopted.items():
        content = lesson_document(lesson)
        if contents.get(path) == content:
            continue
        known = path in contents
        reason = f"{'evidence brought up to date' if known else 'new lesson'}: {lesson.reason}"
        edits.append(Edit(path, content, reason))
        changes.append(Change("edit" if known else "add", path, reason))
    now_judged = {lesson.id: lesson.reason for lesson in lessons}
    dropped = [lesson for lesson in standing if lesson_path(lesson) not in adopted]
    retired = []
    for lesson in dropped:
        path, why = lesson_path(lesson), now_judged.get(lesson.id, "no longer found in these sessions")
        reason = f"no longer holds: {why}"
        retired.append(msgspec.structs.replace(lesson, status="retired", reason=reason))
        if path in contents:
            edits.append(Edit(path, None, reason))
            changes.append(Change("drop", path, reason))
    _check_loss([edit.path for edit in edits if edit.content is None], contents, loss_cap)
    return Consolidation(tuple(edits), tuple(changes), tuple(retired))


def _check_loss(dropped: Collection[str], contents: Mapping[str, str], loss_cap: float) -> None:
    if len(dropped) > max(1.0, loss_cap * len(contents)):
        raise DreamError(
            f"the gate stopped the dream: {len(dropped)} of {len(contents)} documents would vanish, more than the "
            f"allowed share of {loss_cap:.0%}; nothing was changed"
        )
