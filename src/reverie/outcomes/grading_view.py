"""From a transcript to what a grader may see of it: what the user wanted and what was done, nothing of memory.

A grader that saw which memory a session had, or which arm of a comparison it was in, could reward the memory instead of
the work. So left out are the system's messages (a briefing is one), the agent's thoughts, every call that touches
memory with its result, metadata, ids, agent and model; ids of memories and lessons and lines of the memory itself are
masked wherever they stand.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import msgspec

from reverie.ids import event_id
from reverie.outcomes.grader import GradedSession
from reverie.outcomes.session_facts import session_facts
from reverie.sessions.event import Event
from reverie.sessions.session import Transcript
from reverie.sessions.transcript import render_turns

MASK = "[left out]"
SHORTEST_LINE = 20
"""Characters of a line of memory that is masked where it is quoted; shorter ones are said by chance."""

_UNSEEN = frozenset({"system.message", "agent.thinking"})
_MEMORY_TOOL = re.compile(r"(?<![a-z])(?:memory|memories|recall)(?![a-z])", re.IGNORECASE)
_MEMORY_TOOL_CAMEL = re.compile(r"Memory|Memories|Recall")
_MOUNT = re.compile(r"/mnt/memory\b")
_IDS = re.compile(r"\b(?:lsn|mem|memver|memstore|rev|drm)_[0-9A-Za-z]{16,}\b")


def grading_view(
    transcript: Transcript, failed: Callable[[Event], bool], remembered: Collection[str] = ()
) -> GradedSession:
    """What a grader sees of a session.

    ``failed`` says of a tool result whether it reports an error; ``remembered`` are the texts of the memory that the
    session could read, whatever way it was told of them.
    """
    mask = _masking(remembered)
    hidden = frozenset(_hidden(transcript))
    shown = tuple(msgspec.structs.replace(event, payload=_masked(event.payload, mask)) for event in transcript.events)
    turns = render_turns(msgspec.structs.replace(transcript, events=shown), failed)
    return GradedSession(
        facts=session_facts(transcript, failed),
        turns=tuple(turn for turn in turns if turn.sequence not in hidden),
        task_id=transcript.session.task_id,
        task_category=transcript.session.task_category,
    )


def _hidden(transcript: Transcript) -> Iterator[int]:
    """Sequence numbers of the events that are left out."""
    calls: set[str] = set()
    for sequence, event in enumerate(transcript.events):
        name, link = event.payload.get("name"), event.payload.get("tool_use_id")
        touches = _touches(name) or _mentions(event.payload)
        if event.type in _UNSEEN:
            yield sequence
        elif event.type == "agent.tool_use" and touches:
            calls.add(event_id(transcript.session.id, sequence))
            yield sequence
        elif event.type in ("agent.tool_result", "user.tool_result") and (link in calls or touches):
            yield sequence


def _touches(tool: Any) -> bool:
    return isinstance(tool, str) and bool(_MEMORY_TOOL.search(tool) or _MEMORY_TOOL_CAMEL.search(tool))


def _mentions(value: Any) -> bool:
    return any(_MOUNT.search(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _masking(remembered: Collection[str]) -> re.Pattern[str]:
    stripped = {line.strip(" \t-*#>") for text in remembered for line in text.splitlines()}
    lines = sorted((line for line in stripped if len(line) >= SHORTEST_LINE), key=len, reverse=True)
    return re.compile("|".join((*(re.escape(line) for line in lines), _MOUNT.pattern + r"[^\s\"']*", _IDS.pattern)))


def _masked(value: Any, mask: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return mask.sub(MASK, value)
    if isinstance(value, dict):
        return {key: _masked(item, mask) for key, item in value.items()}
    return [_masked(item, mask) for item in value] if isinstance(value, list) else value
