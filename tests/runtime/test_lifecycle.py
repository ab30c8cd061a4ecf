from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from reverie.errors import ConflictError, InputError, StateError
from reverie.runtime.inbox import receive
from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.turn import terminate
from reverie.runtime.writer import begin_preview, record

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MESSAGE: dict[str, Any] = {"type": "user.message", "content": []}
SPEAK: dict[str, Any] = {"type": "agent.message", "content": []}
CUSTOM: dict[str, Any] = {"type": "agent.custom_tool_use", "name": "t", "input": {}}
IDLE: dict[str, Any] = {"type": "session.status_idle"}
INTERRUPT: dict[str, Any] = {"type": "user.interrupt"}


def fresh(*, self_hosted: bool = False) -> LiveState:
    return LiveState("sesn_1", "idle", "desk", self_hosted, event_count=0, input_count=0)


def after(transition: Transition) -> LiveState:
    """The state as it is read back once the transition is stored."""
    return msgspec.structs.replace(transition.state, event_count=transition.state.event_count + len(transition.events))


def types(transition: Transition) -> list[str]:
    return [event.type for event in transition.events]


def test_usage_comes_right_before_the_sessions_idle() -> None:
    transition = record(fresh(), [SPEAK, IDLE], NOW)
    assert types(transition)[-3:] == ["session.thread_status_idle", "session.usage", "session.status_idle"]


def test_messages_are_taken_in_where_the_next_request_to_the_model_begins() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    transition = record(state, [SPEAK, {"type": "span.model_request_start"}], NOW)
    assert types(transition) == ["agent.message", "user.message", "span.model_request_start"]


START: dict[str, Any] = {"type": "span.model_request_start"}
END: dict[str, Any] = {"type": "span.model_request_end"}


@pytest.mark.parametrize("recorded", [[IDLE], [SPEAK, IDLE], [SPEAK, END, IDLE]], ids=["idle", "answer", "request"])
def test_a_message_that_comes_during_a_turn_begins_the_next_one(recorded: list[dict[str, Any]]) -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    state = after(record(state, [START], NOW))
    state = after(receive(state, [MESSAGE], NOW))
    transition = record(state, recorded, NOW)
    assert types(transition)[-3:] == ["session.status_idle", "session.status_running", "session.thread_status_running"]
    assert [waiting.number for waiting in transition.state.waiting] == [1]
    assert (transition.state.status, transition.state.turn) == ("running", 2)
    assert types(record(after(transition), [START], NOW)) == ["user.message", "span.model_request_start"]


def test_a_message_during_a_turn_is_taken_in_where_the_turns_next_request_begins() -> None:
    state = after(record(after(receive(fresh(), [MESSAGE], NOW)), [START], NOW))
    transition = record(after(receive(state, [MESSAGE], NOW)), [END, SPEAK, START], NOW)
    assert types(transition) == ["span.model_request_end", "agent.message", "user.message", "span.model_request_start"]


def test_a_writer_without_model_requests_takes_in_what_its_turn_is_for() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    state = after(receive(state, [MESSAGE], NOW))
    transition = record(state, [SPEAK], NOW)
    assert types(transition) == ["user.message", "agent.message"]
    assert [waiting.number for waiting in transition.state.waiting] == [1]


def test_the_writer_of_an_ended_turn_is_kept_out_of_the_next_one() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    mine = state.turn
    state = after(receive(state, [INTERRUPT], NOW))
    with pytest.raises(ConflictError, match="turn 1 was ended"):
        record(state, [SPEAK], NOW, expected_turn=mine)
    state = after(receive(state, [MESSAGE], NOW))
    with pytest.raises(ConflictError, match="in turn 2, not 1"):
        record(state, [SPEAK, IDLE], NOW, expected_turn=mine)
    assert types(record(state, [SPEAK], NOW, expected_turn=2)) == ["user.message", "agent.message"]


