"""How well a dream's lessons match the truth of a planted world."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from reverie.lessons.lesson import Lesson
from reverie.testing.worlds.world import PLANTED_KINDS, Truth

Verdict = Literal["found", "missed", "false", "left alone"]


class ScoreRow(msgspec.Struct, frozen=True):
    """A truth and the lesson that says it, or a lesson that no truth supports."""

    verdict: Verdict
    truth: Truth | None
    lesson: Lesson | None


class WorldScore(msgspec.Struct, frozen=True):
    """The marks of one dream over a planted world; None where there was nothing to divide by."""

    precision: float | None
    """Share of the adopted lessons about behaviours that are true."""
    recall: float | None
    """Share of the causes and flips that an adopted lesson states, with the right sign."""
    false_adopted: int
    """Adopted lessons that are not true."""
    described: tuple[int, int]
    """Of the effects found whose descriptions are marked, those in the best words, and how many there are."""
    coverage: float | None
    """Share of the intervals that hold the true effect, over adopted lessons in a truth's own words."""
    rows: tuple[ScoreRow, ...]
    """One for each truth, in order, then one for each false lesson that no truth accounts for."""


def score_lessons(truths: Sequence[Truth], lessons: Iterable[Lesson]) -> WorldScore:
    """Compare the adopted lessons with the truth.

    Training priorities say where to work, not what works, so they are not counted. An alias or opposite of a cause is
    the cause found, but its own estimand may differ, so only a truth's own words count for ``coverage``.
    """
    adopted = [each for each in lessons if each.status == "adopted" and each.kind != "training_priority"]
    matches = [(each, _truth_behind(truths, each)) for each in adopted]
    right = [(each, truth) for each, truth in matches if truth is not None and truth.kind in PLANTED_KINDS]
    planted = [truth for truth in truths if truth.kind in PLANTED_KINDS]
    found = sum(any(truth is each for _, truth in right) for each in planted)
    own = [(each, truth) for each, truth in right if in_own_words(each, truth)]
    covered = sum(each.effect.low <= truth.effect <= each.effect.high for each, truth in own)
    rows = [_row(truth, matches) for truth in truths]
    rows += [ScoreRow("false", None, each) for each, truth in matches if truth is None]
    return WorldScore(
        precision=_share(len(right), len(adopted)),
        recall=_share(found, len(planted)),
        false_adopted=len(adopted) - len(right),
        described=_described(planted, right),
        coverage=_share(covered, len(own)),
        rows=tuple(rows),
    )


def _described(planted: Sequence[Truth], right: Sequence[tuple[Lesson, Truth]]) -> tuple[int, int]:
    """An effect is well described when all that is adopted of it says it in its best words."""
    lessons = [[each for each, behind in right if behind is truth] for truth in planted if truth.described]
    marked = [truth for truth in planted if truth.described]
    found = [(truth, said) for truth, said in zip(marked, lessons, strict=True) if said]
    well = sum(all(_matches(words_of(each), truth.described) for each in said) for truth, said in found)
    return well, len(found)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def words_of(lesson: Lesson) -> str:
    """The lesson's finding with its situation spelled out, as aliases are matched."""
    return f"{lesson.situation.text} | {lesson.behaviour_name.text}"


def own_words(truth: Truth) -> str:
    """The truth's finding with its situation spelled out; its task family follows in brackets where it has one."""
    family = f" ({truth.task_family})" if truth.task_family else ""
    return f"{truth.situation} | {truth.behaviour}{family}"


def in_own_words(lesson: Lesson, truth: Truth) -> bool:
    """Whether the lesson speaks of exactly what the truth does."""
    return _words_beside(lesson, truth) == own_words(truth)


def _words_beside(lesson: Lesson, truth: Truth) -> str:
    """The lesson's words as the truth's are spelled: with the task family only where the truth belongs to one."""
    family = f" ({lesson.scope.task_family})" if truth.task_family and lesson.scope.task_family else ""
    return words_of(lesson) + family


def _truth_behind(truths: Sequence[Truth], lesson: Lesson) -> Truth | None:
    """The cause the lesson states, in its own words or another's, else the decoy, marker or shadow it took for one."""
    helps = lesson.effect.estimate > 0
    planted = [truth for truth in truths if truth.kind in PLANTED_KINDS]
    for truth in planted:
        if in_own_words(lesson, truth):
            return truth if helps == (truth.effect > 0) else None
    for truth in planted:
        patterns = truth.aliases if helps == (truth.effect > 0) else truth.opposites
        if _matches(_words_beside(lesson, truth), patterns):
            return truth
    others = (truth for truth in truths if truth.kind not in PLANTED_KINDS)
    return next((truth for truth in others if _matches(words_of(lesson), (own_words(truth), *truth.aliases))), None)


def _matches(words: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(words, pattern) for pattern in patterns)


def _row(truth: Truth, matches: Sequence[tuple[Lesson, Truth | None]]) -> ScoreRow:
    """The truth's row: with the lesson that says it in the truth's own words, else the first that says it."""
    lessons = [lesson for lesson, behind in matches if behind is truth]
    lessons.sort(key=lambda lesson: not in_own_words(lesson, truth))
    if truth.kind in PLANTED_KINDS:
        return ScoreRow("found" if lessons else "missed", truth, lessons[0] if lessons else None)
    return ScoreRow("false" if lessons else "left alone", truth, lessons[0] if lessons else None)
