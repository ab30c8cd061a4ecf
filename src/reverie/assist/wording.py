"""The words a model found for a dream's lessons and themes; they stand for as long as ours would be the same."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from reverie.assist.assistant import name_themes, reword_lessons
from reverie.assist.budget import Spending
from reverie.assist.merger import Merged
from reverie.assist.question import AssistantPolicy
from reverie.language_model import LanguageModel
from reverie.lessons.lesson import Lesson
from reverie.overview.overview import Overview, SegmentRate, WeakSegment
from reverie.prompts.name_themes import ThemeSample

_Segment = TypeVar("_Segment", WeakSegment, SegmentRate)

KEPT = ("adopted", "trial", "candidate")
"""Statuses of the lessons that are worth better prose."""


class ModelWording(msgspec.Struct, frozen=True):
    """Words that passed their checks, by the words of ours that they stand for."""

    advice: dict[str, str] = {}
    themes: dict[str, str] = {}
    merged: tuple[Merged, ...] = ()
    notes: tuple[str, ...] = ()
    spent: dict[str, Spending] = {}
    """By purpose, in the whole dream."""


async def word_lessons(
    model: LanguageModel, lessons: Sequence[Lesson], known: Mapping[str, str], policy: AssistantPolicy
) -> tuple[dict[str, str], tuple[str, ...]]:
    """``known`` with the advice of those lessons that it lacks, and notes on what stays ours."""
    new = [lesson for lesson in lessons if lesson.status in KEPT and lesson.advice not in known]
    reworded, notes = await reword_lessons(model, new, policy)
    found = {
        ours.advice: theirs.advice for ours, theirs in zip(new, reworded, strict=True) if ours.advice != theirs.advice
    }
    return {**known, **found}, notes


async def word_themes(
    model: LanguageModel, overview: Overview | None, known: Mapping[str, str], policy: AssistantPolicy
) -> tuple[dict[str, str], tuple[str, ...]]:
    """``known`` with names for those themes that it lacks, each name once, and notes on calls that gave nothing."""
    new = [theme for theme in (overview.themes if overview else ()) if theme.name not in known]
    samples = [ThemeSample(theme.name, [exemplar.opening for exemplar in theme.exemplars]) for theme in new]
    names, notes = await name_themes(model, samples, policy)
    taken = set(known.values())
    found = {
        theme.name: name for theme, name in zip(new, names, strict=True) if name != theme.name and name not in taken
    }
    return {**known, **found}, notes


def with_wording(lessons: Sequence[Lesson], advice: Mapping[str, str]) -> list[Lesson]:
    """The lessons, with better advice where there is some; the sentences with the numbers stay."""
    return [_worded(lesson, advice) if lesson.status in KEPT else lesson for lesson in lessons]


def with_theme_names(overview: Overview, names: Mapping[str, str]) -> Overview:
    """The overview, with themes under the names they were given wherever they are spoken of."""
    if not names:
        return overview
    return msgspec.structs.replace(
        overview,
        themes=tuple(msgspec.structs.replace(x, name=names.get(x.name, x.name)) for x in overview.themes),
        weak_segments=tuple(_renamed(x, names) for x in overview.weak_segments),
        fallbacks=tuple(_renamed(x, names) for x in overview.fallbacks),
    )


def _renamed(segment: _Segment, names: Mapping[str, str]) -> _Segment:
    label = names.get(segment.label, segment.label) if segment.kind == "theme" else segment.label
    return msgspec.structs.replace(segment, label=label)


def _worded(lesson: Lesson, advice: Mapping[str, str]) -> Lesson:
    return msgspec.structs.replace(lesson, words=advice.get(lesson.advice, lesson.words))
