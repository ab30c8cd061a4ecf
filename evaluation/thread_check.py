"""What must hold of each thread of a session that rests, whatever was killed meanwhile; told by its log alone."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from reverie.runtime.check_threads import MOST_MEMBERS, judge_id, member_id
from reverie.runtime.live_state import LiveState, stored_id
from reverie.storage.live.log import LogRow

SENT, RECEIVED = "agent.thread_message_sent", "agent.thread_message_received"
_STATUS = "session.thread_status_"
_RUNNING, _IDLE = f"{_STATUS}running", f"{_STATUS}idle"


def thread_violations(state: LiveState, rows: Sequence[LogRow], most_running: Mapping[str, int]) -> list[str]:
    """What does not hold, each in a sentence.

    Args:
        most_running: by agent, threads that may run at once.
    """
    own: dict[str, list[LogRow]] = defaultdict(list)
    for row in rows:
        own[row.thread_id or ""].append(row)
    found = [*_no_gaps(rows), *_messages(state, rows), *_limits(rows, most_running), *_queue(state)]
    for thread, log in own.items():
        found += [f"thread {thread or 'of the session'}: {problem}" for problem in _one_request(log)]
        if thread:
            found += [f"thread {thread}: {problem}" for problem in (*_alternates(log), *_begins(log))]
    return found


def unanswered(state: LiveState, rows: Sequence[LogRow]) -> list[str]:
    """Threads whose briefs and reports are not one for one; for sessions that nobody interrupts."""
    briefs, reports = defaultdict[str, int](int), defaultdict[str, int](int)
    for row in rows:
        if row.type == RECEIVED and row.thread_id is not None:
            briefs[row.thread_id] += 1
        if row.type == SENT and row.thread_id is not None:
            reports[row.thread_id] += 1
    threads = [thread.id for thread in state.threads]
    return [
        f"thread {one}: {briefs[one]} briefs, {reports[one]} reports" for one in threads if briefs[one] != reports[one]
    ]


def _no_gaps(rows: Sequence[LogRow]) -> Iterator[str]:
    if [row.sequence for row in rows] != list(range(len(rows))):
        yield "events are lost, doubled or out of order"


def _messages(state: LiveState, rows: Sequence[LogRow]) -> Iterator[str]:
    """What was sent to a thread was received there, once and in order; cross-checks read what their threads sent."""
    sent, received = defaultdict[tuple[str, str], list[Any]](list), defaultdict[tuple[str, str], list[Any]](list)
    workers = _workers(state, rows)
    for row in rows:
        here = row.thread_id or state.primary_thread
        if row.type == SENT and here not in workers:
            sent[here, row.payload["to_session_thread_id"]].append(row.payload["content"])
        elif row.type == RECEIVED:
            received[row.payload["from_session_thread_id"], here].append(row.payload["content"])
    for pair in sent.keys() | received.keys():
        if sent[pair] != received[pair]:
            yield f"{pair[0]} sent {len(sent[pair])} messages to {pair[1]}, which received {len(received[pair])}"


def _workers(state: LiveState, rows: Sequence[LogRow]) -> set[str]:
    calls = [
        stored_id(state.session_id, row.sequence or 0, row.input_number)
        for row in rows
        if row.type == "agent.tool_use" and row.payload.get("name") == "cross_check"
    ]
    return {judge_id(call) for call in calls} | {member_id(call, n) for call in calls for n in range(MOST_MEMBERS)}


def _limits(rows: Sequence[LogRow], most_running: Mapping[str, int]) -> Iterator[str]:
    running: dict[str, str] = {}
    for row in rows:
        if row.thread_id is None or not row.type.startswith(_STATUS):
            continue
        if row.type != _RUNNING:
            running.pop(row.thread_id, None)
            continue
        name = running[row.thread_id] = row.payload["agent_name"]
        count = sum(other == name for other in running.values())
        if count > most_running.get(name, count):
            yield f"{count} threads of {name} run at {row.sequence}, and {most_running[name]} may"


def _queue(state: LiveState) -> Iterator[str]:
    left = [thread.id for thread in state.threads if thread.part.queued is not None]
    if left and not state.blockers:
        yield f"{len(left)} threads queue for nobody"


def _one_request(log: Sequence[LogRow]) -> Iterator[str]:
    """A thread has one turn at a time: its requests do not overlap."""
    is_open = False
    for row in log:
        if row.type == "span.model_request_start":
            if is_open:
                yield f"a request begins at {row.sequence} in another one"
            is_open = True
        elif row.type == "span.model_request_end":
            is_open = False


def _alternates(log: Sequence[LogRow]) -> Iterator[str]:
    statuses = [row for row in log if row.type.startswith(_STATUS)]
    if statuses and statuses[0].type == _IDLE:
        yield "it rests before it has begun"
    for before, row in pairwise(statuses):
        if row.type == before.type or before.type == f"{_STATUS}terminated":
            yield f"{row.type} at {row.sequence} follows {before.type}"


def _begins(log: Sequence[LogRow]) -> Iterator[str]:
    """A thread that was given a task works on it, unless somebody stops it first."""
    types = [row.type for row in log]
    stopped = {"user.interrupt", f"{_STATUS}terminated"} & set(types)
    if RECEIVED in types and _RUNNING not in types and not stopped:
        yield "it was given a task and never began"
