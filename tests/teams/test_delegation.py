"""Delegations as they are read from a session's events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reverie.digests.brief import PARTS, brief_parts
from reverie.sessions.event import Event, text_content
from reverie.teams.delegation import RECEIVED, SENT, delegations

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MAIN = "sthr_main"
CREATED = Event("session.thread_created", {"session_thread_id": "a", "agent_name": "writer"}, NOON, "a")


def event(kind: Any, thread: str | None, text: str = "", seconds: int = 0, **payload: Any) -> Event:
    content = {"content": text_content(text)} if text else {}
    return Event(kind, {**content, **payload}, NOON + timedelta(seconds=seconds), thread)


def asked(text: str, thread: str = "a", seconds: int = 0) -> Event:
    return event(RECEIVED, thread, text, seconds, from_session_thread_id=MAIN)


def answered(text: str, thread: str = "a", seconds: int = 9) -> Event:
    return event(SENT, thread, text, seconds, to_session_thread_id=MAIN)


def test_a_task_ends_with_the_last_answer_before_the_next_is_given() -> None:
    log = [CREATED, asked("Draft it."), answered("Half."), answered("Draft."), asked("Shorten it."), answered("Short.")]
    first, second = delegations(log)
    assert (first.agent, first.brief, first.report, first.status) == ("writer", "Draft it.", "Draft.", "reported")
    assert (second.number, second.brief, second.report) == (1, "Shorten it.", "Short.")
    assert first.seconds == 9.0


def test_what_a_thread_does_is_counted_for_its_own_task() -> None:
    log = [
        CREATED,
        asked("Look."),
        event("agent.tool_use", "a", name="grep", input={}),
        event("agent.tool_result", "a", "no", is_error=True),
        event("span.model_request_end", "a", model_usage={"input_tokens": 5, "output_tokens": 2}, cost_usd=0.5),
        event("span.model_request_end", None, model_usage={"input_tokens": 99}),
        event("agent.message", "a", "There is nothing."),
    ]
    (one,) = delegations(log)
    assert (one.calls, one.errors, one.tokens, one.cost_usd) == (1, 1, 7, 0.5)
    assert (one.report, one.status) == ("There is nothing.", "reported")  # logs that know no messages back


def test_a_thread_that_fails_has_reported_nothing() -> None:
    log = [CREATED, asked("Try."), event("agent.message", "a", "Trying."), event("session.error", "a", error={})]
    (one,) = delegations(log)
    assert (one.status, one.reported, one.report) == ("failed", None, "")


def test_a_message_before_anything_was_done_is_more_of_the_same_task() -> None:
    (one,) = delegations([CREATED, asked("Draft it."), asked("In French.")])
    assert (one.brief, one.status) == ("Draft it.\nIn French.", "open")


def test_a_thread_without_a_name_is_called_by_its_id() -> None:
    (one,) = delegations([asked("Draft it.", "b")])
    assert one.agent == "b"


def test_what_a_brief_says_is_told_part_by_part() -> None:
    whole = (
        "Fix the parser in src/parser.py so that empty input is taken. Do not touch the tests. Done when "
        "tests pass. Reply with one line. Use at most 10 minutes."
    )
    assert brief_parts(whole) == set(PARTS)
    assert brief_parts("Hello, how are you?") == frozenset()
    assert brief_parts("把结果以表格返回，不要修改 data/a.csv") >= {"constraints", "format", "inputs"}
    assert brief_parts("Prüfe `parser.py`. Fertig, wenn die Tests laufen; höchstens 5 Minuten.") >= {
        "done",
        "limits",
        "inputs",
    }


@given(st.text(max_size=400))
def test_any_text_has_some_of_the_parts(text: str) -> None:
    assert brief_parts(text) <= set(PARTS)


@given(st.lists(st.sampled_from(["ask a", "ask b", "say a", "answer a", "answer b", "fail b", "own"]), max_size=25))
def test_delegations_are_as_many_as_tasks_and_each_answer_is_its_own(steps: list[str]) -> None:
    made = {
        "ask a": asked("Do."),
        "ask b": asked("Do.", "b"),
        "say a": event("agent.message", "a", "x"),
        "answer a": answered("y"),
        "answer b": answered("z", "b"),
        "fail b": event("session.error", "b", error={}),
        "own": event("agent.message", None, "w"),
    }
    found = delegations([made[step] for step in steps])
    assert [one.number for one in found] == list(range(len(found)))
    for one in found:
        assert one.reported is None or one.asked < one.reported
        assert (one.status == "reported") == (one.reported is not None)
