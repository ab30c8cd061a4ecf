"""Where a failed session went wrong first: a rule that needs no model and no other session.

In labelled failures of agent groups (Who&When: Zhang et al. 2025) blame rarely lies with who spoke last, and a good
part of it with whoever first stated something that nobody had looked up. Hence the rule: the first step that either
states a figure which neither the user nor any agent or tool has mentioned before, or whose code or tool call fails and
is not made again with success. What agents tell each other, in briefs and reports, are statements like any other. It
says where to look; it is no proof. Training priorities point at it in their failed examples, with how often it is
right, and no other lesson rests on it.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from reverie.digests.tool_error import tool_failed
from reverie.ids import event_sequence
from reverie.sessions.event import Event, text_of
from reverie.sessions.session import Transcript

RIGHT_AGENT, RIGHT_STEP = 0.6, 0.4
"""How often it names the agent, and the very step, that people blame: the development half of Who&When."""
_FIGURE = re.compile(r"\d(?:[\d,.]*\d)?")
_STATEMENTS = frozenset({"agent.message", "agent.thread_message_sent"})
_CODE = re.compile(r"```.*?```", re.DOTALL)


class Attribution(msgspec.Struct, frozen=True):
    """The step a failure is traced to."""

    sequence: int
    """The event's sequence number."""
    agent: str
    """Its name, or its thread's where nothing names it; empty where a session has only one."""
    reason: str
    thread: str | None = None
    """None is the session's own thread."""


def attribute_failure(transcript: Transcript) -> Attribution | None:
    """The first faulty step, else the agent's first step; None where no agent acted."""
    events = transcript.events
    acted = [sequence for sequence, event in enumerate(events) if _acts(event)]
    if not acted:
        return None
    faults = dict([*_unfounded(events), *_failed(events, acted)])
    if not faults:
        return _attribution(transcript, acted[0], "no step states anything new or fails: this is the first")
    first = min(faults)
    return _attribution(transcript, first, faults[first])


def _attribution(transcript: Transcript, sequence: int, reason: str) -> Attribution:
    thread = transcript.events[sequence].thread_id
    return Attribution(sequence, agent_of(transcript, thread), reason, thread)


def agent_of(transcript: Transcript, thread: str | None) -> str:
    """The name of the agent whose thread it is, or the thread's; empty where the session has only one thread."""
    if thread is None:
        several = any(event.thread_id is not None for event in transcript.events)
        return (transcript.session.agent or "") if several else ""
    begun = (event.payload for event in transcript.events if event.type == "session.thread_created")
    names = (begin.get("agent_name") for begin in begun if begin.get("session_thread_id") == thread)
    return next((name for name in names if isinstance(name, str) and name), thread)


def _acts(event: Event) -> bool:
    return event.type in ("agent.message", "agent.tool_use", "agent.thread_message_sent")


def _unfounded(events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    """Messages of agents, to each other too, with a figure in their prose that nobody mentioned before.

    Code may compute with new ones.
    """
    known: set[str] = set()
    for sequence, event in enumerate(events):
        text = text_of(event)
        if event.type in _STATEMENTS:
            new = [figure for figure in _FIGURE.findall(_CODE.sub("", text)) if figure not in known]
            if new:
                yield sequence, f"states {', '.join(dict.fromkeys(new[:3]))}, which nothing before it mentions"
        known.update(_FIGURE.findall(text))


def _failed(events: Sequence[Event], acted: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Steps whose call failed and was not made again with success.

    A result that names no call belongs to the thread's latest step before it, else to the latest of any.
    """
    failed: dict[int, None] = {}
    for sequence, event in enumerate(events):
        if event.type != "agent.tool_result":
            continue
        cause = _step_of(events, event, [step for step in acted if step < sequence])
        if cause is None:
            continue
        if tool_failed(event):
            failed[cause] = None
        elif events[cause].type == "agent.tool_use":
            made = _call(events[cause])
            failed = {each: None for each in failed if _call(events[each]) != made}
    for cause in failed:
        yield cause, "what it ran failed"


def _step_of(events: Sequence[Event], result: Event, before: Sequence[int]) -> int | None:
    call = result.payload.get("tool_use_id")
    if call:
        return event_sequence(call)
    own = [step for step in before if events[step].thread_id == result.thread_id]
    return max(own or before, default=None)


def _call(event: Event) -> tuple[str | None, object, object]:
    return event.thread_id, event.payload.get("name"), event.payload.get("input")
