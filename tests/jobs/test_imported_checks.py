"""Cross-checks of imported logs are kept when they are read, and count where they are scored."""

from pathlib import Path

import msgspec

from reverie.clock import SystemClock
from reverie.ids import event_id
from reverie.jobs.delegations import read_all_delegations
from reverie.library import AsyncReverie
from reverie.sessions.event import Event
from reverie.sessions.session import Score, Session, Transcript
from reverie.settings import Settings
from reverie.storage.live.cross_checks import read_scored
from reverie.storage.postgres.database import Database
from reverie.teams.cross_check import Answer, CheckResult, result_content
from reverie.teams.reliability import level_of

ID = "logged-1"
RESULT = CheckResult(2, (Answer(1, ("ann", "bob"), ("large", "small"), "of the answer"),), (), "vote", 1)


def log(tool: str) -> Transcript:
    """A session whose agent asked two others once, by a tool of this name."""
    said = {"content": [{"type": "text", "text": "How many?"}]}
    events = (
        Event("user.message", said),
        Event("agent.tool_use", {"name": tool, "input": {"question": "How many?"}}),
        Event("agent.thread_message_received", said, thread_id="thread-ann"),
        Event("agent.tool_result", {"tool_use_id": event_id(ID, 1), "content": result_content(RESULT, "42")}),
    )
    return Transcript(Session(id=ID, source="reverie", task_category="sums"), events, (Score("reward", 1.0),))


def written(folder: Path, tool: str) -> Path:
    """The log in a file."""
    (folder / "log.jsonl").write_bytes(msgspec.json.encode(log(tool)))
    return folder / "log.jsonl"


async def kept(database: Database, settings: Settings, file: Path) -> list[tuple[str, float]]:
    """Families and outcomes of the scored checks of a log that is imported and read twice."""
    await AsyncReverie(database, settings, SystemClock()).import_sessions([file])
    await read_all_delegations(database)
    await read_all_delegations(database)
    async with database.connection() as connection:
        scored = await read_scored(connection, level_of(["large", "small"], 2, "vote"))
    return [(one.family, one.correct) for one in scored]


async def test_a_check_of_an_imported_log_is_kept_once_with_the_sessions_outcome(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    assert await kept(database, settings, written(tmp_path, "cross_check")) == [("sums", 1.0)]


async def test_a_result_of_another_tool_is_no_check(database: Database, settings: Settings, tmp_path: Path) -> None:
    assert await kept(database, settings, written(tmp_path, "ask_around")) == []