def test_an_interrupt_closes_the_open_request_and_answers_every_open_call() -> None:
    bash: dict[str, Any] = {"type": "agent.tool_use", "name": "bash", "input": {}}
    find: dict[str, Any] = {"type": "agent.mcp_tool_use", "name": "find", "input": {}}
    state = after(record(after(receive(fresh(), [MESSAGE], NOW)), [START, bash, find], NOW))
    transition = receive(state, [INTERRUPT], NOW)
    assert types(transition) == [
        *("span.model_request_end", "user.interrupt", "agent.tool_result", "agent.mcp_tool_result"),
        *("session.thread_status_idle", "session.usage", "session.status_idle"),
    ]
    assert transition.events[0].payload["is_error"] is True
    assert transition.events[0].payload["model_request_start_id"] == state.open_spans[""]
    assert (transition.state.pending, dict(transition.state.open_spans)) == ((), {})


def test_an_interrupted_call_is_said_to_have_run_perhaps_unless_nobody_allowed_it() -> None:
    bash: dict[str, Any] = {"type": "agent.tool_use", "name": "bash", "input": {}}
    state = after(
        record(fresh(), [bash, {**bash, "evaluated_permission": "ask"}, {"type": "agent.custom_tool_use"}], NOW)
    )
    results = [event for event in receive(state, [INTERRUPT], NOW).events if event.type.endswith("tool_result")]
    told = [result.payload["content"][0]["text"] for result in results]
    assert ["may have run" in text for text in told] == [True, False, True]
    assert told[1].endswith("It was not run.")


def test_an_interrupt_answers_a_workers_call_as_the_worker_would() -> None:
    call = {"type": "agent.tool_use", "name": "bash", "input": {}}
    state = after(record(fresh(self_hosted=True), [call, IDLE], NOW))
    answer = next(event for event in receive(state, [INTERRUPT], NOW).events if event.type.endswith("tool_result"))
    assert (answer.type, answer.payload["is_error"]) == ("user.tool_result", True)
    assert answer.payload["tool_use_id"] == state.pending[0].event_id


def test_an_interrupt_and_a_message_in_one_request_steer() -> None:
    state = after(record(after(receive(fresh(), [MESSAGE], NOW)), [START], NOW))
    transition = receive(state, [INTERRUPT, MESSAGE], NOW)
    assert types(transition)[-3:] == ["session.status_idle", "session.status_running", "session.thread_status_running"]
    assert (transition.state.turn, [waiting.number for waiting in transition.state.waiting]) == (2, [2])


def test_what_was_sent_during_the_interrupted_turn_begins_the_next_one() -> None:
    state = after(record(after(receive(fresh(), [MESSAGE], NOW)), [START], NOW))
    state = after(receive(state, [MESSAGE], NOW))
    transition = receive(state, [INTERRUPT], NOW)
    assert (transition.state.status, transition.state.turn) == ("running", 2)
    assert [waiting.number for waiting in transition.state.waiting] == [1]


def test_a_message_that_nobody_took_in_yet_ends_with_the_turn_that_is_interrupted() -> None:
    transition = receive(after(receive(fresh(), [MESSAGE], NOW)), [INTERRUPT], NOW)
    assert types(transition)[:2] == ["user.message", "user.interrupt"]
    assert (transition.state.status, transition.state.waiting) == ("idle", ())


def test_a_call_has_one_result() -> None:
    call = {"type": "agent.tool_use", "name": "look", "input": {}, "id": "call"}
    result = {"type": "agent.tool_result", "tool_use_id": "call"}
    transition = record(fresh(), [call, result], NOW)
    id_ = transition.events[-1].payload["tool_use_id"]
    with pytest.raises(InputError, match=rf"events\.0: tool_use_id: no tool use '{id_}' waits for a result"):
        record(after(transition), [{**result, "tool_use_id": id_}], NOW)


def test_an_exhausted_error_answers_what_was_open() -> None:
    state = after(record(fresh(), [START, {"type": "agent.tool_use", "name": "look", "input": {}}], NOW))
    error = {"type": "unknown_error", "message": "m", "retry_status": {"type": "exhausted"}}
    transition = record(state, [{"type": "session.error", "error": error}], NOW)
    assert types(transition) == [
        *("session.error", "span.model_request_end", "agent.tool_result"),
        *("session.thread_status_idle", "session.usage", "session.status_idle"),
    ]


