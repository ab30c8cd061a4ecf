"""Digesting sessions in worker processes: each reads its share from the database and sends back compact rows."""

from collections.abc import Iterator, Sequence

import numpy as np

from reverie.digests.behaviour_name import SESSION
from reverie.digests.digest import Digest
from reverie.digests.marks import pack_marks
from reverie.digests.transcript import digest_transcript
from reverie.digests.vector import TextEmbedder, open_embedder, pack_vectors
from reverie.digests.vocabulary import kind_of
from reverie.sessions.event import Event
from reverie.sessions.session import Session, Transcript
from reverie.statistics.corpus import Observable, reached
from reverie.storage.learning.digests import DigestBatch, DigestRow
from reverie.storage.sessions.stored_events import read_events


def digest_sessions(url: str, keys: Sequence[int], embedder_name: str | None = None) -> DigestBatch:
    """Digest the sessions with these keys; runs in a worker process, with a connection of its own.

    ``embedder_name`` is a registered one; None is the best at hand.
    """
    position: dict[Observable, int] = {}
    digests = [
        (key, len(events), digest_transcript(_transcript(key, events))) for key, events in read_events(url, keys)
    ]
    embedder = open_embedder(embedder_name)
    vectors = _vectors([digest.opening for _, _, digest in digests], embedder)
    rows = [
        _row(key, event_count, digest, position, (vectors.get(digest.opening), embedder.name))
        for key, event_count, digest in digests
    ]
    return DigestBatch(tuple(position), tuple(rows))


def _vectors(openings: Sequence[str], embedder: TextEmbedder) -> dict[str, bytes]:
    """The packed vector of each opening that has text; one request made many times is read once."""
    texts = [opening for opening in dict.fromkeys(openings) if opening.strip()]
    return dict(zip(texts, pack_vectors(embedder.embed(texts)), strict=True))


def _transcript(key: int, events: tuple[Event, ...]) -> Transcript:
    return Transcript(Session(id=str(key), source=""), events)


def _row(
    key: int, event_count: int, digest: Digest, position: dict[Observable, int], embedded: tuple[bytes | None, str]
) -> DigestRow:
    """``position`` numbers the batch's names and is added to; ``embedded`` is the vector and its embedder's name."""
    entries = list(_entries(digest))
    return DigestRow(
        session_key=key,
        event_count=event_count,
        opening=digest.opening,
        steps=digest.steps,
        names=tuple(position.setdefault(name, len(position)) for name, _, _ in entries),
        sequences=np.array([sequence for _, sequence, _ in entries], "<i4").tobytes(),
        first_steps=np.array([step for _, _, step in entries], "<i4").tobytes(),
        errors=digest.errors,
        input_tokens=digest.input_tokens,
        output_tokens=digest.output_tokens,
        first_at=digest.first_at,
        seconds=digest.seconds,
        cost_usd=digest.cost_usd,
        ending=digest.ending,
        marks=pack_marks(digest.marks),
        signals=digest.signals,
        vector=embedded[0],
        embedder=embedded[1] if embedded[0] is not None else None,
        actions=tuple(
            position.setdefault(Observable(SESSION, name, kind_of(name)), len(position)) for name in digest.actions
        ),
        trace=digest.trace,
    )


def _entries(digest: Digest) -> Iterator[tuple[Observable, int, int]]:
    """Name, proving event and step of all that held."""
    for situation in digest.situations:
        yield reached(situation.situation), situation.sequence, situation.step
    for behaviour in digest.behaviours:
        name = Observable(behaviour.situation, behaviour.name, behaviour.kind)
        yield name, behaviour.sequence, behaviour.step
