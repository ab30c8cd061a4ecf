"""Where a failed session went wrong first: a rule that needs no model and no other session.

In labelled failures of agent groups (Who&When: Zhang et al. 2025) blame rarely lies with who spoke last, and a good
part of it with whoever first stated something that nobody had looked up. Hence the rule: the first step that either
states a figure which neither the user nor any agent or tool has mentioned before, or whose code or tool call fails.
It says where to look; it is no proof. Training priorities point at it in their failed examples, with how often it is
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
_CODE = re.compile(r"```.*?```", re.DOTALL)


class Attribution(msgspec.Struct, frozen=True):
    """The step a failure is traced to."""

    sequence: int
    """The event's sequence number."""
    agent: str
    """The agent's thread; empty where a session has only one."""
    reason: str


def attribute_failure(transcript: Transcript) -> Attribution | None:
    """The first faulty step, else the agent's first step; None where no agent acted."""
    events = transcript.events
    acted = [sequence for sequence, event in enumerate(events) if _acts(event)]
    if not acted:
        return None
    faults = dict([*_unfounded(events), *_failed(events, acted)])
    if not faults:
        return _attribution(events, acted[0], "no step states anything new or fails: this is the first")
    first = min(faults)
    return _attribution(events, first, faults[first])


def _attribution(events: Sequence[Event], sequence: int, reason: str) -> Attribution:
    return Attribution(sequence, events[sequence].thread_id or "", reason)


def _acts(event: Event) -> bool:
    return event.type in ("agent.message", "agent.tool_use")


def _unfounded(events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    """Agent messages with a figure in their prose that nobody mentioned before; code may compute with new ones."""
    known: set[str] = set()
    for sequence, event in enumerate(events):
        text = text_of(event)
        if event.type == "agent.message":
            new = [figure for figure in _FIGURE.findall(_CODE.sub("", text)) if figure not in known]
            if new:
                yield sequence, f"states {', '.join(dict.fromkeys(new[:3]))}, which nothing before it mentions"
        known.update(_FIGURE.findall(text))


def _failed(events: Sequence[Event], acted: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Steps whose tool call failed; a result that names no call belongs to the latest step before it."""
    for sequence, event in enumerate(events):
        if event.type == "agent.tool_result" and tool_failed(event):
            call = event.payload.get("tool_use_id")
            cause = event_sequence(call) if call else max((step for step in acted if step < sequence), default=None)
            if cause is not None:
                yield cause, "what it ran failed"
