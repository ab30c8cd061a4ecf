"""The threads that work for a cross-check: told by their ids, which follow from the call's, so nothing else is kept.

While a check's call has no result, those that it asked report to it and to nobody else; the coordinator is woken when
the last of them rests.
"""

from collections.abc import Iterator

from reverie.ids import derived_id
from reverie.runtime.live_state import ChildThread, LiveState

MOST_MEMBERS = 5
_JUDGE = "judge"


def member_id(call_id: str, place: int) -> str:
    """The thread of a check's member, by the event id of the check's call and the member's place."""
    return derived_id("sthr", call_id, str(place))


def judge_id(call_id: str) -> str:
    """The thread of a check's judge."""
    return derived_id("sthr", call_id, _JUDGE)


def members_of(state: LiveState, call_id: str) -> tuple[ChildThread, ...]:
    """Those that a check asked, in the order of asking; none before it has begun."""
    known = {thread.id: thread for thread in state.threads}
    places = (member_id(call_id, place) for place in range(MOST_MEMBERS))
    return tuple(known[thread] for thread in places if thread in known)


def workers_of(state: LiveState, call_id: str) -> tuple[ChildThread, ...]:
    """Those that a check asked, and its judge once there is one."""
    judge = judge_id(call_id)
    return (*members_of(state, call_id), *(thread for thread in state.threads if thread.id == judge))


def check_of(state: LiveState, thread_id: str) -> str | None:
    """The event id of the call of the check that a thread works for; None where it works for none that goes on."""
    return next((call for call, workers in _open_checks(state) if any(one.id == thread_id for one in workers)), None)


def finished_checks(state: LiveState) -> list[str]:
    """The calls of checks that have begun, have no result, and whose threads have all come to rest."""
    return [call for call, workers in _open_checks(state) if workers and not any(_works(state, one) for one in workers)]


def is_under_way(state: LiveState, call_id: str) -> bool:
    """Whether somebody still works for a check, or waits for the user."""
    return any(_works(state, thread) for thread in workers_of(state, call_id))


def _open_checks(state: LiveState) -> Iterator[tuple[str, tuple[ChildThread, ...]]]:
    if not state.threads:
        return
    for call in state.pending:
        if call.thread_id is None and call.type == "agent.tool_use" and not call.blocks:
            yield call.event_id, workers_of(state, call.event_id)


def _works(state: LiveState, thread: ChildThread) -> bool:
    if thread.archived or thread.status == "terminated":
        return False
    blocked = any(call.blocks and call.thread_id == thread.id for call in state.pending)
    return blocked or thread.status != "idle" or thread.part.queued is not None
