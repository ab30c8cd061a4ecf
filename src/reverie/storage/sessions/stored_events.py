"""The events of stored sessions for a worker process, which has no event loop and a connection of its own."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
import psycopg

from reverie.sessions.event import Event, stored_event
from reverie.sessions.session import LIVE_SOURCE, Session, Transcript
from reverie.storage.sessions.prepare import redacted_live

_EVENTS = """SELECT session_key, type, payload::text, at, thread_id FROM events
    WHERE session_key = ANY(%s) ORDER BY session_key, sequence"""
_LIVE = "SELECT key FROM sessions WHERE key = ANY(%s) AND source = %s"

_decode = msgspec.json.Decoder().decode


def read_events(url: str, keys: Sequence[int]) -> Iterator[tuple[int, tuple[Event, ...]]]:
    """The events of the sessions with these keys, in key order; those of live sessions are redacted."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_EVENTS, [list(keys)]).fetchall()
        live_rows = connection.execute(_LIVE, [list(keys), LIVE_SOURCE]).fetchall()
        key_row = connection.execute("SELECT redaction_key FROM installation").fetchone()
    live, redaction_key = {row[0] for row in live_rows}, bytes(key_row[0]) if key_row else None
    for key, group in groupby(rows, key=itemgetter(0)):
        session = Session(id=str(key), source=LIVE_SOURCE if key in live else "")
        transcript = Transcript(session, tuple(_event(row) for row in group))
        yield key, redacted_live(transcript, redaction_key).events


def _event(row: tuple[Any, ...]) -> Event:
    return stored_event(row[1], _decode(row[2]), row[3], row[4])
