"""From lessons to the edits of one revision, and the gate before they are made."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from reverie.assist.merger import Merged, merging_edits
from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Lesson
from reverie.memory.change import Change
from reverie.memory.consolidation import check_loss, may_vanish, plan_consolidation
from reverie.memory.edit_sequence import documents_after, join_edits
from reverie.memory.memory import Edit
from reverie.memory.polarity import has_no_rules
from reverie.memory.policy import MemoryPolicy
from reverie.memory.tiers import Confirmation, Document


class Consolidation(msgspec.Struct, frozen=True):
    """The edits a dream wants to make, and lessons it takes back."""

    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]
    retired: tuple[Lesson, ...]
    notes: tuple[str, ...] = ()
    """What was left alone, and why."""


def plan_dream(
    lessons: Sequence[Lesson],
    active_lessons: Sequence[Lesson],
    documents: Sequence[Document],
    fresh: Mapping[str, Sequence[Confirmation]],
    merged: Sequence[Merged],
    policy: MemoryPolicy,
    now: datetime,
) -> Consolidation:
    """All that a dream does to a store: its lessons, the upkeep of everything else, then a model's mergers.

    ``fresh`` are the confirmations of this dream by path, which documents written just now do not have yet. The gate
    looks once, at the whole of it; what expires as its tier says and what is moved into quarantine is no loss.

    Raises:
        DreamError: more of the documents would vanish than the policy's ``loss_cap`` allows.
    """
    plan = plan_lessons(lessons, active_lessons, documents)
    after = _confirmed(documents_after(documents, plan.edits, now), fresh)
    upkeep = plan_consolidation(after, policy, now)
    edits = join_edits(plan.edits, [planned.edit for planned in upkeep])
    excused = {planned.edit.path for planned in upkeep if planned.action in ("expire", "quarantine")}
    before = {document.path: document.content for document in documents}
    loss_cap = policy.consolidation.loss_cap
    vanishing = {edit.path for edit in edits if edit.content is None and edit.path in before} - excused
    room = may_vanish(len(documents), loss_cap) - len(vanishing)
    mergers, merging = merging_edits(merged, before, {edit.path for edit in edits}, room)
    vanishing |= {edit.path for edit in mergers if edit.content is None}
    check_loss(vanishing, len(documents), loss_cap)
    return Consolidation(
        edits=(*edits, *mergers),
        changes=(*plan.changes, *(Change(p.action, p.edit.path, p.edit.reason) for p in upkeep), *merging),
        retired=plan.retired,
        notes=(*plan.notes, *_notes_on_languages(documents)),
    )


def _notes_on_languages(documents: Sequence[Document]) -> list[str]:
    """Where opposites stay unseen."""
    paths = [document.path for document in documents if not document.is_lesson and has_no_rules(document.content)]
    if not paths:
        return []
    where = paths[0] if len(paths) == 1 else f"{len(paths)} memories, such as {paths[0]}"
    return [f"statements that are opposites were not looked for in {where}: there are no rules for the language"]


def plan_lessons(
    lessons: Sequence[Lesson], active_lessons: Sequence[Lesson], documents: Sequence[Document]
) -> Consolidation:
    """Write every adopted lesson, and drop those that stood before and did not hold up this time.

    ``active_lessons`` are the adopted lessons of earlier dreams over the same sessions. A document that somebody else
    wrote or edited is theirs, also at a lesson's path: it stays, and a note says so.
    """
    by_path = {document.path: document for document in documents}
    adopted = {lesson_path(lesson): lesson for lesson in lessons if lesson.status == "adopted"}
    edits, changes, notes = [], [], []
    for path, lesson in adopted.items():
        content, present = lesson_document(lesson), by_path.get(path)
        if present is not None and present.lesson_id is None and present.content != content:
            notes.append(f"{path} was not written by a dream; left as it is (delete it to get the lesson's own text)")
            continue
        if present is not None and (present.content, present.lesson_id) == (content, lesson.id):
            continue
        reason = f"{'new lesson' if present is None else 'evidence brought up to date'}: {lesson.reason}"
        edits.append(Edit(path, content, reason, lesson_id=lesson.id))
        changes.append(Change("add" if present is None else "edit", path, reason))
    now_judged = {lesson.id: lesson.reason for lesson in lessons}
    retired = []
    for lesson in active_lessons:
        path, why = lesson_path(lesson), now_judged.get(lesson.id, "no longer found in these sessions")
        if path in adopted:
            continue
        reason = f"no longer holds: {why}"
        retired.append(msgspec.structs.replace(lesson, status="retired", reason=reason))
        if path in by_path and by_path[path].is_lesson:
            edits.append(Edit(path, None, reason))
            changes.append(Change("drop", path, reason))
        elif path in by_path:
            notes.append(f"{path} was not written by a dream; left as it is, though its lesson {reason}")
    return Consolidation(tuple(edits), tuple(changes), tuple(retired), tuple(notes))


def _confirmed(documents: Sequence[Document], fresh: Mapping[str, Sequence[Confirmation]]) -> list[Document]:
    """The documents of lessons with the confirmations of this dream; nobody else's text is confirmed by its path."""
    return [
        msgspec.structs.replace(
            document, confirmations=tuple(dict.fromkeys((*document.confirmations, *fresh.get(document.path, ()))))
        )
        if document.is_lesson
        else document
        for document in documents
    ]
