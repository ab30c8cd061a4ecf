"""Transcripts of the sessions that lessons rest on, folded around the events that prove them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby, zip_longest
from typing import Literal

import msgspec
from markupsafe import escape

from reverie.digests.tool_error import tool_failed
from reverie.ids import event_id
from reverie.lessons.lesson import Evidence, Lesson
from reverie.reports.words import moment
from reverie.sessions.session import Session, Transcript
from reverie.sessions.transcript import Turn, TurnKind, render_turns

SHOWN_TRANSCRIPTS = 60
"""Transcripts one report holds at most."""

_PAGE_BYTES = 1_500_000
_TRANSCRIPT_BYTES = 60_000
_TURN_MARKUP_BYTES = 260
_NEIGHBOURS = 2
_PROOF, _HINT = "the deciding event", "a hint: look here first"

_MANNERS: dict[TurnKind, str] = {
    "message": "speech",
    "thinking": "thought",
    "tool call": "call",
    "tool result": "result",
    "note": "speech",
    "error": "speech",
}

Display = Literal["open", "folded", "left out"]


class ShownTurn(msgspec.Struct, frozen=True):
    """One turn; ``proves`` is set on the event a lesson cites, and then ``mark`` says what it is cited as."""

    anchor: str
    turn: Turn
    role: str
    """Class names that set it off by who speaks and how."""
    proves: bool
    mark: str = ""


class Passage(msgspec.Struct, frozen=True):
    """Turns in a row that are shown alike."""

    display: Display
    turns: tuple[ShownTurn, ...]


class ShownTranscript(msgspec.Struct, frozen=True):
    """One evidence session as the report shows it."""

    anchor: str
    session: Session
    facts: tuple[tuple[str, str], ...]
    """Name and value of what is known of the session: scores, task, agent, model, start."""
    passages: tuple[Passage, ...]
    cited_by: tuple[int, ...]
    """Numbers of the lessons that cite it, counted from 1."""


class Citation(msgspec.Struct, frozen=True):
    """A lesson's pointer to an event; ``href`` is None where the transcript is not in the report."""

    session_id: str
    href: str | None
    hint: str = ""
    """Why to look there, where it is no proof."""


def choose_sessions(lessons: Sequence[Lesson], transcripts: Mapping[str, Transcript]) -> tuple[str, ...]:
    """Ids of the sessions to show, at most ``SHOWN_TRANSCRIPTS``.

    Taken in turns, every lesson's first evidence before any lesson's second, so that the limit starves none;
    evidence goes before counter-examples.
    """
    rounds = chain(
        zip_longest(*(lesson.evidence for lesson in lessons)),
        zip_longest(*(lesson.counter_examples for lesson in lessons)),
    )
    cited = (item.session_id for item in chain.from_iterable(rounds) if item is not None)
    wanted = [session_id for session_id in dict.fromkeys(cited) if session_id in transcripts]
    return tuple(wanted[:SHOWN_TRANSCRIPTS])


def show_transcripts(lessons: Sequence[Lesson], transcripts: Mapping[str, Transcript]) -> tuple[ShownTranscript, ...]:
    """The evidence sessions of ``lessons``, each once, in the order of the lessons that cite them."""
    chosen = choose_sessions(lessons, transcripts)
    budget = min(_TRANSCRIPT_BYTES, _PAGE_BYTES // max(1, len(chosen)))
    proving: dict[str, dict[str, str]] = defaultdict(dict)
    cited_by: dict[str, dict[int, None]] = defaultdict(dict)
    for number, lesson in enumerate(lessons, start=1):
        for item in (*lesson.evidence, *lesson.counter_examples):
            known = proving[item.session_id].get(item.event_id)
            proving[item.session_id][item.event_id] = known if known == _PROOF else _HINT if item.hint else _PROOF
            cited_by[item.session_id][number] = None
    return tuple(
        ShownTranscript(
            anchor=f"session-{position}",
            session=transcripts[session_id].session,
            facts=_facts(transcripts[session_id]),
            passages=_passages(transcripts[session_id], proving[session_id], budget),
            cited_by=tuple(cited_by[session_id]),
        )
        for position, session_id in enumerate(chosen, start=1)
    )


def cite(evidence: Iterable[Evidence], shown: Sequence[ShownTranscript]) -> tuple[Citation, ...]:
    """``evidence`` with links: to the proving event, else to its session, else none."""
    sessions = {transcript.session.id: transcript.anchor for transcript in shown}
    passages = [passage for transcript in shown for passage in transcript.passages if passage.display != "left out"]
    events = {turn.anchor for passage in passages for turn in passage.turns if turn.proves}

    def target(item: Evidence) -> str | None:
        return item.event_id if item.event_id in events else sessions.get(item.session_id)

    return tuple(
        Citation(item.session_id, None if target(item) is None else f"#{target(item)}", item.hint) for item in evidence
    )


def _facts(transcript: Transcript) -> tuple[tuple[str, str], ...]:
    session = transcript.session
    known = (
        *((score.metric, f"{score.value:g}") for score in transcript.scores),
        ("task", session.task_id),
        ("agent", " ".join(filter(None, (session.agent, session.agent_version)))),
        ("model", session.model),
        ("started", moment(session.started_at) if session.started_at else None),
    )
    return tuple((name, value) for name, value in known if value)


def _passages(transcript: Transcript, proving: Mapping[str, str], budget: int) -> tuple[Passage, ...]:
    turns = tuple(_shown(turn, transcript.session.id, proving) for turn in render_turns(transcript, tool_failed))
    displays = _displays(turns, budget)
    runs = groupby(zip(displays, turns, strict=True), key=lambda pair: pair[0])
    return tuple(Passage(display, tuple(turn for _, turn in run)) for display, run in runs)


def _shown(turn: Turn, session_id: str, proving: Mapping[str, str]) -> ShownTurn:
    anchor = event_id(session_id, turn.sequence)
    role = f"{turn.who.partition(' ')[0]} {_MANNERS[turn.kind]}"
    return ShownTurn(anchor=anchor, turn=turn, role=role, proves=anchor in proving, mark=proving.get(anchor, ""))


def _displays(turns: Sequence[ShownTurn], budget: int) -> list[Display]:
    """How each turn is shown: open near a deciding moment, folded further off, left out beyond ``budget`` bytes.

    The opening request is open too, since it says what the session was about.
    """
    opening = next((position for position, turn in enumerate(turns) if turn.role == "user speech"), 0)
    deciding = [position for position, turn in enumerate(turns) if turn.proves] or [opening]
    distance = [min(abs(position - moment) for moment in deciding) for position in range(len(turns))]
    distance[opening : opening + 1] = [0]
    displays: list[Display] = ["left out"] * len(turns)
    for position in sorted(range(len(turns)), key=lambda position: distance[position]):
        budget -= len(escape(turns[position].turn.text).encode("utf-8", "replace")) + _TURN_MARKUP_BYTES
        if budget < 0:
            break
        displays[position] = "open" if distance[position] <= _NEIGHBOURS else "folded"
    return displays
