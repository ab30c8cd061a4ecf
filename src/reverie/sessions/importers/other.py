"""Importers of other packages, held to what an importer promises, so that one's defect costs its own files alone."""

import math
from datetime import UTC
from functools import partial
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.extensions import GROUPS, IMPORTERS, Extension, called, guarded, refusal
from reverie.sessions.event import Event
from reverie.sessions.importers.draft import VERBATIM_ID, Draft
from reverie.sessions.importers.importer import Importer, Whole
from reverie.sessions.importers.json_text import storable
from reverie.sessions.importers.payload import check_payloads
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Score, Session, Transcript

_GUARDED = ("has_keys", "begins", "late_sign", "empty", "identity", "whole")


def fitted(extension: Extension, given: Any) -> Importer:
    """The importer that an entry point refers to, ready to be used as ours are.

    Raises:
        ExtensionError: it is none, or has another name.
    """
    if not isinstance(given, Importer):
        raise refusal(extension, f"is {type(given).__name__}, not {GROUPS[IMPORTERS]}", "see docs/extensions.md")
    if given.name != extension.name:
        raise refusal(extension, f"calls its format {given.name!r}", "give the entry point and the format one name")
    if given.kinship is not None:
        raise refusal(extension, "has kinship, which is for formats of Reverie's own alone", "leave it out")
    safe = {field: guarded(extension, getattr(given, field)) for field in _GUARDED}
    return msgspec.structs.replace(given, parse=partial(_parse, extension, given), **safe)


def _parse(extension: Extension, importer: Importer, record: RawRecord) -> Draft | Whole:
    """The session in ``record``, checked: what is stored is JSON of the declared types, with UTC times.

    Raises:
        ImportFormatError: the importer cannot read it, or made of it what cannot be stored.
        ExtensionError: the importer failed.
    """
    parsed: Any = called(extension, importer.parse, record)
    try:
        if isinstance(parsed, Draft):
            return _checked_draft(parsed, importer.name)
        if isinstance(parsed, Whole):
            return _checked_whole(parsed)
    except (msgspec.ValidationError, ImportFormatError, TypeError, RecursionError) as error:
        raise refusal(extension, f"made an unsound session: {error}", "report it to its makers") from error
    raise refusal(extension, f"gave {type(parsed).__name__}, not a Draft", "report it to its makers")


def _checked_draft(draft: Draft, name: str) -> Draft:
    session, events = _stored((draft.session, tuple(draft.log.events)))
    for result, call in draft.log.answered.items():
        if not (0 <= call < len(events) and 0 <= result < len(events)):
            raise ImportFormatError(
                f"the result at {result} answers the call at {call}; there are {len(events)} events"
            )
    draft.log.events[:] = events
    kept = Draft(msgspec.structs.replace(session, source=name), draft.log)
    for metric, value in (*draft.scores.items(), *draft.categories.items()):
        kept.score(metric, value, f"the score {metric}")
    return kept


def _checked_whole(whole: Whole) -> Whole:
    session, events = _stored((whole.transcript.session, whole.transcript.events))
    scores = msgspec.convert(msgspec.to_builtins(whole.transcript.scores), tuple[Score, ...])
    if not VERBATIM_ID.fullmatch(session.id):
        raise ImportFormatError(f"session.id {session.id[:60]!r} is not 1 to 128 letters, digits and _ . : -")
    if not all(math.isfinite(score.value) for score in scores):
        raise ImportFormatError("a score is not a finite number")
    return Whole(Transcript(session, events, scores), whole.warnings)


def _stored(given: tuple[Session, tuple[Event, ...]]) -> tuple[Session, tuple[Event, ...]]:
    session, events = msgspec.convert(storable(msgspec.to_builtins(given)), tuple[Session, tuple[Event, ...]])
    check_payloads(events)
    return session, tuple(_dated(event) for event in events)


def _dated(event: Event) -> Event:
    if event.at is None:
        return event
    at = event.at.replace(tzinfo=UTC) if event.at.tzinfo is None else event.at.astimezone(UTC)
    return msgspec.structs.replace(event, at=at)
