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
