"""The moves that lessons are about, word for word, from the few sessions that show them."""

from collections.abc import Mapping

import msgspec

from reverie.ids import event_sequence
from reverie.lessons.lesson import Example, Lesson
from reverie.lessons.parts import cut
from reverie.sessions.event import Event, text_of
from reverie.sessions.session import Transcript

_MOST = 2
_QUOTED = ("adopted", "candidate")


def sessions_to_quote(lesson: Lesson) -> tuple[str, ...]:
    """The sessions that show best what a lesson advises: of advice to do something, those that did it and did well."""
    if lesson.status not in _QUOTED or lesson.act is None or not lesson.doing:
        return ()
    return tuple(evidence.session_id for evidence in lesson.evidence[:_MOST])


def quote_examples(lesson: Lesson, transcripts: Mapping[str, Transcript]) -> Lesson:
    """The lesson with its examples, as stored transcripts (by session id) have them, redacted; equal ones once."""
    wanted = set(sessions_to_quote(lesson))
    examples: dict[str, Example] = {}
    for evidence in lesson.evidence:
        transcript = transcripts.get(evidence.session_id) if evidence.session_id in wanted else None
        sequence = event_sequence(evidence.event_id)
        if transcript is not None and sequence < len(transcript.events):
            text = _move(transcript.events[sequence])
            if text:
                examples.setdefault(text, Example(evidence.session_id, evidence.event_id, text))
    return msgspec.structs.replace(lesson, examples=tuple(examples.values()))


def _move(event: Event) -> str:
    """A call as its tool and input, words as they were written; nothing for other events."""
    if event.type == "agent.tool_use":
        given = msgspec.json.encode(event.payload.get("input") or {}).decode()
        return cut(f"{event.payload['name']} {given}")
    return cut(text_of(event)) if event.type == "agent.message" else ""
