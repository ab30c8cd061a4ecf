"""A transcript as a person reads it."""

from reverie.sessions.event import Event, EventType, text_content, text_of
from reverie.sessions.session import Session, Transcript
from reverie.sessions.transcript import LONGEST_TEXT, Turn, render_turns


def transcript(*events: Event) -> Transcript:
    return Transcript(Session(id="s", source="chat"), events)


def said(kind: EventType, text: str, thread_id: str | None = None) -> Event:
    return Event(kind, {"content": text_content(text)}, thread_id=thread_id)


def test_turns_say_who_did_what_and_keep_the_events_sequence() -> None:
    turns = render_turns(
        transcript(
            said("user.message", "find it"),
            Event("span.model_request_end", {"model_usage": {}}),
            Event("agent.tool_use", {"name": "find", "input": {"q": "é", "n": [1]}}),
            Event("agent.tool_result", {"content": text_content("no"), "name": "find"}),
            said("agent.thinking", "odd", thread_id="planner"),
            Event("session.error", {"error": {"message": "overloaded"}}),
            Event("user.interrupt", {}),
        ),
        lambda event: text_of(event) == "no",
    )
    assert turns == (
        Turn("user", "find it", 0, "message"),
        Turn("agent", 'find({"q":"é","n":[1]})', 2, "tool call"),
        Turn("tool", "no", 3, "tool result", is_error=True),
        Turn("agent (planner)", "odd", 4, "thinking"),
        Turn("session", "overloaded", 5, "error", is_error=True),
        Turn("user", "interrupts", 6, "note"),
    )


def test_long_texts_are_cut_with_a_count_of_what_was_cut() -> None:
    exact, long = render_turns(
        transcript(said("user.message", "x" * LONGEST_TEXT), said("user.message", "x" * (LONGEST_TEXT + 1234))),
        lambda _: False,
    )
    assert exact.text == "x" * LONGEST_TEXT
    assert long.text == "x" * LONGEST_TEXT + "… [1,234 more characters]"
