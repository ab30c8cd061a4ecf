"""A lesson without sessions that are erased: told anew from what remains, retired, or gone."""

from collections.abc import Collection

import msgspec

from reverie.digests.behaviour_name import read_label
from reverie.display_name import shown_label
from reverie.lessons.lesson import Lesson

Label = tuple[str, str]
"""A situation and a behaviour, as texts."""


def cited_sessions(lesson: Lesson) -> set[str]:
    """Ids of the sessions that a lesson names."""
    cited = {each.session_id for each in (*lesson.evidence, *lesson.counter_examples)}
    return cited | {each.session_id for each in lesson.examples}


def retell(lesson: Lesson, erased: Collection[str], gone: Collection[Label]) -> Lesson | None:
    """The lesson as it stands without the ``erased`` sessions; the same one where it does not rest on them.

    Its numbers stay as they were measured: they tell of no single session, and the next dream measures them anew.
    None where no session that is left shows what it speaks of: then even its words come from the erased ones.

    Args:
        gone: the behaviours that no session that is left shows.
    """
    if _is_gone(lesson.behaviour, gone):
        return None
    labels = {
        name: tuple(label for label in getattr(lesson, name) if not _is_gone(label, gone))
        for name in ("also", "shadows")
    }
    lesson = msgspec.structs.replace(lesson, **labels) if _differ(lesson, labels) else lesson
    cited = cited_sessions(lesson)
    lost = len(cited & set(erased))
    if not lost:
        return lesson
    evidence = tuple(each for each in lesson.evidence if each.session_id not in erased)
    stands = bool(evidence) or lesson.status == "refused"
    adjustment = lesson.adjustment
    return msgspec.structs.replace(
        lesson,
        evidence=evidence,
        counter_examples=tuple(each for each in lesson.counter_examples if each.session_id not in erased),
        examples=tuple(each for each in lesson.examples if each.session_id not in erased),
        # A model wrote them after it was shown sessions; which, nobody recorded.
        words="",
        adjustment=msgspec.structs.replace(adjustment, seen=()) if adjustment else None,
        status=lesson.status if stands else "retired",
        reason=f"{lesson.reason}; {lost} of the {len(cited)} sessions that it cited are erased"
        if stands
        else f"all {lost} sessions that it cited as evidence are erased",
    )


def free_lines(lesson: Lesson, erased: Collection[str], gone: Collection[Label]) -> list[str]:
    """What a lesson has of the erased sessions and no renderer made: quotations, a model's words, names that are gone.

    By these lines a copy of its document is known again; the others may stand in any lesson's document.
    """
    quoted = [each.text for each in lesson.examples if each.session_id in erased]
    worded = [lesson.words] if cited_sessions(lesson) & set(erased) else []
    labels = (lesson.behaviour, *lesson.also, *lesson.shadows)
    named = [f"`{shown_label(label)}`" for label in labels if _is_gone(label, gone)]
    return [line.strip() for text in (*quoted, *worded, *named) for line in text.splitlines() if line.strip()]


def _differ(lesson: Lesson, fields: dict[str, tuple[str, ...]]) -> bool:
    return any(getattr(lesson, name) != value for name, value in fields.items())


def _is_gone(label: str, gone: Collection[Label]) -> bool:
    situation, name = read_label(label)
    return (situation.text, name.text) in gone
