"""The dream's outcome in a sentence, and what to do when there is little to show."""

from collections.abc import Sequence

import msgspec

from reverie.dreams.dream import DreamResult, PlaceboCounts
from reverie.lessons.lesson import Lesson, LessonStatus
from reverie.reports.words import counted


class Advice(msgspec.Struct, frozen=True):
    """Why a dream has little to show, and the next step."""

    meaning: str
    next_step: str


def with_status(lessons: Sequence[Lesson], *statuses: LessonStatus) -> tuple[Lesson, ...]:
    """The lessons in one of ``statuses``, in the order of ``statuses``."""
    return tuple(lesson for status in statuses for lesson in lessons if lesson.status == status)


def _placebo_words(result: DreamResult) -> str:
    """What the placebo gave for all outcomes, as the end of a sentence about the dream."""
    lessons = result.placebo.lessons + sum(outcome.placebo.lessons for outcome in result.outcomes)
    placebo = PlaceboCounts(result.placebo.runs, lessons)
    if not placebo.runs:
        return "no placebo was run"
    found = counted(placebo.lessons, "lesson") if placebo.lessons else "none"
    return f"the placebo found {found}" + (f" in {placebo.runs} runs" if placebo.lessons and placebo.runs > 1 else "")


def verdict(result: DreamResult) -> str:
    """The title line: what was adopted, from how much, and what the placebo says of it."""
    sessions = counted(result.sessions.read, "session")
    if result.status != "completed":
        state = {"failed": "failed", "canceled": "was cancelled"}.get(result.status, f"is {result.status}")
        return f"This dream {state} after reading {sessions}."
    if not result.sessions.read:
        return "Nothing to dream of: no session was read."
    if not result.sessions.scored and result.implicit:
        adopted = len(with_status(result.lessons, "adopted"))
        found = f"{counted(adopted, 'lesson').capitalize()} adopted from {sessions}, on an implicit outcome"
        return f"{found}; {_placebo_words(result)}."
    if not result.sessions.scored:
        none = "it is not scored" if result.sessions.read == 1 else "none of them is scored"
        return f"No lessons from {sessions}: {none}."
    adopted = len(with_status(result.lessons, "adopted"))
    found = counted(adopted, "lesson").capitalize()
    return f"{found} adopted from {sessions}; {_placebo_words(result)}."


def advice(result: DreamResult) -> Advice | None:
    """The meaning of an empty result and the next step; None when lessons were adopted."""
    if result.status != "completed":
        return _unfinished(result)
    if not result.sessions.read:
        return _nothing_read(result)
    if not result.sessions.scored:
        if result.implicit:
            return Advice(
                "No session has a score, so sessions were compared on what users did and how they were left: an "
                "implicit outcome, no measure of success.",
                "Read what users objected to under Friction. To learn what succeeds, score a few sessions with "
                "`reverie label`, or all with `reverie import --scores FILE`.",
            )
        return Advice(
            "Without a score, Reverie cannot tell a good session from a bad one, so it learnt nothing.",
            "Give scores with `reverie score SESSION METRIC=VALUE`, or import again with `--scores FILE`. Then dream "
            "again; what was read is kept.",
        )
    if result.sessions.scored == 1:
        return Advice(
            "Only one session has a score, and a session can be compared only with another one.",
            "Import more sessions, best of all several runs of the same task.",
        )
    if with_status(result.lessons, "adopted"):
        return None
    return _nothing_held(result)


def _unfinished(result: DreamResult) -> Advice:
    if result.status in ("pending", "running"):
        return Advice("The dream is not finished, so what follows may be incomplete.", "Draw the report when it is.")
    if result.revision is None:
        meaning = "The memory store was left as it was."
    else:
        meaning = f"It had already written revision {result.revision} of the memory store."
    return Advice(meaning, "Mend what the notes name, if anything, and dream again.")


def _nothing_read(result: DreamResult) -> Advice:
    if result.where:
        return Advice(f"No session matches `{result.where}`.", "Loosen the expression given with `--where`.")
    return Advice("There are no sessions yet.", "Import some with `reverie import PATH`, then dream again.")


def _nothing_held(result: DreamResult) -> Advice:
    more = _more(result)
    if not result.tested:
        return Advice("No behaviour recurs in enough comparable sessions to be tested.", more)
    tested = counted(result.tested, "pattern")
    meaning = f"{tested[0].upper()}{tested[1:]} tested, and no lesson passed. That is a finding, not a fault."
    detectable = result.strata.detectable_effect if result.strata else None
    if detectable is None:
        return Advice(meaning, more)
    return Advice(f"{meaning} An effect smaller than {detectable:.2f} would mostly have been missed.", more)


def _more(result: DreamResult) -> str:
    """What would let more be told: the same as the note on these sessions says, where it says so."""
    if result.strata is not None and "no task ids" in result.strata.note:
        return "Give the sessions task ids (`task_id`): sessions are compared within a task."
    return "More runs of the same tasks are what helps most: sessions are compared within a task."
