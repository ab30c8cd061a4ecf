"""Events as PostgreSQL COPY text, made where they are parsed so that the importing process only passes bytes on.

Format: https://www.postgresql.org/docs/18/sql-copy.html, "Text Format".
"""

from collections.abc import Iterable

import msgspec

from reverie.sessions.event import Event

COPY_EVENTS = "COPY events (session_key, sequence, thread_id, type, at, payload) FROM STDIN"

_NULL = b"\\N"
_encode = msgspec.json.Encoder().encode


def event_rows(events: Iterable[Event], session_key: int, first_sequence: int = 0) -> bytes:
    """Rows for :data:`COPY_EVENTS`, one line an event."""
    rows = [
        b"%d\t%d\t%b\t%b\t%b\t%b\n"
        % (
            session_key,
            sequence,
            _NULL if event.thread_id is None else _escaped(event.thread_id),
            event.type.encode(),
            _NULL if event.at is None else event.at.isoformat().encode(),
            # JSON has no raw line breaks or tabs, so backslashes are all there is to escape.
            _encode(event.payload).replace(b"\\", b"\\\\"),
        )
        for sequence, event in enumerate(events, first_sequence)
    ]
    return b"".join(rows)


def _escaped(text: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return escaped.encode()
