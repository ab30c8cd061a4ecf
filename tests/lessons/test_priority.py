from reverie.ids import event_id
from reverie.lessons.document import lesson_document
from reverie.lessons.priority import propose_priorities
from reverie.mining.attribution import Attribution
from reverie.overview.overview import WeakSegment
from reverie.statistics.quantity import Rate

SEGMENT = WeakSegment(
    kind="category",
    label="refund",
    size=200,
    failures=120,
    share_of_failures=0.4,
    reward=Rate(0.4, 0.3, 0.5, 200),
    difference=-0.2,
    low=-0.3,
    high=-0.1,
    q_value=0.001,
    example_session_ids=("s1", "s2"),
)


def test_a_weak_segment_becomes_a_priority_that_waits_for_a_remedy() -> None:
    (priority,) = propose_priorities([SEGMENT], store_id="x", agent="desk", blamed={})
    assert (priority.kind, priority.status) == ("training_priority", "candidate")
    assert priority.statement.startswith("Improve the task category “refund” first. 120 of 200 sessions")
    assert "0.20 less reward" in priority.statement
    assert priority.scope.task_family == "refund"
    assert [e.session_id for e in priority.evidence] == ["s1", "s2"]


def test_a_failed_example_says_where_to_look_first_and_how_often_such_a_hint_is_right() -> None:
    blamed = {"s2": Attribution(7, "billing", "states 42, which nothing before it mentions")}
    (priority,) = propose_priorities([SEGMENT], store_id="x", agent="desk", blamed=blamed)
    plain, pointed = priority.evidence
    assert (plain.event_id, plain.hint) == (event_id("s1", 0), "")
    assert pointed.event_id == event_id("s2", 7)
    assert pointed.hint == (
        "look first at agent `billing` at this step: states 42, which nothing before it mentions (a hint: of the "
        "labelled failures it was made on, it names the right agent in 60% and the right step in 40%)"
    )
    assert pointed.hint in lesson_document(priority)


def test_where_the_agents_thread_is_an_id_both_are_named() -> None:
    blamed = {"s1": Attribution(3, "billing", "what it ran failed", "sthr_7")}
    (priority,) = propose_priorities([SEGMENT], store_id="st", agent=None, blamed=blamed)
    assert priority.evidence[0].hint.startswith("look first at agent `billing` (thread `sthr_7`) at this step: ")


def test_of_a_single_agent_only_the_step_is_hinted_at() -> None:
    blamed = {"s1": Attribution(3, "", "what it ran failed")}
    (priority,) = propose_priorities([SEGMENT], store_id="x", agent="desk", blamed=blamed)
    assert priority.evidence[0].hint.startswith("look first at this step: what it ran failed (a hint: ")
    assert "right agent" not in priority.evidence[0].hint
