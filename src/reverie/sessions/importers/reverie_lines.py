"""Reverie's own format: one transcript per line of JSON, complete, so that export and import round-trip."""

import msgspec

from reverie.errors import ImportFormatError
from reverie.ids import derived_id, event_id, event_sequence
from reverie.sessions.importers.draft import VERBATIM_ID
from reverie.sessions.importers.importer import Importer, Keys, Whole
from reverie.sessions.importers.json_text import decode_json_as
from reverie.sessions.importers.payload import check_payloads
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Transcript, score_problem

_encoder = msgspec.json.Encoder()


def encode_line(transcript: Transcript) -> bytes:
    """The transcript as one line of JSON, with its line break."""
    return _encoder.encode(transcript) + b"\n"


def parse_reverie(record: RawRecord) -> Whole:
    """Read one transcript, and what of it is set aside.

    Raises:
        ImportFormatError: the line is not a transcript; names the field.
    """
    transcript = decode_json_as(record.data, Transcript)
    problems = [score_problem(score.metric, score.value) for score in transcript.scores]
    kept = tuple(score for score, problem in zip(transcript.scores, problems, strict=True) if problem is None)
    transcript = msgspec.structs.replace(transcript, scores=kept)
    check_payloads(transcript.events)
    given = transcript.session.id
    if not given:
        raise ImportFormatError("session.id is empty")
    if not VERBATIM_ID.fullmatch(given):
        transcript = renamed(transcript, derived_id("sesn", "reverie", given))
    aside = tuple(
        f"scores[{number}] {problem}; the session is kept without it"
        for number, problem in enumerate(problems)
        if problem is not None
    )
    return Whole(transcript, aside)


def renamed(transcript: Transcript, new_id: str) -> Transcript:
    """The transcript under ``new_id``, its tool results pointing at the ids its calls have now."""
    old_id = transcript.session.id
    events = []
    for event in transcript.events:
        call = _call_answered(event.payload.get("tool_use_id"), old_id)
        if call is not None:
            event = msgspec.structs.replace(event, payload=event.payload | {"tool_use_id": event_id(new_id, call)})
        events.append(event)
    session = msgspec.structs.replace(transcript.session, id=new_id)
    return msgspec.structs.replace(transcript, session=session, events=tuple(events))


def _call_answered(tool_use_id: object, session_id: str) -> int | None:
    if not isinstance(tool_use_id, str):
        return None
    try:
        sequence = event_sequence(tool_use_id)
    except ValueError:
        return None
    return sequence if tool_use_id == event_id(session_id, sequence) else None


def _is_reverie(keys: Keys) -> bool:
    return {"session", "events"} <= keys.top


IMPORTER = Importer("reverie", parse_reverie, has_keys=_is_reverie)
