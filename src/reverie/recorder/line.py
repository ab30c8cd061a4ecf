"""What is kept of a session while it goes: lines of JSON, of which its transcript is made when it has ended."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from reverie.ids import event_id
from reverie.sessions.event import Event
from reverie.sessions.importers.draft import as_number, with_tags
from reverie.sessions.session import Score, Session, Transcript

SOURCE = "recorder"


class Begun(msgspec.Struct, frozen=True, tag="begun", tag_field="line"):
    """The session begins."""

    session: Session


class Happened(msgspec.Struct, frozen=True, tag="event", tag_field="line"):
    """One event; calls and their results find each other by a number, for lines may be lost."""

    event: Event
    call: int | None = None
    """The number of the call that this is."""
    answers: int | None = None
    """The number of the call that this is the result of."""


class Tagged(msgspec.Struct, frozen=True, tag="tags", tag_field="line"):
    """Fields or metadata of the session, which replace older ones."""

    tags: dict[str, str]


class Scored(msgspec.Struct, frozen=True, tag="score", tag_field="line"):
    """One metric's value; the last one counts."""

    metric: str
    value: float


class Lost(msgspec.Struct, frozen=True, tag="lost", tag_field="line"):
    """Lines before this one that there was no room for."""

    lines: int


class Ended(msgspec.Struct, frozen=True, tag="ended", tag_field="line"):
    """The session is over."""

    at: datetime


Line = Begun | Happened | Tagged | Scored | Lost | Ended

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


def encode(line: Line) -> bytes:
    """The line with its line break."""
    return _encoder.encode(line) + b"\n"


def assemble(lines: Iterable[bytes]) -> Transcript | None:
    """The transcript; None where its beginning is not there.

    A line that cannot be read, as the last one of a program that was killed, counts as lost. A session without an end
    was interrupted, and says so.
    """
    session: Session | None = None
    happened: list[Happened] = []
    tags: dict[str, str] = {}
    scores: dict[str, float] = {}
    lost, ended = 0, None
    for data in lines:
        try:
            line = _decoder.decode(data)
        except msgspec.DecodeError:
            lost += 1
            continue
        match line:
            case Begun():
                session = line.session
            case Happened():
                happened.append(line)
            case Tagged():
                tags |= line.tags
            case Scored():
                scores[line.metric] = line.value
            case Lost():
                lost += line.lines
            case Ended():
                ended = line.at
    if session is None:
        return None
    tags |= {"lines_lost": str(lost)} if lost else {}
    tags |= {"interrupted": "true"} if ended is None else {}
    session = msgspec.structs.replace(with_tags(session, tags), ended_at=ended or _last_time(happened))
    kept = tuple(Score(name, value) for name, value in scores.items() if as_number(value) is not None)
    return Transcript(session, tuple(_linked(session.id, happened)), kept)


def _last_time(happened: list[Happened]) -> datetime | None:
    return max((one.event.at for one in happened if one.event.at is not None), default=None)


def _linked(session_id: str, happened: list[Happened]) -> Iterable[Event]:
    """The events, results with the ids of their calls."""
    places = {one.call: place for place, one in enumerate(happened) if one.call is not None}
    for one in happened:
        if one.answers is None:
            yield one.event
            continue
        place = places.get(one.answers)
        found = {} if place is None else {"tool_use_id": event_id(session_id, place)}
        yield msgspec.structs.replace(one.event, payload={"tool_use_id": None, **one.event.payload, **found})
