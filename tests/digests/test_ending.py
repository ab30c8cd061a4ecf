from typing import Any

import pytest

from reverie.digests.digest import Ending
from reverie.digests.ending import cause_of, read_ending, stated_cause
from reverie.sessions.event import Event, text_content
from reverie.sessions.stated_end import stated_end


def said(who: str, text: str) -> Event:
    return Event(f"{who}.message", {"content": text_content(text)})  # type: ignore[arg-type]


ASKED = said("user", "please cancel my order")
CALLED = Event("agent.tool_use", {"name": "lookup", "input": {}})
ANSWERED = Event("agent.tool_result", {"name": "lookup", "content": text_content("fine")})


def failed(kind: str, message: str = "") -> Event:
    return Event("session.error", {"error": {"type": kind, "message": message}})


@pytest.mark.parametrize(
    ("events", "ending"),
    [
        ([ASKED, said("agent", "Done, it is cancelled.")], Ending("answered", "message")),
        ([ASKED, said("agent", "Done."), said("user", "Thanks!")], Ending("answered", "message")),
        ([ASKED, said("agent", "Done."), said("user", "And the other one?")], Ending("unknown", "user")),
        ([ASKED, said("agent", "I am unable to do that.")], Ending("gave_up", "message")),
        ([ASKED, CALLED], Ending("unknown", "call", "lookup")),
        ([ASKED, CALLED, ANSWERED], Ending("unknown", "result", "lookup")),
        ([ASKED], Ending("unknown", "user")),
        ([], Ending()),
        ([ASKED, CALLED, Event("user.interrupt", {})], Ending("stopped", "user")),
        ([ASKED, CALLED, ANSWERED, failed("model_rate_limited_error")], Ending("cut_off", "error")),
        ([ASKED, CALLED, ANSWERED, failed("unknown_error", "error_max_turns")], Ending("ran_out", "error")),
        (
            [ASKED, failed("unknown_error", "Token limit is exceeded. Try again in 2 seconds.")],
            Ending("cut_off", "error"),
        ),
        ([ASKED, failed("overloaded_error"), said("agent", "Done.")], Ending("answered", "message")),
        ([ASKED, said("agent", "API Error: 529 overloaded")], Ending("cut_off", "message")),
    ],
)
def test_the_cause_of_end_is_told_from_the_last_events(events: list[Event], ending: Ending) -> None:
    assert read_ending(events) == ending


@pytest.mark.parametrize(
    ("tags", "cause"),
    [
        ({"stop_reason": "end_turn"}, "answered"),
        ({"finish_reason": "length"}, "ran_out"),
        ({"termination_reason": "max_steps"}, "ran_out"),
        ({"exit_status": "submitted (exit_cost)"}, "ran_out"),
        ({"termination_reason": "TimeoutError"}, "cut_off"),
        ({"status": "error"}, "cut_off"),
        ({"status": "cancelled_by_user"}, "stopped"),
        ({"exception": "HTTP 429 Too Many Requests"}, "cut_off"),
        ({"exception_type": "SandboxDied"}, "cut_off"),
        ({"timed_out": "true"}, "cut_off"),
        ({"timeout": "300", "error": "none", "crashed": "false"}, None),
        ({"hardness": "error"}, None),
    ],
)
def test_the_cause_of_end_is_told_from_what_the_source_says(tags: dict[str, Any], cause: str | None) -> None:
    assert stated_cause(*stated_end(tags)) == cause


def test_a_stated_cause_counts_before_what_the_transcript_looks_like() -> None:
    assert cause_of(Ending("answered", "message"), "max_turns_reached") == "ran_out"
    assert cause_of(Ending("gave_up", "message"), "completed") == "gave_up"
    assert cause_of(Ending("unknown", "result"), "completed") == "answered"
    assert cause_of(Ending("unknown", "result")) == "unknown"
