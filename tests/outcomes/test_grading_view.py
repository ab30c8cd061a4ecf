"""What a grader is shown: the work, and nothing of memory."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from reverie.digests.tool_error import tool_failed
from reverie.errors import MetricError
from reverie.ids import derived_id, event_id
from reverie.outcomes.grader import Grade
from reverie.outcomes.grading_view import MASK, grading_view
from reverie.outcomes.session_facts import SessionFacts
from reverie.sessions.event import Event, text_content
from reverie.sessions.session import Session, Transcript

LESSON = derived_id("lsn", "a lesson")
ADVICE = "Look up the order before you promise a refund."


def said(kind: Any, text: str, second: int | None = None) -> Event:
    at = None if second is None else datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
    return Event(kind, {"content": text_content(text)}, at)


def call(name: str, **arguments: Any) -> Event:
    return Event("agent.tool_use", {"name": name, "input": arguments})


def answer_to(position: int, text: str) -> Event:
    return Event("agent.tool_result", {"tool_use_id": event_id("s", position), "content": text_content(text)})


def view_of(*events: Event, remembered: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    session = Session("s", "api", agent="desk", agent_version="trial", metadata={"arm": "treated", "lesson": LESSON})
    view = grading_view(Transcript(session, events), tool_failed, remembered)
    assert "treated" not in repr(view) and "trial" not in repr(view) and LESSON not in repr(view)
    return [(turn.who, turn.text) for turn in view.turns]


def test_the_work_is_shown_without_briefings_thoughts_and_looks_into_memory() -> None:
    assert view_of(
        said("system.message", f"You are a desk.\n{ADVICE}"),
        said("user.message", "Refund order 7"),
        said("agent.thinking", "The lesson says to look first."),
        call("read", path="/mnt/memory/desk/refunds.md"),
        answer_to(3, ADVICE),
        call("search_memories", query="refund"),
        answer_to(5, "anything"),
        call("Bash", options={"command": "cat /mnt/memory/*"}),
        answer_to(7, "something"),
        call("find_order", id=7),
        answer_to(9, "Error: no order"),
        said("agent.message", "There is no such order."),
    ) == [
        ("user", "Refund order 7"),
        ("agent", 'find_order({"id":7})'),
        ("tool", "Error: no order"),
        ("agent", "There is no such order."),
    ]


def test_ids_of_lessons_and_lines_of_memory_are_masked_where_they_are_quoted() -> None:
    long = "x" * 1_990
    assert view_of(
        said("agent.message", f"By {LESSON}: {ADVICE} See /mnt/memory/desk/a.md"),
        said("agent.message", f"{long} {ADVICE}"),
        call("note", text=f"I was told: {ADVICE}"),
        remembered=(f"# Refunds\n- {ADVICE}\nShort.",),
    ) == [
        ("agent", f"By {MASK}: {MASK} See {MASK}"),
        ("agent", f"{long} {MASK[:9]}… [1 more characters]"),
        ("agent", f'note({{"text":"I was told: {MASK}"}})'),
    ]


def test_the_facts_are_of_the_whole_session() -> None:
    usage = {"model_usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 2}, "cost_usd": 0.5}
    events = (
        said("user.message", "hello", 1),
        call("read", path="/mnt/memory/a.md"),
        answer_to(1, "Error: no file"),
        Event("span.model_request_end", usage),
        Event("session.error", {"error": {"message": "gone"}}),
        said("agent.message", "hi", 31),
    )
    view = grading_view(Transcript(Session("s", "chat", task_id="t"), events), tool_failed)
    assert view.facts == SessionFacts(1, 2, 1, 2, 15, 2, 0.5, 30.0)
    assert view.task_id == "t"
    bare = grading_view(Transcript(Session("s", "chat"), ()), tool_failed).facts
    assert bare == SessionFacts(0, 0, 0, 0, None, None, None, None)


def test_a_grader_s_record_has_no_place_for_what_it_must_not_see() -> None:
    view = grading_view(Transcript(Session("s", "chat"), ()), tool_failed)
    assert set(msgspec.to_builtins(view)) == {"facts", "turns", "task_id", "task_category"}


@pytest.mark.parametrize("fields", [{}, {"score": 1.1}, {"score": float("nan")}, {"metrics": {"m": float("inf")}}])
def test_a_grade_that_says_nothing_or_no_number_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(MetricError, match="grade"):
        Grade(**fields)
