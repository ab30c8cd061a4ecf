"""Lessons: what to do differently, on what evidence, and what became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, get_args

import msgspec
from starlette.responses import Response

from reverie.api.records import ExplainedLesson, LessonEvent, LessonHistory, StoredLesson, StoredTrial
from reverie.console.choice import one_of
from reverie.console.drawing import Drawing
from reverie.console.links import actor_at, at, session_at
from reverie.console.page import page
from reverie.console.stores import StoreNames, read_stores
from reverie.console.visit import Visit
from reverie.lessons.lesson import Evidence, Lesson, LessonKind, LessonStatus
from reverie.reports.charts import ForestRow
from reverie.reports.patterns import PatternStatus, words_of
from reverie.reports.words import clipped, moment, signed

if TYPE_CHECKING:
    from reverie.client.client import AsyncClient

PAGE = 20
_DRAWN_LABEL = 90
_MOST_TRIALS = 3
STATUSES: tuple[LessonStatus, ...] = get_args(LessonStatus)
KINDS: tuple[LessonKind, ...] = get_args(LessonKind)
_MARKS: dict[str, PatternStatus] = {"adopted": "adopted", "trial": "candidate", "candidate": "candidate"}
_ACTS = {
    ("written", "created"): "its document was written",
    ("written", "modified"): "its document was changed",
    ("written", "deleted"): "its document was taken out",
    ("trial_begun", "trial"): "a live trial began",
    ("trial_decided", "adopt"): "the trial: adopted",
    ("trial_decided", "reject"): "the trial: rejected",
    ("trial_decided", "roll_back"): "the trial: rolled back",
    ("trial_decided", "conclude"): "the trial: concluded, it could not tell",
    ("trial_decided", "freeze"): "the trial: frozen",
    ("trial_decided", "end"): "the trial: ended",
}


@dataclass(frozen=True, slots=True)
class ListedLesson:
    """A lesson in the list."""

    lesson: StoredLesson
    store: str
    """The name of its store."""
    href: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A session that speaks for or against a lesson, at the moment that decides."""

    session_id: str
    href: str
    hint: str


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """Something that befell a lesson, in words."""

    event: LessonEvent
    what: str
    by_href: str | None
    href: str | None
    """Where what happened can be looked at."""


@page("GET", "/console/lessons", "lessons")
async def list_lessons(visit: Visit) -> Response:
    """The lessons of all stores, or of those that were chosen."""
    stores = await read_stores(visit)
    asked = {name: visit.query.get(name, "").strip() or None for name in ("store", "status", "kind", "agent")}
    found = await visit.client.lesson_page(
        store_id=asked["store"],
        status=one_of(asked["status"], STATUSES, "status") if asked["status"] else None,
        kind=one_of(asked["kind"], KINDS, "kind") if asked["kind"] else None,
        agent=asked["agent"],
        page=visit.query.get("page") or None,
        limit=PAGE,
    )
    following = at("lessons", **asked, page=found.next_page) if found.next_page else None
    return visit.show(
        "lessons.html",
        lessons=[_listed(lesson, stores) for lesson in found.data],
        drawing=_forest_of(found.data),
        stores=stores,
        asked=asked,
        is_chosen=any(asked.values()),
        statuses=STATUSES,
        kinds=KINDS,
        next_href=following,
    )


@page("GET", "/console/lessons/{lesson_id}", "lessons")
async def read_lesson(visit: Visit) -> Response:
    """One lesson: the advice, the evidence on both sides, and all that befell it."""
    lesson_id, store_id = visit.path["lesson_id"], visit.query.get("store")
    told = await visit.client.lesson_history(lesson_id, store_id=store_id)
    explained = None
    if visit.query.get("with") == "evidence":
        explained = await visit.client.lesson(lesson_id, store_id=told.memory_store_id)
    stores = await read_stores(visit)
    return visit.show(
        "lesson.html",
        lesson=told,
        it=words_of(told.behaviour),
        also=[words_of(label) for label in told.also],
        shadows=[words_of(label) for label in told.shadows],
        examples=[(each, session_at(each.session_id, each.event_id)) for each in told.examples],
        store=stores.name(told.memory_store_id),
        here=at("lessons", lesson_id, store=told.memory_store_id),
        evidence_href=at("lessons", lesson_id, "evidence", store=told.memory_store_id),
        try_href=at("lessons", lesson_id, "try"),
        document_href=_document(told),
        evidence=_cited(told.evidence),
        against=_cited(told.counter_examples),
        drawing=_forest(told),
        lines=_effects(told),
        events=[_told(event, told.memory_store_id) for event in told.events],
        trials=await _trials(visit.client, told.events),
        explained=None if explained is None else _explained(explained),
    )


@page("GET", "/console/lessons/{lesson_id}/evidence", "lessons")
async def read_evidence(visit: Visit) -> Response:
    """The piece of a lesson's page for which sessions are looked at again, which takes a while."""
    lesson_id, store_id = visit.path["lesson_id"], visit.query.get("store")
    if not visit.is_partial:
        return visit.go(f"{at('lessons', lesson_id, store=store_id, **{'with': 'evidence'})}#strata")
    explained = await visit.client.lesson(lesson_id, store_id=store_id)
    return visit.show("lesson_evidence.html", explained=_explained(explained))


