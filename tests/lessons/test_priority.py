from reverie.lessons.priority import propose_priorities
from reverie.patterns.interval import Rate
from reverie.patterns.segment import WeakSegment


def test_a_weak_segment_becomes_a_priority_that_waits_for_a_remedy() -> None:
    segment = WeakSegment(
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
    (priority,) = propose_priorities([segment], store_id="x", agent="desk")
    assert (priority.kind, priority.status) == ("training_priority", "candidate")
    assert priority.statement.startswith("Improve the task category “refund” first. 120 of 200 sessions")
    assert "0.20 less reward" in priority.statement
    assert priority.scope.task_family == "refund"
    assert [e.session_id for e in priority.evidence] == ["s1", "s2"]
