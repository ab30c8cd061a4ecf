"""Traces that grow from import to import: what is stored is extended, and spans that came late are told of."""

import json
from pathlib import Path
from typing import Any

from reverie.clock import ManualClock
from reverie.sessions.event import text_of
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportCounts, ImportOptions, ImportSummary
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.transcripts import read_transcript
from tests.sessions.otlp_spans import chat, desk, request, text
from tests.storage.test_ingest import NOW


def written(file: Path, spans: list[dict[str, Any]]) -> Path:
    file.write_text(json.dumps(request(spans)))
    return file


async def imported(database: Database, settings: Settings, file: Path, spans: list[dict[str, Any]]) -> ImportSummary:
    file = written(file, spans)
    return await import_sessions(database, settings, [file], ImportOptions(), ManualClock(NOW), lambda _: None)


async def test_a_conversation_that_goes_on_is_extended(database: Database, settings: Settings, tmp_path: Path) -> None:
    first = await imported(database, settings, tmp_path / "a.json", desk()[:8])
    whole = await imported(database, settings, tmp_path / "a.json", [*reversed(desk()), *desk()])
    again = await imported(database, settings, tmp_path / "a.json", desk())
    assert [one.sessions for one in (first, whole, again)] == [
        ImportCounts(created=1),
        ImportCounts(extended=1),
        ImportCounts(unchanged=1),
    ]
    async with database.connection() as connection:
        transcript = await read_transcript(connection, "conv-1")
    assert [text_of(event) for event in transcript.events][-2:] == ["Thanks", "Bye"]


async def test_what_late_spans_change_is_warned_of(database: Database, settings: Settings, tmp_path: Path) -> None:
    await imported(database, settings, tmp_path / "a.json", [chat(2, 3, 4, [text("user", "two")], [])])
    late = [chat(1, 1, 2, [text("user", "one")], []), chat(2, 3, 4, [text("user", "two")], [])]
    summary = await imported(database, settings, tmp_path / "a.json", late)
    assert summary.sessions.extended == 0
    assert len(summary.warnings) == 1


async def test_secrets_in_spans_are_replaced(database: Database, settings: Settings, tmp_path: Path) -> None:
    summary = await imported(
        database, settings, tmp_path / "a.json", [chat(1, 1, 2, [text("user", "ada@example.org")], [])]
    )
    assert dict(summary.redactions) == {"EMAIL": 1}
