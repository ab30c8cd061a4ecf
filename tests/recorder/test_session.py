"""What a session's methods record, and that none of them is in the program's way."""

import pytest

from reverie.ids import event_id
from reverie.recorder.recording import current_session
from reverie.recorder.session import RecordedSession
from tests.recorder.conftest import Desk, told


class Odd:
    """Cannot be told about."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_session_is_what_was_told_of_it(desk: Desk) -> None:
    with desk.record(agent="desk", task="Find order 7", task_id="o-7", user_id="u", metadata={"shop": "a"}) as session:
        session.system("Be brief.")
        session.user("Where is order 7?")
        call = session.tool_call("find", {"order": 7}, id="c1")
        session.tool_result(call, {"state": "sent"})
        session.assistant("It is on its way.")
        session.usage("some-model", input_tokens=5, output_tokens=2)
        session.score("reward", 1)
        session.tag(task_category="orders", channel="mail")
    (found,) = desk.arrived()
    assert told(found) == [
        ("system.message", "Be brief."),
        ("user.message", "Where is order 7?"),
        ("agent.tool_use", "find"),
        ("agent.tool_result", '{"state":"sent"}'),
        ("agent.message", "It is on its way."),
    ]
    assert found.events[3].payload["tool_use_id"] == event_id(found.session.id, 2)
    one = found.session
    assert (one.id, one.agent, one.model, one.task_id, one.task_category) == (
        *(session.id, "desk", "some-model", "o-7", "orders"),
    )
    assert one.metadata == {"shop": "a", "channel": "mail", "task": "Find order 7"}
    assert [(score.metric, score.value) for score in found.scores] == [("reward", 1.0)]
    assert one.started_at is not None and one.ended_at is not None and one.started_at <= one.ended_at


def test_an_error_of_the_program_passes_and_is_recorded(desk: Desk) -> None:
    error = KeyError("order")
    with pytest.raises(KeyError) as caught, desk.record() as session:
        session.user("Hello")
        raise error
    assert caught.value is error
    (found,) = desk.arrived()
    assert found.events[-1].payload == {"error": {"type": "KeyError", "message": "'order'"}}


def test_what_cannot_be_recorded_is_logged_and_the_program_goes_on(desk: Desk, heard: pytest.LogCaptureFixture) -> None:
    with desk.record() as session:
        session.user(Odd())
        session.score("reward", 7)
        session.user("\ud800 still there")
        session.tool_call("odd", {1: {2, 3}, "deep": float("nan")})
        assert session.wrap(5) == 5
    (found,) = desk.arrived()
    assert told(found) == [("user.message", "? still there"), ("agent.tool_use", "odd")]
    assert found.scores == ()
    assert "is not recorded: no" in heard.text and "score reward: 7 is outside 0 to 1" in heard.text


def test_a_recording_within_another_is_a_thread_of_its_session(desk: Desk) -> None:
    with desk.record(agent="boss") as outer:
        outer.user("Do it.")
        for _ in range(2):
            with desk.record(agent="helper") as inner:
                inner.user("Your part.")
                inner.assistant("Done.")
        with desk.record(agent="stranger", separate=True) as other:
            other.user("Something else.")
        assert current_session() is outer
    assert current_session() is None
    boss, stranger = sorted(desk.arrived(), key=lambda one: one.session.agent or "")
    assert told(stranger) == [("user.message", "Something else.")]
    made = [event.payload for event in boss.events if event.type == "session.thread_created"]
    assert [one["session_thread_id"] for one in made] == ["helper", "helper-2"]
    for thread in ("helper", "helper-2"):
        assert told(boss, thread) == [("agent.thread_message_received", "Your part."), ("agent.message", "Done.")]


def test_a_thread_that_outlives_its_session_belongs_to_it_still(desk: Desk) -> None:
    with desk.record() as outer:
        inner = desk.record(agent="late").begin()
    inner.assistant("Done at last.")
    inner.end()
    (found,) = desk.arrived()
    assert told(found, "late") == [("agent.message", "Done at last.")]
    assert outer.id == found.session.id


def test_a_session_can_be_scored_after_its_end(desk: Desk, heard: pytest.LogCaptureFixture) -> None:
    with desk.record(id="run-1") as session:
        session.user("Hello")
    session.score("thumbs", True)
    session.user("too late")
    desk.arrived()
    assert desk.shelf.late == {"run-1": {"thumbs": 1.0}}
    assert "after its end" in heard.text


def test_guidance_is_that_of_the_session_and_empty_where_there_is_none(desk: Desk) -> None:
    with desk.record(agent="desk", task="Find it", task_category="orders", id="run-1") as session:
        given = session.briefing("support")
        desk.shelf.is_away = True
        none = session.briefing("support")
        desk.shelf.is_away = False
    assert (given.text, none.text, none.failure) == ("Look first.", "", "nobody is there")
    (asked,) = desk.shelf.asked
    assert (asked.stores, asked.reference, asked.agent, asked.query) == (("support",), "run-1", "desk", "Find it")
    (found,) = desk.arrived()
    assert found.session.metadata["reverie_briefing"] == "brf_1"


async def test_a_recording_may_be_left_in_another_context_than_it_was_entered_in(desk: Desk) -> None:
    recorder = desk.record()
    session: RecordedSession = await recorder.__aenter__()
    session.user("Hello")
    await recorder.__aexit__(None, None, None)
    assert session.is_over and len(desk.arrived()) == 1
