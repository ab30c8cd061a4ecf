import msgspec
import pytest

from reverie.dreams.consolidation import consolidate
from reverie.errors import DreamError
from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Effect, Lesson, Scope

LESSON = Lesson(
    id="lsn_000000000000000000000001",
    kind="best_practice",
    statement="Call `verify`. Sessions that did it earned 0.20 more reward than others (0.10 to 0.30).",
    scope=Scope(agent="desk"),
    behaviour="call:verify",
    effect=Effect(0.2, 0.1, 0.3),
    q_value=0.001,
    strata_informative=40,
    sessions_with=100,
    sessions_without=120,
    evidence=(),
    status="adopted",
    reason="found (q < 0.001) and confirmed on other sessions (q = 0.001)",
)


def lesson(number: int, **changes: object) -> Lesson:
    return msgspec.structs.replace(LESSON, id=f"lsn_{number:024}", behaviour=f"call:tool{number}", **changes)


def test_a_new_lesson_is_added_and_an_unchanged_one_left_alone() -> None:
    known, new = lesson(1), lesson(2)
    contents = {lesson_path(known): lesson_document(known)}
    plan = consolidate([known, new], [known], contents, loss_cap=0.2)
    assert [(change.action, change.path) for change in plan.changes] == [("add", lesson_path(new))]


def test_new_numbers_edit_the_document_in_place() -> None:
    old = lesson(1)
    fresh = lesson(1, effect=Effect(0.25, 0.2, 0.3))
    assert lesson_path(old) == lesson_path(fresh)
    plan = consolidate([fresh], [old], {lesson_path(old): lesson_document(old)}, loss_cap=0.2)
    assert [change.action for change in plan.changes] == ["edit"]


def test_a_lesson_that_no_longer_holds_is_dropped_with_the_reason() -> None:
    old = lesson(1)
    now = lesson(1, status="refused", reason="within the same task it is +0.01")
    plan = consolidate([now], [old], {lesson_path(old): lesson_document(old)}, loss_cap=0.2)
    assert [(c.action, c.reason) for c in plan.changes] == [
        ("drop", "no longer holds: within the same task it is +0.01")
    ]
    assert plan.retired[0].status == "retired"


def test_candidates_and_refused_lessons_are_not_written() -> None:
    plan = consolidate([lesson(1, status="candidate"), lesson(2, status="refused")], [], {}, loss_cap=0.2)
    assert plan.edits == ()


def test_documents_that_dreams_did_not_write_are_left_alone() -> None:
    plan = consolidate([lesson(1)], [], {"/notes/mine.md": "keep me"}, loss_cap=0.2)
    assert [edit.path for edit in plan.edits] == [lesson_path(lesson(1))]


def test_the_gate_stops_a_dream_that_would_lose_too_much() -> None:
    standing = [lesson(number) for number in range(10)]
    contents = {lesson_path(x): lesson_document(x) for x in standing}
    with pytest.raises(DreamError, match="10 of 10 documents would vanish"):
        consolidate([], standing, contents, loss_cap=0.2)
    assert len(consolidate(standing[2:], standing, contents, loss_cap=0.2).retired) == 2


def test_a_store_of_one_document_may_lose_it() -> None:
    old = lesson(1)
    plan = consolidate([], [old], {lesson_path(old): lesson_document(old)}, loss_cap=0.2)
    assert [change.action for change in plan.changes] == ["drop"]