def test_a_blocked_session_refuses_a_message_in_the_hosted_services_words() -> None:
    state = after(record(fresh(), [CUSTOM, IDLE], NOW))
    (call,) = state.pending
    with pytest.raises(InputError, match=rf"waiting on responses to events \[{call.event_id}\]"):
        receive(state, [MESSAGE], NOW)


def test_a_status_that_is_known_adds_nothing() -> None:
    running = {"type": "session.status_running"}
    state = after(record(fresh(), [running], NOW))
    assert types(record(state, [running], NOW)) == []
    state = after(record(state, [IDLE], NOW))
    assert types(record(state, [IDLE], NOW)) == []


def test_a_denied_call_is_no_longer_waited_for() -> None:
    ask = {"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    state = after(record(fresh(), [ask, IDLE], NOW))
    (call,) = state.pending
    no = {"type": "user.tool_confirmation", "tool_use_id": call.event_id, "result": "deny", "deny_message": "no"}
    transition = receive(state, [no], NOW)
    assert (transition.state.status, transition.state.blockers) == ("running", [])
    error = {"type": "agent.tool_result", "tool_use_id": call.event_id, "is_error": True}
    assert record(after(transition), [error], NOW).state.pending == ()


def test_in_a_self_hosted_session_an_allowed_call_still_waits_for_its_result() -> None:
    ask = {"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    state = after(record(fresh(self_hosted=True), [ask, IDLE], NOW))
    (call,) = state.pending
    state = after(
        receive(state, [{"type": "user.tool_confirmation", "tool_use_id": call.event_id, "result": "allow"}], NOW)
    )
    assert [waiting.event_id for waiting in state.pending] == [call.event_id]
    transition = receive(state, [{"type": "user.tool_result", "tool_use_id": call.event_id}], NOW)
    assert transition.state.status == "running"


def test_a_message_and_its_system_message_are_one_request() -> None:
    system = {"type": "system.message", "content": []}
    assert len(receive(fresh(), [MESSAGE, system], NOW).inputs) == 2
    for wrong in ([system], [MESSAGE, system, MESSAGE], [INTERRUPT, system]):
        with pytest.raises(InputError, match=r"^events\."):
            receive(fresh(), wrong, NOW)


def test_an_interrupt_of_an_idle_session_changes_nothing_but_is_kept() -> None:
    transition = receive(fresh(), [INTERRUPT], NOW)
    assert (types(transition), transition.state.status) == (["user.interrupt"], "idle")


def test_an_exhausted_error_flushes_what_waits_and_ends_the_turn() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    error = {"type": "unknown_error", "message": "m", "retry_status": {"type": "exhausted"}}
    transition = record(state, [{"type": "session.error", "error": error}], NOW)
    assert transition.state.waiting == ()
    assert transition.events[-1].payload["stop_reason"] == {"type": "retries_exhausted"}


def test_names_of_the_writer_become_ids() -> None:
    transition = record(
        fresh(), [{**CUSTOM, "id": "mine"}, {"type": "user.custom_tool_result", "custom_tool_use_id": "mine"}], NOW
    )
    call = next(event for event in transition.events if event.type == "user.custom_tool_result")
    assert call.payload["custom_tool_use_id"].startswith("sevt_")
    assert transition.state.pending == ()


def test_an_ended_session_refuses_everything() -> None:
    transition = Transition(fresh(), NOW)
    terminate(transition)
    with pytest.raises(StateError):
        receive(after(transition), [MESSAGE], NOW)
    with pytest.raises(StateError):
        record(after(transition), [SPEAK], NOW)


CHILD: dict[str, Any] = {"type": "session.thread_created", "session_thread_id": "sthr_child", "agent_name": "helper"}
CHILD_RUNS: dict[str, Any] = {"type": "session.thread_status_running", "session_thread_id": "sthr_child"}
CHILD_IDLE: dict[str, Any] = {"type": "session.thread_status_idle", "session_thread_id": "sthr_child"}


def with_child(*, self_hosted: bool = False) -> LiveState:
    """A turn in which a child thread runs beside the primary one."""
    state = after(receive(fresh(self_hosted=self_hosted), [MESSAGE], NOW))
    return after(record(state, [START, END, CHILD, CHILD_RUNS], NOW))


def stops(transition: Transition) -> list[tuple[str, str]]:
    """Threads and statuses of a transition, in order; the session's own status has no thread."""
    return [
        (event.payload.get("session_thread_id", ""), event.type.rpartition("_")[2])
        for event in transition.events
        if "status" in event.type
    ]


def test_a_threads_status_names_the_agent_of_its_thread_or_is_refused() -> None:
    state = with_child()
    (status,) = record(state, [CHILD_IDLE], NOW).events
    assert (status.payload["agent_name"], status.thread_id) == ("helper", "sthr_child")
    with pytest.raises(InputError, match="session_thread_id: session sesn_1 has no thread 'sthr_other'"):
        record(state, [{**CHILD_IDLE, "session_thread_id": "sthr_other"}], NOW)


def test_a_status_recorded_in_a_childs_name_is_the_childs() -> None:
    status = {key: value for key, value in CHILD_IDLE.items() if key != "session_thread_id"}
    transition = record(with_child(), [status], NOW, thread_id="sthr_child")
    assert stops(transition) == [("sthr_child", "idle")]


def test_what_is_recorded_in_the_primary_threads_name_is_the_sessions_own() -> None:
    state = fresh()
    assert {event.thread_id for event in record(state, [SPEAK], NOW, thread_id=state.primary_thread).events} == {None}


def test_nobody_records_in_a_thread_that_is_not_there() -> None:
    with pytest.raises(InputError, match="session_thread_id: session sesn_1 has no thread 'sthr_other'"):
        record(with_child(), [SPEAK], NOW, thread_id="sthr_other")


def test_an_interrupt_that_names_a_child_stops_the_child_alone_and_the_primary_thread_is_told() -> None:
    state = after(record(with_child(), [CUSTOM], NOW, thread_id="sthr_child"))
    transition = receive(state, [{**INTERRUPT, "session_thread_id": "sthr_child"}], NOW)
    assert types(transition) == [
        *("user.interrupt", "user.custom_tool_result"),
        *("agent.thread_message_sent", "session.thread_status_idle"),
    ]
    assert {event.thread_id for event in transition.events} == {"sthr_child"}
    assert [(waiting.type, waiting.thread_id) for waiting in transition.inputs][1:] == [
        ("agent.thread_message_received", None)
    ]
    assert (transition.state.status, transition.state.primary_running, transition.state.pending) == (
        "running",
        True,
        (),
    )


def test_an_interrupt_that_names_the_primary_thread_leaves_children_running() -> None:
    state = with_child()
    transition = receive(state, [{**INTERRUPT, "session_thread_id": state.primary_thread}], NOW)
    assert stops(transition) == [(state.primary_thread, "idle")]
    assert (transition.state.status, transition.state.primary_running) == ("running", False)
    transition = record(after(transition), [CHILD_IDLE], NOW)
    assert types(transition) == ["session.thread_status_idle", "session.usage", "session.status_idle"]


def test_an_interrupt_that_names_the_primary_thread_answers_its_call() -> None:
    state = after(record(fresh(), [CUSTOM, IDLE], NOW))
    transition = receive(state, [{**INTERRUPT, "session_thread_id": state.primary_thread}], NOW)
    assert transition.state.pending == ()
    assert transition.events[-1].payload["stop_reason"] == {"type": "end_turn"}


def test_an_interrupt_of_the_session_stops_every_thread() -> None:
    state = with_child()
    transition = receive(state, [INTERRUPT], NOW)
    assert stops(transition) == [("sthr_child", "idle"), (state.primary_thread, "idle"), ("", "idle")]


def test_an_interrupt_that_names_no_thread_of_the_session_is_refused() -> None:
    with pytest.raises(InputError, match=r"events\.0: session_thread_id: session sesn_1 has no thread 'foo'"):
        receive(with_child(), [{**INTERRUPT, "session_thread_id": "foo"}], NOW)


def test_an_answer_may_name_the_thread_of_its_call_and_no_other() -> None:
    state = after(record(fresh(), [CUSTOM, IDLE], NOW))
    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": state.pending[0].event_id}
    transition = receive(state, [{**answer, "session_thread_id": state.primary_thread}], NOW)
    assert "session_thread_id" not in transition.events[0].payload
    with pytest.raises(InputError, match=rf"session_thread_id: .* is of thread {state.primary_thread}, not of sthr_x"):
        receive(state, [{**answer, "session_thread_id": "sthr_x"}], NOW)


@pytest.mark.parametrize(("reason", "failed"), [("end_turn", False), ("refusal", True), ("budget_reached", True)])
def test_an_open_request_ends_with_its_turn_and_failed_if_the_turn_did(reason: str, failed: bool) -> None:
    transition = record(fresh(), [START, {**IDLE, "stop_reason": {"type": reason}}], NOW)
    (end,) = [event for event in transition.events if event.type == "span.model_request_end"]
    assert end.payload["is_error"] is failed


def test_a_session_ends_with_its_threads() -> None:
    state = with_child()
    transition = Transition(state, NOW)
    terminate(transition)
    assert stops(transition) == [(thread, "terminated") for thread in ("sthr_child", state.primary_thread, "")]


def test_a_thread_is_begun_once() -> None:
    transition = record(with_child(), [CHILD], NOW)
    assert (transition.threads, len(transition.state.threads)) == ([], 1)


def test_the_primary_thread_runs_again_beside_its_children() -> None:
    state = with_child()
    state = after(receive(state, [{**INTERRUPT, "session_thread_id": state.primary_thread}], NOW))
    transition = record(state, [{"type": "session.status_running"}], NOW)
    assert stops(transition) == [(state.primary_thread, "running")]


def test_what_a_client_sent_is_told_back_in_order() -> None:
    transition = receive(fresh(), [MESSAGE, MESSAGE], NOW)
    assert [transition.inputs[place].number for _, place in transition.answers] == [0, 1]


def test_an_outcome_has_three_iterations_unless_told_otherwise() -> None:
    define = {"type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "r"}}
    transition = receive(fresh(), [{**define, "max_iterations": None}], NOW)
    assert transition.events[0].payload["max_iterations"] == 3
    assert receive(fresh(), [{**define, "max_iterations": 5}], NOW).events[0].payload["max_iterations"] == 5


def test_a_verdict_is_noticed_and_scored() -> None:
    define = {"type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "r"}}
    state = after(receive(fresh(), [define], NOW))
    about = {"outcome_id": state.outcomes[0]["outcome_id"], "iteration": 0}
    started = record(state, [{"type": "span.outcome_evaluation_start", **about}], NOW)
    assert (started.scores, started.notices) == ([], [])
    ended = record(after(started), [{"type": "span.outcome_evaluation_end", **about, "result": "satisfied"}], NOW)
    assert (ended.scores, ended.notices) == ([("outcome", 1.0)], ["session.outcome_evaluation_ended"])


def test_a_promised_id_is_given_once() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    transition, id_ = begin_preview(state, "agent.message", NOW)
    state = after(transition)
    assert (transition.state.input_count, list(transition.state.previews.values())) == (2, ["agent.message"])
    written = record(state, [{**SPEAK, "id": id_}, {**SPEAK, "id": id_}], NOW)
    assert [event.input_number for event in written.events if event.type == "agent.message"] == [1, None]
    assert written.state.previews == {}


def test_a_primary_thread_that_is_rescheduled_says_so_and_one_that_ends_is_refused() -> None:
    state = after(record(fresh(), [START], NOW))
    assert stops(record(state, [{"type": "session.thread_status_rescheduled"}], NOW)) == [
        (state.primary_thread, "rescheduled")
    ]
    with pytest.raises(InputError, match="the primary thread ends with its session"):
        record(state, [{"type": "session.thread_status_terminated"}], NOW)
