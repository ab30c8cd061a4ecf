"""How many threads of a role or an agent run at once, and which one begins when one of them ends.

A thread that may not run yet is idle on the wire, with its task in its log; that it waits is kept with the session, so
that it is begun in the transition that makes room for it, once. One that waits for the user keeps its place.
"""

from collections.abc import Collection

import msgspec

from reverie.runtime.live_state import ChildThread, LiveState, ThreadPart, Transition


def queue_of(state: LiveState) -> list[ChildThread]:
    """Threads that wait until they may run, the oldest first."""
    waiting = (thread for thread in state.threads if thread.part.queued is not None and not thread.archived)
    return sorted(waiting, key=lambda thread: thread.part.queued or 0)


def may_run(state: LiveState, thread: ChildThread) -> bool:
    """Whether there is a place for a thread among those of its role and of its agent."""
    part = thread.part
    if not part.of_role and not part.of_agent:
        return True
    others = [other for other in state.threads if other.id != thread.id and _has_place(state, other)]
    of_role = sum(other.part.role == part.role for other in others)
    of_agent = sum(other.agent_name == thread.agent_name for other in others)
    return not (part.of_role and of_role >= part.of_role) and not (part.of_agent and of_agent >= part.of_agent)


def waiting_seconds(state: LiveState, agent_name: str, most: int, mean_seconds: float) -> float:
    """How long a further task for an agent would wait: those before it and itself, in turns of ``most`` at a time.

    Args:
        most: threads of the agent that run at once; 0: any number.
        mean_seconds: how long a task of the agent takes.
    """
    probe = ChildThread("", agent_name, part=ThreadPart(of_agent=most))
    if may_run(state, probe):
        return 0.0
    before = sum(thread.agent_name == agent_name for thread in queue_of(state))
    return (before + 1) * mean_seconds / most


def enqueue(transition: Transition, thread: ChildThread) -> None:
    """Have a thread wait until it may run; one that does already keeps its age."""
    if thread.part.queued is None:
        place = transition.state.event_count + len(transition.events)
        _set(transition, {thread.id}, place)


def leave_queue(transition: Transition, thread_ids: Collection[str]) -> None:
    """Have threads wait no more, without a beginning."""
    if thread_ids:
        _set(transition, thread_ids, None)


def without_queue(part: ThreadPart) -> ThreadPart:
    """The part of a thread that does not wait."""
    return part if part.queued is None else msgspec.structs.replace(part, queued=None)


def _set(transition: Transition, thread_ids: Collection[str], queued: int | None) -> None:
    threads = (
        msgspec.structs.replace(one, part=msgspec.structs.replace(one.part, queued=queued))
        if one.id in thread_ids
        else one
        for one in transition.state.threads
    )
    transition.change(threads=tuple(threads))


def _has_place(state: LiveState, thread: ChildThread) -> bool:
    if thread.archived or thread.status == "terminated":
        return False
    waits_for_client = any(call.blocks and call.thread_id == thread.id for call in state.pending)
    return thread.status != "idle" or waits_for_client
