"""A failure is traced to the first step that makes something up or fails."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reverie.mining.attribution import attribute_failure
from reverie.sessions.event import Event, text_content
from reverie.sessions.session import Session, Transcript


def said(text: str, thread: str | None = None) -> Event:
    return Event("agent.message", {"content": text_content(text)}, thread_id=thread)


def asked(text: str) -> Event:
    return Event("user.message", {"content": text_content(text)})


def answered(text: str, *, failed: bool = False, call: str | None = None) -> Event:
    payload: dict[str, Any] = {"content": text_content(text), "is_error": failed, "tool_use_id": call}
    return Event("agent.tool_result", payload)


def transcript(*events: Event) -> Transcript:
    return Transcript(Session("s", "chat"), events)


def test_a_figure_nobody_mentioned_is_the_fault() -> None:
    events = (
        asked("How many of 12 ships?"),
        said("Let me see.", "a"),
        said("There were 7.", "b"),
        said("7 of 12.", "a"),
    )
    blamed = attribute_failure(transcript(*events))
    assert blamed is not None
    assert (blamed.sequence, blamed.agent) == (2, "b")
    assert "7" in blamed.reason


def test_a_figure_that_a_tool_gave_is_not() -> None:
    events = (
        asked("How many?"),
        said("Looking.", "a"),
        answered("total: 7"),
        said("It is 7.", "a"),
        said("Or 8.", "b"),
    )
    blamed = attribute_failure(transcript(*events))
    assert blamed is not None
    assert blamed.sequence == 4


def test_code_may_compute_with_new_figures_but_not_fail() -> None:
    code = said("```python\nprint(6 * 7)\n```", "a")
    blamed = attribute_failure(transcript(asked("Go."), code, answered("42"), code, answered("boom", failed=True)))
    assert blamed is not None
    assert (blamed.sequence, blamed.reason) == (3, "what it ran failed")


def test_a_failed_result_blames_the_call_it_answers() -> None:
    call = Event("agent.tool_use", {"name": "look", "input": {}}, thread_id="a")
    other = said("Meanwhile, hello.", "b")
    blamed = attribute_failure(transcript(asked("Go."), call, other, answered("boom", failed=True, call="sevt_00001")))
    assert blamed is not None
    assert (blamed.sequence, blamed.agent) == (1, "a")


def test_without_a_fault_the_first_step_is_named() -> None:
    blamed = attribute_failure(transcript(asked("Go."), said("Going.", "a"), said("Gone.", "b")))
    assert blamed is not None
    assert blamed.sequence == 1


def test_nobody_is_blamed_where_nobody_acted() -> None:
    assert attribute_failure(transcript(asked("Hello?"))) is None


@given(st.lists(st.sampled_from(["hello", "it is 7", "no, 8"]), min_size=1, max_size=8))
def test_blame_falls_on_a_step_of_an_agent(texts: list[str]) -> None:
    blamed = attribute_failure(transcript(asked("How many?"), *(said(text, "a") for text in texts)))
    assert blamed is not None
    assert 1 <= blamed.sequence <= len(texts)


def begun(thread: str, agent: str) -> Event:
    return Event("session.thread_created", {"session_thread_id": thread, "agent_name": agent}, thread_id=thread)


def sent(text: str, thread: str | None) -> Event:
    return Event("agent.thread_message_sent", {"content": text_content(text)}, thread_id=thread)


def called(thread: str | None = None, **given: int) -> Event:
    return Event("agent.tool_use", {"name": "search", "input": given}, thread_id=thread)


def of_thread(event: Event, thread: str) -> Event:
    return Event(event.type, event.payload, thread_id=thread)


def test_what_agents_tell_each_other_is_traced_to_the_agent_and_its_thread() -> None:
    events = (asked("How many?"), sent("Count them.", None), begun("sthr_1", "counter"), sent("There are 7.", "sthr_1"))
    blamed = attribute_failure(transcript(*events))
    assert blamed is not None
    assert (blamed.sequence, blamed.agent, blamed.thread) == (3, "counter", "sthr_1")


def test_the_sessions_own_agent_is_named_where_others_work_for_it() -> None:
    events = (asked("How many?"), sent("There are 7, check.", None), begun("sthr_1", "counter"), said("Yes.", "sthr_1"))
    blamed = attribute_failure(Transcript(Session("s", "chat", agent="lead"), events))
    assert blamed is not None
    assert (blamed.agent, blamed.thread) == ("lead", None)


def test_a_call_that_is_made_again_with_success_is_no_fault() -> None:
    timed_out, fine = of_thread(answered("timed out", failed=True), "a"), of_thread(answered("ok"), "a")
    once = (asked("Go."), said("Off.", "b"), called("a", of=1), timed_out)
    again = (*once, called("a", of=1), fine, said("It was 9.", "a"))
    other = (*once, called("a", of=2), fine, said("It was 9.", "a"))
    blamed = [attribute_failure(transcript(*events)) for events in (again, other)]
    assert [each and each.sequence for each in blamed] == [6, 2]
