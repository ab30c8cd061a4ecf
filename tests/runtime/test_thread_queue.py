"""Random lives of a team with limits, held against what its queue promises."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reverie.runtime.delegation import call_in
from reverie.runtime.inbox import receive
from reverie.runtime.live_state import ChildThread, LiveState, NewEvent, ThreadPart, Transition
from reverie.runtime.thread_queue import may_run, queue_of, waiting_seconds
from reverie.runtime.threads import archive_child, post, rest
from reverie.runtime.writer import record

LIMITS = {"ann": 1, "bob": 2, "eve": 0}
OF_ROLE = {"": 0, "reader": 2}
RUNNING = "session.thread_status_running"


class Team(RuleBasedStateMachine):
    """A session whose coordinator calls agents in; of some, and of a role, only so many run at once."""

    def __init__(self) -> None:
        super().__init__()
        self.state = LiveState("sesn_1", "idle", "lead", self_hosted=False, event_count=0, input_count=0)
        self.log: list[NewEvent] = []
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.asked = 0

    def keep(self, transition: Transition) -> None:
        self.log += transition.events
        threads = tuple(
            msgspec.structs.replace(thread, archived=thread.status == "terminated")
            for thread in transition.state.threads
        )
        self.state = msgspec.structs.replace(
            transition.state, threads=threads, event_count=self.state.event_count + len(transition.events)
        )

    def step(self) -> Transition:
        return Transition(self.state, self.now)

    def of(self, which: int, among: list[ChildThread]) -> ChildThread:
        return among[which % len(among)]

    @rule()
    def message(self) -> None:
        if not self.state.blockers or self.state.goes_on:
            self.keep(receive(self.state, [{"type": "user.message", "content": []}], self.now))

    @precondition(lambda self: self.state.primary_running)
    @rule(name=st.sampled_from(sorted(LIMITS)), role=st.sampled_from(sorted(OF_ROLE)))
    def create(self, name: str, role: str) -> None:
        transition = self.step()
        self.asked += 1
        call_in(transition, f"sthr_{self.asked}", name, "Task", ThreadPart(role, OF_ROLE[role], LIMITS[name]))
        self.keep(transition)

    @precondition(lambda self: self.state.primary_running and self.state.threads)
    @rule(which=st.integers(0, 50))
    def write_to(self, which: int) -> None:
        transition = self.step()
        child = self.of(which, list(self.state.threads))
        if child.status != "terminated":
            post(transition, None, child.id, "More")
            self.keep(transition)

    @precondition(lambda self: any(self.state.running_children))
    @rule(which=st.integers(0, 50))
    def report(self, which: int) -> None:
        transition = self.step()
        child = self.of(which, list(self.state.running_children))
        rest(transition, child.id, report="Done")
        self.keep(transition)

    @precondition(lambda self: any(self.state.running_children))
    @rule(which=st.integers(0, 50))
    def ask_the_user(self, which: int) -> None:
        child = self.of(which, list(self.state.running_children))
        use: dict[str, Any] = {"type": "agent.custom_tool_use", "name": "t", "input": {}}
        self.keep(record(self.state, [use], self.now, thread_id=child.id, expected_turn=self.state.turn))
        transition = self.step()
        rest(transition, child.id)
        self.keep(transition)

    @precondition(lambda self: self.state.blockers)
    @rule(which=st.integers(0, 50))
    def answer(self, which: int) -> None:
        calls = self.state.blockers
        use = calls[which % len(calls)]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": []}
        self.keep(receive(self.state, [result], self.now))

    @precondition(lambda self: self.state.primary_running)
    @rule()
    def lead_rests(self) -> None:
        transition = self.step()
        rest(transition, None)
        self.keep(transition)

    @precondition(lambda self: self.state.threads)
    @rule(which=st.integers(0, 50), one=st.booleans())
    def interrupt(self, which: int, *, one: bool) -> None:
        child = self.of(which, list(self.state.threads))
        if one and child.archived:
            return
        named = {"session_thread_id": child.id} if one else {}
        self.keep(receive(self.state, [{"type": "user.interrupt", **named}], self.now))

    @rule(which=st.integers(0, 50))
    def archive(self, which: int) -> None:
        idle = [child for child in self.state.threads if child.status == "idle" and not child.archived]
        if idle:
            transition = self.step()
            archive_child(transition, self.of(which, idle))
            self.keep(transition)

    @invariant()
    def no_more_run_than_may(self) -> None:
        running = list(self.state.running_children)
        for name, most in LIMITS.items():
            assert not most or sum(child.agent_name == name for child in running) <= most
        for role, most in OF_ROLE.items():
            assert not most or sum(child.part.role == role for child in running) <= most

    @invariant()
    def nobody_queues_for_whom_there_is_room(self) -> None:
        for child in queue_of(self.state):
            assert not may_run(self.state, child) and child.status == "idle"

    @invariant()
    def the_session_runs_while_and_only_while_a_thread_does(self) -> None:
        assert self.state.goes_on == (self.state.primary_running or any(self.state.running_children))

    @invariant()
    def a_thread_begins_again_only_once_it_has_rested(self) -> None:
        for child in self.state.threads:
            statuses = [
                event.type
                for event in self.log
                if event.thread_id == child.id and event.type.startswith("session.thread_status_")
            ]
            assert all(one != RUNNING or then != RUNNING for one, then in pairwise(statuses))


TestTeam = Team.TestCase


def child(name: str, *, queued: int | None = None, status: Any = "running") -> ChildThread:
    return ChildThread(f"sthr_{name}_{queued}", name, status, part=ThreadPart(of_agent=1, queued=queued))


def state_of(*threads: ChildThread) -> LiveState:
    return LiveState("s", "running", "lead", self_hosted=False, event_count=0, input_count=0, threads=threads)


def test_a_task_waits_for_those_before_it_and_not_where_there_is_room() -> None:
    ann, next_ann = child("ann"), child("ann", queued=3, status="idle")
    assert waiting_seconds(state_of(), "ann", 1, 30.0) == 0.0
    assert waiting_seconds(state_of(ann), "bob", 1, 30.0) == 0.0
    assert waiting_seconds(state_of(ann), "ann", 0, 30.0) == 0.0
    assert waiting_seconds(state_of(ann), "ann", 1, 30.0) == 30.0
    assert waiting_seconds(state_of(ann, next_ann), "ann", 1, 30.0) == 60.0
    assert waiting_seconds(state_of(ann, ann, next_ann), "ann", 2, 30.0) == 30.0
