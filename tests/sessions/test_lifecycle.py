from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import InputError, StateError
from reverie.sessions.lifecycle import Draft, LiveState, receive, record, terminate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MESSAGE: dict[str, Any] = {"type": "user.message", "content": []}
SPEAK: dict[str, Any] = {"type": "agent.message", "content": []}
CUSTOM: dict[str, Any] = {"type": "agent.custom_tool_use", "name": "t", "input": {}}
IDLE: dict[str, Any] = {"type": "session.status_idle"}
INTERRUPT: dict[str, Any] = {"type": "user.interrupt"}


def fresh(*, self_hosted: bool = False) -> LiveState:
    return LiveState("sesn_1", "idle", "desk", self_hosted, event_count=0, input_count=0)


def after(draft: Draft) -> LiveState:
    """The state as it is read back once the draft is stored."""
    return msgspec.structs.replace(draft.state, event_count=draft.state.event_count + len(draft.events))


def types(draft: Draft) -> list[str]:
    return [event.type for event in draft.events]


def test_usage_comes_right_before_the_sessions_idle() -> None:
    draft = record(fresh(), [SPEAK, IDLE], NOW)
    assert types(draft)[-3:] == ["session.thread_status_idle", "session.usage", "session.status_idle"]


def test_messages_are_taken_in_where_the_next_request_to_the_model_begins() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    draft = record(state, [SPEAK, {"type": "span.model_request_start"}], NOW)
    assert types(draft) == ["agent.message", "user.message", "span.model_request_start"]


def test_a_message_that_comes_during_a_turn_begins_the_next_one() -> None:
    state = after(record(fresh(), [SPEAK], NOW))
    state = after(receive(state, [MESSAGE], NOW))
    assert state.status == "running"
    draft = record(state, [IDLE], NOW)
    assert draft.state.status in ("idle", "running")
    assert not draft.state.waiting or draft.state.status == "running"


def test_a_denied_call_is_no_longer_waited_for() -> None:
    ask = {"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    state = after(record(fresh(), [ask, IDLE], NOW))
    (call,) = state.pending
    no = {"type": "user.tool_confirmation", "tool_use_id": call.event_id, "result": "deny", "deny_message": "no"}
    draft = receive(state, [no], NOW)
    assert (draft.state.status, draft.state.pending) == ("running", ())


def test_in_a_self_hosted_session_an_allowed_call_still_waits_for_its_result() -> None:
    ask = {"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    state = after(record(fresh(self_hosted=True), [ask, IDLE], NOW))
    (call,) = state.pending
    state = after(
        receive(state, [{"type": "user.tool_confirmation", "tool_use_id": call.event_id, "result": "allow"}], NOW)
    )
    assert [waiting.event_id for waiting in state.pending] == [call.event_id]
    draft = receive(state, [{"type": "user.tool_result", "tool_use_id": call.event_id}], NOW)
    assert draft.state.status == "running"


def test_a_message_and_its_system_message_are_one_request() -> None:
    system = {"type": "system.message", "content": []}
    assert len(receive(fresh(), [MESSAGE, system], NOW).inputs) == 2
    for wrong in ([system], [MESSAGE, system, MESSAGE], [INTERRUPT, system]):
        with pytest.raises(InputError, match=r"^events\."):
            receive(fresh(), wrong, NOW)


def test_an_interrupt_of_an_idle_session_changes_nothing_but_is_kept() -> None:
    draft = receive(fresh(), [INTERRUPT], NOW)
    assert (types(draft), draft.state.status) == (["user.interrupt"], "idle")


def test_an_exhausted_error_flushes_what_waits_and_ends_the_turn() -> None:
    state = after(receive(fresh(), [MESSAGE], NOW))
    error = {"type": "unknown_error", "message": "m", "retry_status": {"type": "exhausted"}}
    draft = record(state, [{"type": "session.error", "error": error}], NOW)
    assert draft.state.waiting == ()
    assert draft.events[-1].payload["stop_reason"] == {"type": "retries_exhausted"}


def test_names_of_the_writer_become_ids() -> None:
    draft = record(
        fresh(), [{**CUSTOM, "id": "mine"}, {"type": "user.custom_tool_result", "custom_tool_use_id": "mine"}], NOW
    )
    call = next(event for event in draft.events if event.type == "user.custom_tool_result")
    assert call.payload["custom_tool_use_id"].startswith("sevt_")
    assert draft.state.pending == ()


def test_an_ended_session_refuses_everything() -> None:
    draft = Draft(fresh(), NOW)
    terminate(draft)
    with pytest.raises(StateError):
        receive(after(draft), [MESSAGE], NOW)
    with pytest.raises(StateError):
        record(after(draft), [SPEAK], NOW)


ACTS = st.lists(st.sampled_from(["message", "speak", "call", "answer", "idle", "interrupt", "error"]), max_size=14)


@given(ACTS)
def test_whatever_happens_the_log_stays_sound(acts: list[str]) -> None:
    state, log, now = fresh(), [], NOW
    for act in acts:
        now += timedelta(seconds=1)
        try:
            draft = _do(act, state, now)
        except (InputError, StateError):
            continue
        log += draft.events
        state = after(draft)
    names = [event.type for event in log]
    taken = [event.input_number for event in log if event.input_number is not None]
    assert taken == sorted(set(taken))
    assert len(taken) + len(state.waiting) == state.input_count
    for place, name in enumerate(names):
        if name == "session.status_idle":
            assert names[place - 1] == "session.usage"
    assert state.status == "running" or not state.waiting


def _do(act: str, state: LiveState, now: datetime) -> Draft:
    failed = {"type": "unknown_error", "message": "", "retry_status": {"type": "exhausted"}}
    match act:
        case "message":
            return receive(state, [MESSAGE], now)
        case "interrupt":
            return receive(state, [INTERRUPT], now)
        case "answer":
            call = state.pending[0].event_id if state.pending else "none"
            return receive(state, [{"type": "user.custom_tool_result", "custom_tool_use_id": call}], now)
        case "error":
            return record(state, [{"type": "session.error", "error": failed}], now)
        case _:
            return record(state, [{"speak": SPEAK, "call": CUSTOM, "idle": IDLE}[act]], now)


def test_a_threads_status_names_the_agent_of_its_thread_or_is_refused() -> None:
    begun: dict[str, Any] = {"type": "session.thread_created", "session_thread_id": "child", "agent_name": "helper"}
    status: dict[str, Any] = {"type": "session.thread_status_idle", "stop_reason": {"type": "end_turn"}}
    draft = record(fresh(), [begun, {**status, "session_thread_id": "child"}, status], NOW)
    assert [event.payload["agent_name"] for event in draft.events if event.type == status["type"]] == ["helper", "desk"]
    with pytest.raises(InputError, match="agent_name"):
        record(after(draft), [{**status, "session_thread_id": "sthr_child"}], NOW)
