"""The costly half of an import, run in worker processes: parse, hash, redact, format."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from reverie.errors import ExtensionError, ImportFormatError
from reverie.ids import derived_id
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record
from reverie.sessions.importers.registry import identity_of
from reverie.sessions.importers.reverie_lines import renamed
from reverie.sessions.redaction import Redactor
from reverie.sessions.session import LIVE_SOURCE, Score, Session, Transcript, content_sha256
from reverie.storage.postgres.copy_text import event_rows

LONGEST_TAG = 500
"""Characters; these fields are indexed, and an index entry holds about 2,700 bytes."""
_INDEXED_TAGS = ("id", "agent", "task_id", "task_category")


class PrepareOptions(msgspec.Struct, frozen=True):
    """What workers need to know besides the records."""

    overrides: Mapping[str, str]
    redaction_key: bytes | None
    """None stores everything as the source gave it."""
    words: Mapping[str, Mapping[str, float]] = {}
    """Numbers for scores that are words, by metric and word."""


class PreparedSession(msgspec.Struct, frozen=True):
    """A session ready to be stored."""

    record: int
    """Position of its record in the batch."""
    key: int
    session: Session
    scores: tuple[Score, ...]
    event_count: int
    content_sha256: str
    new_events: int
    """Events in ``rows``."""
    rows: bytes
    """Events as COPY text, under ``key``."""
    redactions: Mapping[str, int]


class PreparedBatch(msgspec.Struct, frozen=True):
    """What became of a batch of records."""

    sessions: list[PreparedSession]
    problems: list[ImportProblem]
    """Why records could not be used."""
    warnings: list[ImportProblem]
    """What was set aside of records that could."""


def prepare_batch(records: Sequence[RawRecord], keys: Sequence[int], options: PrepareOptions) -> PreparedBatch:
    """Prepare each record under the session key at its position; records that cannot be used become problems."""
    sessions = []
    problems = []
    warnings: list[ImportProblem] = []
    for position, (record, key) in enumerate(zip(records, keys, strict=True)):
        try:
            transcript = parse_record(record, options.overrides, warnings, options.words)
            _check(transcript)
            sessions.append(_prepared(transcript, position, key, 0, options))
        except (ImportFormatError, ExtensionError) as error:
            problems.append(ImportProblem(path=record.path, line=record.line, reason=str(error)))
    return PreparedBatch(sessions, problems, warnings)


def prepare_extension(
    record: RawRecord, key: int, stored_count: int, stored_sha256: str, options: PrepareOptions
) -> PreparedSession | None:
    """The events that follow the stored ones; None when the record does not begin with the stored events."""
    transcript = parse_record(record, options.overrides)
    if _content_sha256(transcript, stored_count) != stored_sha256:
        return None
    return _prepared(transcript, 0, key, stored_count, options)


def prepare_renamed(
    record: RawRecord, key: int, position: int, options: PrepareOptions, *, whole: bool
) -> PreparedSession:
    """The record under an id of its own, for its id is another session's: made of the id and the first event.

    The first event stays when the session grows, so it is found again; ``whole`` takes all events, where two
    sessions begin alike.
    """
    transcript = parse_record(record, options.overrides, None, options.words)
    content = _content_sha256(transcript, None if whole else 1)
    new_id = derived_id("sesn", transcript.session.source, f"{transcript.session.id} {content}")
    return _prepared(renamed(transcript, new_id), position, key, 0, options)


def is_beginning(record: RawRecord, stored: Transcript, options: PrepareOptions) -> bool:
    """Whether the record holds no more than the ``stored`` session, redacted as it was, begins with."""
    events = _redacted(parse_record(record, options.overrides, None, options.words), options.redaction_key)[0].events
    if len(events) > len(stored.events):
        return False
    source, beginning = stored.session.source, stored.events[: len(events)]
    return list(identity_of(source, events)) == list(identity_of(source, beginning))


def _content_sha256(transcript: Transcript, first: int | None = None) -> str:
    """The hash by which the session's content is known again; of the ``first`` events, or of all."""
    return content_sha256(identity_of(transcript.session.source, transcript.events[:first]))


def _prepared(
    transcript: Transcript, position: int, key: int, first_event: int, options: PrepareOptions
) -> PreparedSession:
    redacted, redactions = _redacted(transcript, options.redaction_key)
    new_events = redacted.events[first_event:]
    return PreparedSession(
        record=position,
        key=key,
        session=redacted.session,
        scores=redacted.scores,
        event_count=len(transcript.events),
        content_sha256=_content_sha256(transcript),
        new_events=len(new_events),
        rows=event_rows(new_events, key, first_event),
        redactions=redactions,
    )


def _redacted(transcript: Transcript, key: bytes | None) -> tuple[Transcript, Mapping[str, int]]:
    if key is None:
        return transcript, {}
    try:
        return redactor_of(key).transcript(transcript)
    except RecursionError as error:
        raise ImportFormatError("an event is nested too deeply to be redacted; make it flatter") from error


def redacted_live(transcript: Transcript, key: bytes | None) -> Transcript:
    """A transcript as dreams, reports and models may read it: a live session's is redacted now, others were before."""
    if transcript.session.source != LIVE_SOURCE or key is None:
        return transcript
    return _redacted(transcript, key)[0]


def _check(transcript: Transcript) -> None:
    for name in _INDEXED_TAGS:
        value = getattr(transcript.session, name)
        if value is not None and len(value) > LONGEST_TAG:
            raise ImportFormatError(f"{name} has {len(value)} characters; at most {LONGEST_TAG} are allowed")
    for score in transcript.scores:
        if not math.isfinite(score.value):
            raise ImportFormatError(f"score {score.metric!r} is {score.value}; a number is needed")


@lru_cache(maxsize=8)
def redactor_of(key: bytes) -> Redactor:
    """What replaces by this key; the last few are kept, since making one takes long."""
    return Redactor(key)
