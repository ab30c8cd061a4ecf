"""Lessons beside each other: a general and a special one that say the opposite, and one advice from two outcomes."""

from collections.abc import Sequence

import msgspec

from reverie.lessons.lesson import Lesson


def settle_conflicts(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Give a general lesson its exceptions: the conditions in which an adopted special one says the opposite.

    Two claims about one behaviour conflict when their effects have opposite signs and one's scope holds the other's.
    The evidence of the special case is about exactly those sessions, so it stands there, and the general lesson says
    so. Duplicates never get here: the joint fit keeps one of them and lists the rest as its shadows.
    """
    adopted = [lesson for lesson in lessons if lesson.status == "adopted"]
    settled = []
    for lesson in lessons:
        exceptions = tuple(
            _condition(other) for other in adopted if lesson.status == "adopted" and _is_exception(other, lesson)
        )
        if exceptions:
            lesson = msgspec.structs.replace(lesson, exceptions=exceptions)
        settled.append(lesson)
    return settled


def join_outcomes(lessons: Sequence[Lesson]) -> list[Lesson]:
    """One lesson where adopted ones give the same advice because of several outcomes: the first, with all numbers.

    What saves seconds often saves tokens and money too; an agent needs the advice once. The order of ``lessons`` says
    which outcome comes first.
    """
    first: dict[tuple[str | None, str, bool], int] = {}
    joined: list[Lesson] = []
    for lesson in lessons:
        claim = lesson.scope.task_family, _claim(lesson), lesson.effect.estimate >= 0
        if lesson.status != "adopted" or first.setdefault(claim, len(joined)) == len(joined):
            joined.append(lesson)
            continue
        leader = joined[first[claim]]
        joined[first[claim]] = msgspec.structs.replace(leader, numbers=f"{leader.numbers} {lesson.numbers}")
    return joined


def _claim(lesson: Lesson) -> str:
    """Of a setting the same whether its first value was compared or any."""
    return lesson.behaviour_name.text if lesson.situation.kind == "given" else lesson.behaviour


def _is_exception(special: Lesson, general: Lesson) -> bool:
    """Whether ``special`` says the opposite of ``general`` in a part of its scope."""
    if special.id == general.id or special.outcome != general.outcome:
        return False
    if special.behaviour_name != general.behaviour_name:
        return False
    if special.effect.estimate * general.effect.estimate >= 0:
        return False
    narrower_family = general.scope.task_family is None and special.scope.task_family is not None
    narrower_condition = general.scope.condition is None and special.scope.condition is not None
    same_family = general.scope.task_family == special.scope.task_family
    return (narrower_family and special.scope.condition == general.scope.condition) or (
        narrower_condition and (same_family or narrower_family)
    )


def _condition(lesson: Lesson) -> str:
    family = f"the task is of the kind “{lesson.scope.task_family}”" if lesson.scope.task_family else ""
    return " and ".join(part for part in (family, lesson.scope.condition or "") if part)
