"""Random interleavings of senders, two owners, interrupts and a child thread, held against the laws of the life cycle.

The laws stand in design/013-life-cycle.md; each is a function here that reads the log alone.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reverie.errors import ConflictError, InputError
from reverie.ids import event_id
from reverie.runtime.inbox import receive
from reverie.runtime.live_state import LiveState, NewEvent, Transition, input_id
from reverie.runtime.turn import RESULT_LINKS
from reverie.runtime.writer import record

CHILD = "sthr_child"
TOOL_USES = ("agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use")
TAKERS = ("span.model_request_start", "session.error")
TURNS: dict[str, list[dict[str, Any]]] = {
    "request": [{"type": "span.model_request_start"}],
    "answer": [{"type": "agent.message", "content": []}, {"type": "span.model_request_end"}],
    "custom": [{"type": "agent.custom_tool_use", "name": "t", "input": {}}],
    "ask": [{"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"}],
    "bash": [{"type": "agent.tool_use", "name": "bash", "input": {}}],
    "mcp": [{"type": "agent.mcp_tool_use", "name": "find", "mcp_server_name": "s", "input": {}}],
    "idle": [{"type": "session.status_idle"}],
    "answer and idle": [{"type": "agent.message", "content": []}, {"type": "session.status_idle"}],
    "whole turn": [
        {"type": "span.model_request_start"},
        {"type": "agent.message", "content": []},
        {"type": "span.model_request_end"},
        {"type": "session.status_idle"},
    ],
    "error": [{"type": "session.error", "error": {"type": "unknown_error", "retry_status": {"type": "exhausted"}}}],
    "thread": [{"type": "session.thread_created", "session_thread_id": CHILD, "agent_name": "helper"}],
    "child runs": [{"type": "session.thread_status_running", "session_thread_id": CHILD}],
    "child idles": [{"type": "session.thread_status_idle", "session_thread_id": CHILD}],
}


class Session(RuleBasedStateMachine):
    """One session, its log, and two owners that each believe in the turn they took."""

    def __init__(self) -> None:
        super().__init__()
        self.state = LiveState("sesn_1", "idle", "desk", self_hosted=True, event_count=0, input_count=0)
        self.log: list[NewEvent] = []
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.turns = {"a": 0, "b": 0}
        self.sent_at: dict[int, int] = {}
        """How many turns had begun when each message was sent."""

    def keep(self, transition: Transition) -> None:
        self.log += transition.events
        self.state = msgspec.structs.replace(
            transition.state, event_count=self.state.event_count + len(transition.events)
        )
        self.now += timedelta(seconds=1)

    def send(self, *events: Mapping[str, Any]) -> None:
        turn, first = self.state.turn, self.state.input_count
        try:
            transition = receive(self.state, events, self.now)
        except InputError:
            return
        for waiting in transition.inputs:
            if waiting.type == "user.message":
                self.sent_at[waiting.number] = turn
        assert first <= transition.state.input_count
        self.keep(transition)

    @rule(count=st.integers(1, 3))
    def message(self, count: int) -> None:
        self.send(*[{"type": "user.message", "content": []}] * count)

    @rule(thread=st.sampled_from([None, "primary", CHILD]), steer=st.booleans())
    def interrupt(self, thread: str | None, steer: bool) -> None:
        named = {None: {}, "primary": {"session_thread_id": self.state.primary_thread}}.get(
            thread, {"session_thread_id": thread}
        )
        interrupt = {"type": "user.interrupt", **named}
        self.send(interrupt, *([{"type": "user.message", "content": []}] if steer else []))

    @precondition(lambda self: self.state.pending)
    @rule(which=st.integers(0, 9), allow=st.booleans())
    def confirm(self, which: int, allow: bool) -> None:
        call = self.state.pending[which % len(self.state.pending)]
        result = "allow" if allow else "deny"
        self.send({"type": "user.tool_confirmation", "tool_use_id": call.event_id, "result": result})

    @precondition(lambda self: self.state.pending)
    @rule(which=st.integers(0, 9))
    def answer(self, which: int) -> None:
        call = self.state.pending[which % len(self.state.pending)]
        type_ = "user.custom_tool_result" if call.type == "agent.custom_tool_use" else "user.tool_result"
        self.send({"type": type_, RESULT_LINKS[type_]: call.event_id})

    @rule(owner=st.sampled_from("ab"))
    def take_turn(self, owner: str) -> None:
        self.turns[owner] = self.state.turn

    @rule(owner=st.sampled_from("ab"), what=st.sampled_from(sorted(TURNS)), in_child=st.booleans())
    def write(self, owner: str, what: str, in_child: bool) -> None:
        late = self.state.status != "running" or self.turns[owner] != self.state.turn
        thread = CHILD if in_child and any(child.id == CHILD for child in self.state.threads) else None
        try:
            transition = record(self.state, TURNS[what], self.now, thread_id=thread, expected_turn=self.turns[owner])
        except ConflictError:
            assert late
            return
        except InputError:
            return
        assert not late
        self.keep(transition)

    @precondition(lambda self: any(not call.outside for call in self.state.pending))
    @rule(owner=st.sampled_from("ab"), again=st.booleans())
    def run_tool(self, owner: str, again: bool) -> None:
        call = next(call for call in self.state.pending if not call.outside)
        type_ = "agent.mcp_tool_result" if call.type == "agent.mcp_tool_use" else "agent.tool_result"
        result = {"type": type_, RESULT_LINKS[type_]: call.event_id}
        try:
            self.keep(
                record(
                    self.state,
                    [result] * (1 + again),
                    self.now,
                    thread_id=call.thread_id,
                    expected_turn=self.turns[owner],
                )
            )
        except (ConflictError, InputError):
            return
        assert not again

    @invariant()
    def every_message_is_answered_in_a_turn_or_begins_the_next(self) -> None:
        if self.state.status == "idle":
            assert not self.state.waiting or self.state.blockers
        taken = [event.input_number for event in self.log if event.input_number is not None]
        assert sorted([*taken, *(waiting.number for waiting in self.state.waiting)]) == list(
            range(self.state.input_count)
        )
        turn, running = 0, False
        for place, event in enumerate(self.log):
            if event.type == "session.status_running":
                turn, running = turn + 1, True
            elif event.type == "session.status_idle":
                running = False
            elif event.type == "user.message":
                assert running
                began_it = self.sent_at[event.input_number or 0] < turn
                assert began_it or taken_by(self.log, place) in TAKERS

    @invariant()
    def a_call_has_one_result_after_it(self) -> None:
        uses = {id_: place for place, (id_, event) in enumerate(with_ids(self.log)) if event.type in TOOL_USES}
        answered: list[str] = []
        for place, event in enumerate(self.log):
            if event.type in RESULT_LINKS:
                call = event.payload[RESULT_LINKS[event.type]]
                assert uses[call] < place
                answered.append(call)
        assert len(answered) == len(set(answered))
        assert {call.event_id for call in self.state.pending} == uses.keys() - set(answered)

    @invariant()
    def a_request_is_open_once_a_thread_and_never_while_the_session_is_idle(self) -> None:
        still_open: dict[str | None, str] = {}
        for id_, event in with_ids(self.log):
            if event.type == "span.model_request_start":
                assert event.thread_id not in still_open
                still_open[event.thread_id] = id_
            elif event.type == "span.model_request_end":
                ended = still_open.pop(event.thread_id, "")
                assert event.payload["model_request_start_id"] == ended
            elif event.type == "session.status_idle":
                assert not still_open
        assert {thread or "": id_ for thread, id_ in still_open.items()} == self.state.open_spans

    @invariant()
    def statuses_alternate_and_idle_says_what_is_waited_for(self) -> None:
        last: dict[str, NewEvent] = {}
        for place, event in enumerate(self.log):
            kind = event.type.rpartition("_")[2]
            if "status_" not in event.type:
                continue
            thread = event.payload.get("session_thread_id", "")
            before = last.get(thread)
            again = before is not None and before.type == event.type
            assert (
                before is None
                or not again
                or (kind == "idle" and before.payload["stop_reason"]["type"] == "requires_action")
            )
            assert before is not None or kind == "running" or thread == CHILD
            last[thread] = event
            if event.type == "session.status_idle":
                assert self.log[place - 1].type == "session.usage"
        if self.state.status == "idle" and "" in last:
            reason = last[""].payload["stop_reason"]
            assert reason.get("event_ids", []) == self.state.blockers
        assert last.get("") is None or last[""].type.endswith(self.state.status)


def with_ids(log: Sequence[NewEvent]) -> list[tuple[str, NewEvent]]:
    return [
        (event_id("sesn_1", place) if event.input_number is None else input_id("sesn_1", event.input_number), event)
        for place, event in enumerate(log)
    ]


def taken_by(log: Sequence[NewEvent], place: int) -> str:
    """What took the input at ``place`` in: the request after it, or the error that flushed it."""
    after = next((event.type for event in log[place:] if event.input_number is None), "")
    flushed = ("span.model_request_end", "user.message", "user.interrupt", "user.tool_confirmation")
    return (
        after if after in TAKERS else next(event.type for event in reversed(log[:place]) if event.type not in flushed)
    )


TestSession = Session.TestCase
