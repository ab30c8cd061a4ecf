"""Sessions of other tools that go on from import to import: what is stored is extended, and no event is there twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.clock import ManualClock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportCounts, ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.transcripts import read_transcript
from tests.sessions.test_import_codex import CALLING, PARENT, ROLLOUT, SIDE
from tests.sessions.test_import_openhands import STREAM
from tests.storage.test_ingest import NOW


async def counted(database: Database, settings: Settings, folder: Path) -> ImportCounts:
    summary = await import_sessions(database, settings, [folder], ImportOptions(), ManualClock(NOW), lambda _: None)
    assert summary.warnings == []
    return summary.sessions


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("cut", [5, 9, 12])
async def test_a_codex_rollout_that_goes_on_is_extended(
    cut: int, database: Database, settings: Settings, tmp_path: Path
) -> None:
    found = []
    for lines in (ROLLOUT[:cut], ROLLOUT, ROLLOUT):
        write_lines(tmp_path / "rollout.jsonl", lines)
        found.append(await counted(database, settings, tmp_path))
    assert found == [ImportCounts(created=1), ImportCounts(extended=1), ImportCounts(unchanged=1)]


async def test_a_side_agent_that_comes_later_extends_the_session_that_called_it(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    write_lines(tmp_path / "a.jsonl", CALLING[:4])
    first = await counted(database, settings, tmp_path)
    write_lines(tmp_path / "a.jsonl", CALLING)
    write_lines(tmp_path / "b.jsonl", SIDE)
    assert (first, await counted(database, settings, tmp_path)) == (ImportCounts(created=1), ImportCounts(extended=1))
    async with database.connection() as connection:
        transcript = await read_transcript(connection, PARENT)
    assert sum(event.type == "session.thread_created" for event in transcript.events) == 1


async def test_a_folder_of_openhands_events_that_fills_is_extended(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "sess-1" / "events"
    folder.mkdir(parents=True)
    found = []
    for events in (STREAM[:7], STREAM, STREAM):
        for event in events:
            (folder / f"{event['id']}.json").write_text(json.dumps(event))
        found.append(await counted(database, settings, tmp_path))
    assert found == [ImportCounts(created=1), ImportCounts(extended=1), ImportCounts(unchanged=1)]
