"""Reading transcripts: by id, and by segment."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from reverie.errors import NotFoundError
from reverie.sessions.event import Event, text_content
from reverie.sessions.segment import parse_segment
from reverie.sessions.session import Score
from reverie.storage.postgres.copy_text import event_rows
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions import transcripts as sessions
from reverie.storage.sessions.transcripts import count_sessions, read_transcript, read_transcripts, stream_transcripts

SESSIONS: list[dict[str, Any]] = [
    {"id": "a", "agent": "desk", "model": "m-1", "started_at": "2026-01-01T00:00Z", "reward": 0.0, "metadata": {}},
    {
        "id": "b",
        "agent": "desk",
        "model": "m-2",
        "started_at": "2026-02-01T00:00Z",
        "reward": 0.5,
        "metadata": {"Env": "p"},
    },
    {
        "id": "c",
        "agent": "shop",
        "model": None,
        "started_at": None,
        "reward": None,
        "metadata": {"Env": "q", "x y": "1"},
    },
]


async def fill(connection: Connection) -> None:
    """Three sessions of 0, 1 and 2 events; session b has a score."""
    for count, session in enumerate(SESSIONS):
        row = {"key": count + 1, "source": "chat", "imported_at": "2026-03-01Z", "content_sha256": "", **session}
        await connection.execute(
            "INSERT INTO sessions SELECT * FROM json_populate_record(NULL::sessions, %s)",
            [json.dumps({**row, "event_count": count})],
        )
        events = [Event("user.message", {"content": text_content(f"{session['id']}{n}")}) for n in range(count)]
        async with (
            connection.cursor() as cursor,
            cursor.copy("COPY events (session_key, sequence, thread_id, type, at, payload) FROM STDIN") as copy,
        ):
            await copy.write(event_rows(events, count + 1))
    await connection.execute("INSERT INTO scores VALUES (2, 'speed', 3)")


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("", "abc"),
        ("agent = 'desk'", "ab"),
        ("agent <> 'desk'", "c"),
        ("'desk' = AGENT and reward > 0", "b"),
        ("0.5 > reward", "a"),
        ("not (agent = 'desk' or id = 'c')", ""),
        ("agent in ('shop', 'other')", "c"),
        ("agent not in ('shop')", "ab"),
        ("model is null", "c"),
        ("model is not null and not model = 'm-1'", "b"),
        ("reward between 0.1 and 1", "b"),
        ("reward not between 0.1 and 1", "a"),
        ("model like 'm%'", "ab"),
        ("model not ilike 'M-1'", "b"),
        ("scored", "ab"),
        ("not scored or scored = true and events >= 1", "bc"),
        ("started_at < '2026-01-15'", "a"),
        ("started_at = '2026-02-01T01:00+01:00'", "b"),
        ("metadata.Env = 'p' or tag.\"x y\" = '1'", "bc"),
        ("metadata.env is null", "abc"),
        ("score.speed >= 3", "b"),
        ("score.speed is null", "ac"),
        ("category is null and source = 'chat'", "abc"),
    ],
)
async def test_a_segment_chooses_sessions(database: Database, expression: str, ids: str) -> None:
    segment = parse_segment(expression)
    async with database.connection() as connection:
        await fill(connection)
        assert await count_sessions(connection, segment) == len(ids)
    assert "".join([t.session.id async for t in stream_transcripts(database, segment)]) == ids


@pytest.mark.parametrize("chunk", [1, 2, 200])
async def test_streamed_transcripts_are_whole_whatever_the_chunk(
    database: Database, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CHUNK_SESSIONS", chunk)
    async with database.connection() as connection:
        await fill(connection)
        together = await read_transcripts(connection, ["c", "nobody", "a", "b"])
    streamed = [transcript async for transcript in stream_transcripts(database, parse_segment(None))]
    assert streamed == together
    assert [len(transcript.events) for transcript in streamed] == [0, 1, 2]
    assert [transcript.scores for transcript in streamed] == [(), (Score("speed", 3.0),), ()]


async def test_a_transcript_is_read_by_id(database: Database) -> None:
    async with database.connection() as connection:
        await fill(connection)
        transcript = await read_transcript(connection, "b")
    assert transcript.session.started_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert transcript.session.metadata == {"Env": "p"}


async def test_an_unknown_session_is_an_error(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(NotFoundError, match="no session 'nobody'"):
            await read_transcript(connection, "nobody")
