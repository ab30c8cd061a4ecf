"""Export gives back what was imported, completely or not at all."""

import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reverie.clock import ManualClock
from reverie.errors import InputError
from reverie.sessions.segment import Segment, parse_segment
from reverie.sessions.session import Transcript
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.sessions import export
from reverie.storage.sessions.export import ExportSummary, export_sessions
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.transcripts import stream_transcripts
from tests.conftest import ChatFile

ALL = parse_segment(None)
ODD = 'back\\slash "quote" \'\' \t\r\n \\N \\. {"json": [1.5, null]} Grüße 🙂 \u2028 ada@example.org'


def session(number: int) -> dict[str, Any]:
    arguments = msgspec.json.encode({"q": ODD, "n": [1, 2.5, None]}).decode()
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": arguments}}
    return {
        "id": f"s{number}",
        "messages": [
            {"role": "user", "content": f"{number} {ODD}"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": ODD},
        ],
        "reward": number / 10,
        "scores": {"speed": 3},
        "metadata": {"agent": "desk", "started_at": "2026-01-02T03:04:05.678901Z", "note": ODD},
    }


async def load(database: Database, settings: Settings, path: Path) -> None:
    clock = ManualClock(datetime(2026, 3, 4, tzinfo=UTC))
    await import_sessions(database, settings, [path], ImportOptions(), clock, lambda _: None)


async def transcripts(database: Database) -> list[Transcript]:
    return [transcript async for transcript in stream_transcripts(database, ALL)]


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
async def test_an_export_imported_elsewhere_gives_equal_transcripts(
    database: Database,
    settings: Settings,
    other_database_url: str,
    chat_file: ChatFile,
    tmp_path: Path,
    name: str,
) -> None:
    await load(database, settings, chat_file("in.jsonl", *(session(number) for number in range(4))))
    assert await export_sessions(database, ALL, tmp_path / name) == ExportSummary(sessions=4, events=12)
    elsewhere = msgspec.structs.replace(settings, database_url=other_database_url)
    async with open_database(elsewhere) as other:
        await load(other, elsewhere, tmp_path / name)
        assert await transcripts(other) == await transcripts(database)
        assert len(await transcripts(other)) == 4


async def test_only_the_segment_is_written_and_packed_by_suffix(
    database: Database, settings: Settings, chat_file: ChatFile, tmp_path: Path
) -> None:
    await load(database, settings, chat_file("in.jsonl", *(session(number) for number in range(4))))
    await export_sessions(database, parse_segment("reward > 0.25"), tmp_path / "out.jsonl.gz")
    lines = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).splitlines()
    assert [msgspec.json.decode(line)["session"]["id"] for line in lines] == ["s3"]


async def test_an_export_that_fails_leaves_the_older_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_database: Database, _segment: Segment) -> AsyncIterator[Transcript]:
        for transcript in await transcripts(_database):
            yield transcript
        raise ConnectionError("gone")

    monkeypatch.setattr(export, "stream_transcripts", failing)
    (tmp_path / "out.jsonl").write_text("older")
    with pytest.raises(InputError, match="cannot be written"):
        await export_sessions(database, ALL, tmp_path / "out.jsonl")
    assert contents(tmp_path) == {"out.jsonl": "older"}


async def test_a_folder_that_does_not_exist_is_a_clear_error(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing/out\.jsonl: cannot be written: No such file"):
        await export_sessions(database, ALL, tmp_path / "missing" / "out.jsonl")
