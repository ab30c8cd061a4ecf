"""A lesson stands on the sessions that are left, or is retired, or is gone."""

import msgspec

from reverie.lessons.lesson import Adjustment, Effect, Evidence, Example, Lesson, Scope
from reverie.lessons.retelling import cited_sessions, retell

LESSON = Lesson(
    id="lsn_1",
    kind="best_practice",
    scope=Scope(),
    behaviour="start | call:verify",
    effect=Effect(0.2, 0.1, 0.3),
    q_value=0.01,
    strata_informative=4,
    sessions_with=20,
    sessions_without=20,
    evidence=(Evidence("s-1", "e1"), Evidence("s-2", "e2")),
    status="adopted",
    reason="it holds in 40 sessions",
    do="call `verify`",
    words="Verify first, as the customer of s-1 asked",
    examples=(Example("s-1", "e1", "the move"), Example("s-2", "e2", "another move")),
    counter_examples=(Evidence("s-3", "e3"),),
    also=("start | call:lookup", "start | call:own"),
    adjustment=Adjustment("search.limit", "20", "5", seen=("20", "5", "77")),
)


def test_a_lesson_that_rests_on_no_erased_session_stays_as_it_is() -> None:
    assert retell(LESSON, {"s-9"}, set()) is LESSON


def test_a_lesson_keeps_what_is_left_and_says_what_is_not() -> None:
    told = retell(LESSON, {"s-1", "s-3"}, set())
    assert told is not None
    assert (cited_sessions(told), told.status) == ({"s-2"}, "adopted")
    assert told.reason == "it holds in 40 sessions; 2 of the 3 sessions that it cited are erased"
    assert told.adjustment == Adjustment("search.limit", "20", "5")
    assert "customer" not in msgspec.json.encode(told).decode()
    assert (told.effect, told.sessions_with) == (LESSON.effect, 20)


def test_a_lesson_without_evidence_is_retired() -> None:
    told = retell(LESSON, {"s-1", "s-2"}, set())
    assert told is not None
    assert (told.status, told.evidence, told.examples) == ("retired", (), ())
    assert told.reason == "all 2 sessions that it cited as evidence are erased"


def test_a_refused_lesson_stays_refused() -> None:
    told = retell(msgspec.structs.replace(LESSON, status="refused"), {"s-1", "s-2", "s-3"}, set())
    assert told is not None
    assert told.status == "refused"


def test_a_lesson_on_what_nobody_does_any_more_is_gone_and_mentions_of_it_too() -> None:
    assert retell(LESSON, set(), {("start", "call:verify")}) is None
    told = retell(LESSON, set(), {("start", "call:own")})
    assert told is not None
    assert told.also == ("start | call:lookup",)