@page("POST", "/console/lessons/{lesson_id}/try", "lessons")
async def try_lesson(visit: Visit) -> Response:
    """Begin a live trial of a lesson."""
    trial = await visit.client.start_trial(visit.text("store"), lesson_id=visit.path["lesson_id"])
    return visit.go(at("trials", trial.id), said="The trial has begun.")


def _listed(lesson: StoredLesson, stores: StoreNames) -> ListedLesson:
    href = at("lessons", lesson.id, store=lesson.memory_store_id)
    return ListedLesson(lesson, stores.name(lesson.memory_store_id), href)


def _document(lesson: LessonHistory) -> str | None:
    return None if lesson.document_path is None else at("memory", lesson.memory_store_id, path=lesson.document_path)


def _cited(evidence: Iterable[Evidence]) -> list[Citation]:
    return [Citation(each.session_id, session_at(each.session_id, each.event_id), each.hint) for each in evidence]


def _told(event: LessonEvent, store_id: str) -> ToldEvent:
    words = _ACTS.get((event.act, event.what), f"a dream found it {event.what}")
    href = None
    if event.revision is not None:
        href = at("memory", store_id, "diff", revision=event.revision)
    elif event.trial_id is not None:
        href = at("trials", event.trial_id)
    return ToldEvent(event, words, actor_at(event.by), href)


async def _trials(client: "AsyncClient", events: Sequence[LessonEvent]) -> list[StoredTrial]:
    """Its live trials, the latest first."""
    ids = dict.fromkeys(event.trial_id for event in reversed(events) if event.trial_id is not None)
    return [await client.trial(trial_id) for trial_id in list(ids)[:_MOST_TRIALS]]


def _mark(status: str) -> PatternStatus:
    return _MARKS.get(status, "refused")


def _forest_of(lessons: Sequence[Lesson]) -> Drawing | None:
    """The effects on the reward of the lessons of a page."""
    rows = [
        ForestRow(clipped(lesson.advice, _DRAWN_LABEL), lesson.effect, _mark(lesson.status))
        for lesson in lessons
        if lesson.effect.unit == "reward" and (lesson.sessions_with or lesson.sessions_without)
    ]
    return Drawing.of_effects(rows, "lessons", "Effects of the lessons on this page") if len(rows) > 1 else None


def _forest(lesson: LessonHistory) -> Drawing | None:
    lines = [line for line in _effects(lesson) if line.effect is not None and line.effect.unit == lesson.effect.unit]
    return Drawing.of_effects(lines, "effects", "What was found of its effect", lesson.effect.unit) if lines else None


def _effects(lesson: LessonHistory) -> list[ForestRow]:
    """Every estimate of its effect, the latest last; the first line has what a pooled comparison would have said."""
    if not lesson.sessions_with and not lesson.sessions_without:
        return []
    mark = _mark(lesson.status)
    label = "On sessions that did not find it" if lesson.discovery else "On the sessions compared"
    lines = [ForestRow(label, lesson.effect, mark, lesson.naive_effect)]
    if lesson.discovery is not None:
        lines.append(ForestRow("When first found, on other sessions", lesson.discovery, mark))
    if lesson.on_reward is not None:
        lines.append(ForestRow("On the reward, all sessions", lesson.on_reward, mark))
    earlier = [event for event in lesson.events if event.act == "judged" and event.by != lesson.last_dream_id]
    lines += [ForestRow(f"Dream of {_day(event.at)}", event.effect, _mark(event.what)) for event in earlier]
    return lines


def _day(when: datetime) -> str:
    return moment(when).partition(",")[0]


@dataclass(frozen=True, slots=True)
class ShownStratum:
    """A group of comparable sessions."""

    name: str
    sessions_with: int
    sessions_without: int
    reward_with: str
    reward_without: str
    difference: str
    share: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What sessions say when they are looked at again."""

    strata: list[ShownStratum]
    more_strata: int
    moments: list[tuple[msgspec.Struct, str]]
    """Each with the address of its event."""
    doubts: tuple[str, ...]


_MOST_STRATA = 40


def _explained(lesson: ExplainedLesson) -> Explained:
    heaviest = sorted(lesson.strata, key=lambda row: -row.share)
    strata = [
        ShownStratum(
            row.stratum,
            row.sessions_with,
            row.sessions_without,
            f"{row.reward_with:.2f}",
            f"{row.reward_without:.2f}",
            signed(row.reward_with - row.reward_without),
            f"{row.share:.0%}",
        )
        for row in heaviest[:_MOST_STRATA]
    ]
    moments: list[tuple[msgspec.Struct, str]] = [
        (one, session_at(one.session_id, one.event_id)) for one in lesson.moments
    ]
    return Explained(strata, len(heaviest) - len(strata), moments, lesson.doubts)
