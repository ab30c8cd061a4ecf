"""Lessons are marked against the truth of a planted world."""

import pytest

from reverie.lessons.lesson import Effect, Lesson, LessonKind, LessonStatus, Scope
from reverie.testing.worlds import Truth, score_lessons

VERIFY = Truth(
    "call:verify",
    "session",
    None,
    0.2,
    "cause",
    aliases=("* | call:verify", "* | *add_note*"),
    opposites=("* | then:look→refund",),
)
HARM = Truth("ask", "start", None, -0.1, "cause")
DECOY = Truth("call:search", "session", None, 0.0, "decoy", aliases=("* | *search*",))
SHADOW = Truth("call:add_note", "session", None, 0.0, "shadow")
TRUTHS = (VERIFY, HARM, DECOY, SHADOW)


def lesson(
    behaviour: str,
    estimate: float,
    status: LessonStatus = "adopted",
    kind: LessonKind = "best_practice",
    family: str | None = None,
) -> Lesson:
    """A lesson whose interval reaches 0.05 to either side."""
    return Lesson(
        id=f"lsn_{behaviour}",
        kind=kind,
        statement="Do it.",
        scope=Scope(task_family=family),
        behaviour=behaviour,
        effect=Effect(estimate, estimate - 0.05, estimate + 0.05),
        q_value=0.01,
        strata_informative=30,
        sessions_with=100,
        sessions_without=100,
        evidence=(),
        status=status,
        reason="",
    )


def test_a_perfect_dream_scores_full_marks() -> None:
    score = score_lessons(TRUTHS, [lesson("call:verify", 0.22), lesson("start | ask", -0.12)])
    assert (score.precision, score.recall, score.false_adopted, score.coverage) == (1.0, 1.0, 0, 1.0)
    assert [row.verdict for row in score.rows] == ["found", "found", "left alone", "left alone"]


@pytest.mark.parametrize(
    ("behaviour", "estimate"),
    [("before refund | call:verify", 0.2), ("call:add_note", 0.2), ("then:look→refund", -0.2)],
    ids=["another situation", "the shadow", "the opposite"],
)
def test_another_wording_of_a_cause_is_the_cause_found(behaviour: str, estimate: float) -> None:
    score = score_lessons(TRUTHS, [lesson(behaviour, estimate)])
    assert (score.precision, score.recall, score.rows[0].verdict) == (1.0, 0.5, "found")
    assert score.coverage is None


@pytest.mark.parametrize(
    ("behaviour", "estimate"),
    [("call:verify", -0.2), ("start | ask", 0.1), ("before refund | call:verify", -0.2), ("then:look→refund", 0.2)],
)
def test_the_wrong_sign_is_a_false_lesson(behaviour: str, estimate: float) -> None:
    score = score_lessons(TRUTHS, [lesson(behaviour, estimate)])
    assert (score.precision, score.recall, score.false_adopted) == (0.0, 0.0, 1)
    assert (score.rows[-1].verdict, score.rows[-1].truth) == ("false", None)


def test_an_adopted_decoy_is_named() -> None:
    score = score_lessons(TRUTHS, [lesson("then:look→search", -0.2), lesson("call:verify", 0.2)])
    assert (score.precision, score.false_adopted) == (0.5, 1)
    assert [(row.truth, row.verdict) for row in score.rows][2] == (DECOY, "false")
    assert len(score.rows) == len(TRUTHS)


def test_only_adopted_lessons_about_behaviours_count() -> None:
    refused = lesson("call:search", -0.2, status="refused")
    priority = lesson("refund", -0.2, kind="training_priority")
    score = score_lessons(TRUTHS, [refused, priority])
    assert (score.precision, score.recall, score.false_adopted, score.coverage) == (None, 0.0, 0, None)


def test_an_interval_beside_the_truth_is_not_covered() -> None:
    score = score_lessons(TRUTHS, [lesson("call:verify", 0.3), lesson("start | ask", -0.1)])
    assert score.coverage == 0.5


def test_a_truth_shows_the_lesson_in_its_own_words() -> None:
    score = score_lessons(TRUTHS, [lesson("call:add_note", 0.2), lesson("call:verify", 0.2)])
    assert score.rows[0].lesson is not None
    assert score.rows[0].lesson.behaviour == "call:verify"


def test_recall_is_undefined_where_nothing_was_planted() -> None:
    assert score_lessons((DECOY,), [lesson("call:other", 0.2)]).recall is None


def test_what_is_true_of_one_task_family_is_a_mistake_about_all() -> None:
    flip = [
        Truth("call:search", "session", None, size, "flip", (f"* | call:search ({family})",), task_family=family)
        for family, size in (("refund", 0.2), ("account", -0.2))
    ]
    found = score_lessons(flip, [lesson("call:search", 0.2, family="refund"), lesson("call:search", 0.2)])
    assert [row.verdict for row in found.rows] == ["found", "missed", "false"]
    turned = score_lessons(flip, [lesson("call:search", 0.2, family="account")])
    assert (turned.recall, turned.false_adopted) == (0.0, 1)


def test_a_cause_that_works_no_longer_is_a_mistake() -> None:
    score = score_lessons([Truth("call:verify", "session", None, 0.3, "drift")], [lesson("call:verify", 0.15)])
    assert (score.precision, score.recall) == (0.0, None)
