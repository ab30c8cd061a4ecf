"""Events survive the way into the database and back, whatever they hold."""

from datetime import UTC, datetime
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.sessions.event import Event
from reverie.storage.postgres.copy_text import COPY_EVENTS, event_rows

# What importers hand over: no NUL and no lone surrogates, but anything else.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    ["\\", "\\.", "\\N", "\t\n\r\b", '"', "'", "\\u0041", "\x7f\u2028", "{}", "$1 %s"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
events = st.builds(
    Event,
    type=st.sampled_from(["user.message", "agent.tool_use"]),
    payload=st.dictionaries(texts, values, max_size=4),
    at=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    thread_id=st.none() | texts.filter(bool),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, max_size=4), st.integers(0, 3))
def test_events_come_back_as_they_went_in(database_url: str, sent: list[Event], first: int) -> None:
    with psycopg.connect(database_url) as connection:
        insert = "INSERT INTO sessions (key, id, source, imported_at, event_count, content_sha256) VALUES"
        connection.execute(f"{insert} (7, 's', 'chat', now(), 0, '')".encode())
        with connection.cursor() as cursor, cursor.copy(COPY_EVENTS) as copy:
            copy.write(event_rows(sent, 7, first))
        select = "SELECT sequence, type, payload, at, thread_id FROM events WHERE session_key = 7 ORDER BY sequence"
        rows: list[Any] = connection.execute(select.encode()).fetchall()
        connection.rollback()
    assert [row[0] for row in rows] == list(range(first, first + len(sent)))
    assert [Event(*row[1:]) for row in rows] == sent
