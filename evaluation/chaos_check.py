"""What must hold of a session once it rests, whatever was killed meanwhile; told by its log alone and what it left."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from evaluation.chaos_model import KEY, MOST_RUNNING
from evaluation.thread_check import thread_violations
from reverie.runtime.live_state import LiveState, stored_id
from reverie.runtime.turn import RESULT_LINKS
from reverie.storage.live.log import LogRow

_USES = ("agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use")
_TOKENS = ("input_tokens", "output_tokens")
_UNKNOWN = "may have run"
_AFTER: Mapping[str, tuple[str, ...]] = {
    "": ("running",),
    "running": ("idle", "rescheduled", "terminated"),
    "rescheduled": ("running", "idle", "terminated"),
    "idle": ("running", "idle", "terminated"),
}
"""Which status may follow which; idle may say anew what is waited for."""


class Rested(msgspec.Struct, frozen=True):
    """A session that was driven and came to rest, or did not in time."""

    state: LiveState
    rows: Sequence[LogRow]
    leases: int
    acknowledged: Sequence[str]
    """Marks of the messages that were acknowledged."""


class Outside(msgspec.Struct, frozen=True):
    """What was left outside of the log."""

    effects: Mapping[str, int]
    """How often each call ran, by its key."""
    asked: frozenset[str]
    """Marks that were in some request to the model."""


def violations(rested: Rested, outside: Outside) -> list[str]:
    """What does not hold, each in a sentence; none is what is wanted."""
    checks = (_rest, _ids, _calls, _spans, _usage, _statuses)
    found = [problem for check in checks for problem in check(rested)]
    lost = [mark for mark in rested.acknowledged if mark not in outside.asked]
    found += [f"the acknowledged message {mark} was in no request" for mark in lost]
    found += _effects(rested, outside.effects)
    # An interrupt of the whole session stops what had not begun; its event is in no thread.
    interrupted = any(row.type == "user.interrupt" for row in rested.rows)
    of_threads = thread_violations(rested.state, rested.rows, MOST_RUNNING)
    found += [problem for problem in of_threads if not (interrupted and problem.endswith("never began"))]
    return [f"{rested.state.session_id}: {problem}" for problem in found]


def unknown(rested: Rested) -> int:
    """Calls of which the agent was told that they may have run."""
    return sum(_UNKNOWN in _text(row) for row in rested.rows if row.type in RESULT_LINKS)


def _rest(rested: Rested) -> Iterator[str]:
    state = rested.state
    if state.status != "idle":
        yield f"stuck: it is {state.status}, with {len(state.pending)} open calls and {rested.leases} leases"
        return
    if state.pending or state.waiting or rested.leases or any(state.running_children):
        yield f"idle with {len(state.pending)} calls, {len(state.waiting)} inputs and {rested.leases} leases left"


def _ids(rested: Rested) -> Iterator[str]:
    ids = Counter(_id(rested, row) for row in rested.rows)
    yield from (f"the id {id_} is that of {count} events" for id_, count in ids.items() if count > 1)


def _id(rested: Rested, row: LogRow) -> str:
    return stored_id(rested.state.session_id, row.sequence or 0, row.input_number)


def _results(rested: Rested) -> dict[str, list[LogRow]]:
    found: dict[str, list[LogRow]] = {}
    for row in rested.rows:
        if row.type in RESULT_LINKS:
            found.setdefault(row.payload[RESULT_LINKS[row.type]], []).append(row)
    return found


def _calls(rested: Rested) -> Iterator[str]:
    results = _results(rested)
    uses = {_id(rested, row) for row in rested.rows if row.type in _USES}
    open_ = {call.event_id for call in rested.state.pending}
    for use in uses:
        wanted = 0 if use in open_ else 1
        if len(results.get(use, ())) != wanted:
            yield f"the call {use} has {len(results.get(use, ()))} results"
    yield from (f"a result names {use}, which is no call" for use in results.keys() - uses)


def _effects(rested: Rested, effects: Mapping[str, int]) -> Iterator[str]:
    results = _results(rested)
    for row in rested.rows:
        key = KEY.search(str(row.payload.get("input", {}).get("command", ""))) if row.type in _USES else None
        if key is None:
            continue
        ran, name = effects.get(key.group(1), 0), key.group(1)
        if ran > 1:
            yield f"the call {name} ran {ran} times"
        for result in results.get(_id(rested, row), ()):
            done = not result.payload.get("is_error")
            if done and ran == 0:
                yield f"the call {name} is said to have run and did not"
            if not done and ran and _UNKNOWN not in _text(result):
                yield f"the call {name} ran, and the agent was told {_text(result)!r}"


def _spans(rested: Rested) -> Iterator[str]:
    starts = [_id(rested, row) for row in rested.rows if row.type == "span.model_request_start"]
    ends = Counter(row.payload["model_request_start_id"] for row in rested.rows if row.type == "span.model_request_end")
    yield from (f"the request {start} has {ends[start]} ends" for start in starts if ends[start] != 1)
    yield from (f"an end names {start}, which is no request" for start in ends.keys() - set(starts))


def _usage(rested: Rested) -> Iterator[str]:
    for name in _TOKENS:
        spent = sum(
            (row.payload.get("model_usage") or {}).get(name) or 0
            for row in rested.rows
            if row.type == "span.model_request_end"
        )
        if spent != rested.state.usage.get(name, 0):
            yield f"{name} of the session are {rested.state.usage.get(name)}, those of its requests {spent}"


def _statuses(rested: Rested) -> Iterator[str]:
    before, reason = "", ""
    for row in rested.rows:
        if not row.type.startswith("session.status_"):
            continue
        status = row.type.removeprefix("session.status_")
        stays = status == before == "idle" and reason != "requires_action"
        if status not in _AFTER.get(before, ()) or stays:
            yield f"status {status} at {row.sequence} follows {before or 'nothing'} ({reason})"
        before, reason = status, (row.payload.get("stop_reason") or {}).get("type", "")


def _text(row: LogRow) -> str:
    content: Any = row.payload.get("content") or ()
    return " ".join(str(block.get("text", "")) for block in content)
