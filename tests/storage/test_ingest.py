"""What an import creates, extends, leaves alone and refuses."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from reverie.clock import ManualClock
from reverie.errors import InputError
from reverie.outcomes.metric import Metric
from reverie.sessions.event import text_of
from reverie.sessions.segment import parse_segment
from reverie.sessions.session import LIVE_SOURCE, Score, Transcript
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workers import worker_pool
from reverie.storage.sessions import ingest, store_batch
from reverie.storage.sessions import transcripts as stored_sessions
from reverie.storage.sessions.import_summary import ImportCounts, ImportOptions, ImportSummary
from reverie.storage.sessions.prepare import prepare_extension, redacted_live
from reverie.storage.sessions.scores import define_metric
from reverie.storage.sessions.transcripts import read_transcript, stream_transcripts
from tests.conftest import ChatFile

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def chat(session_id: str, *texts: str, **rest: Any) -> dict[str, Any]:
    """A session in which the user says the first text, the agent the second, and so on."""
    roles = ("user", "assistant")
    return {
        "id": session_id,
        "messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)],
        **rest,
    }


async def run_import(
    database: Database, settings: Settings, paths: Sequence[Path], options: ImportOptions | None = None
) -> ImportSummary:
    return await ingest.import_sessions(
        database, settings, paths, options or ImportOptions(), ManualClock(NOW), lambda _: None
    )


async def stored(database: Database) -> dict[str, Transcript]:
    return {t.session.id: t async for t in stream_transcripts(database, parse_segment(None))}


async def count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        row = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
    assert row is not None
    return int(row[0])


async def test_sessions_events_and_scores_are_stored(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("one", "hello", "good day", reward=0.25, metadata={"agent": "desk", "k": "v"}))
    summary = await run_import(database, settings, [file])
    assert summary.sessions == ImportCounts(created=1)
    assert (summary.events, summary.scores, summary.errors) == (2, 1, [])
    async with database.connection() as connection:
        transcript = await read_transcript(connection, "one")
        row = await (await connection.execute("SELECT imported_at, event_count, reward FROM sessions")).fetchone()
    assert (transcript.session.agent, transcript.session.metadata["k"]) == ("desk", "v")
    assert [text_of(event) for event in transcript.events] == ["hello", "good day"]
    assert transcript.scores == (Score("reward", 0.25),)
    assert row == (NOW, 2, 0.25)


async def test_importing_again_changes_nothing(database: Database, settings: Settings, chat_file: ChatFile) -> None:
    file = chat_file("a.jsonl", *(chat(f"s{i}", "hello", "hi", reward=1) for i in range(5)))
    await run_import(database, settings, [file])
    before = await stored(database)
    again = await run_import(database, settings, [file])
    assert again.sessions == ImportCounts(unchanged=5)
    assert (again.events, again.scores, again.warnings) == (0, 0, [])
    assert await stored(database) == before


async def test_a_session_that_has_grown_gets_its_new_events(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    await run_import(database, settings, [chat_file("a.jsonl", chat("s", "one", "two"))])
    longer = chat_file("b.jsonl", chat("s", "one", "two", "three"), chat("s", "one", "two", "three", "four"))
    summary = await run_import(database, settings, [longer])
    assert (summary.sessions, summary.events) == (ImportCounts(extended=2), 2)
    assert [text_of(event) for event in (await stored(database))["s"].events] == ["one", "two", "three", "four"]
    assert (await run_import(database, settings, [longer])).sessions.extended == 0


class RecordingPool(ThreadPoolExecutor):
    """Remembers what it was given to do."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[str] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        self.given.append(fn.__name__)
        return super().submit(fn, *args, **named)


async def test_a_session_that_has_grown_is_parsed_outside_the_event_loop(
    database: Database, settings: Settings, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def parse(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return prepare_extension(*arguments)

    monkeypatch.setattr(store_batch, "prepare_extension", parse)
    await run_import(database, settings, [chat_file("a.jsonl", chat("s", "one", "two"))])
    await run_import(database, settings, [chat_file("b.jsonl", chat("s", "one", "two", "three"))])
    assert len(threads) == 1 and threads[0] is not threading.current_thread()


async def test_grown_sessions_of_a_large_import_are_parsed_by_the_workers(
    database: Database, settings: Settings, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_RECORDS", 10)
    await run_import(database, settings, [chat_file("a.jsonl", *(chat(f"s{i}", "one", "two") for i in range(45)))])
    pool = RecordingPool()
    monkeypatch.setattr(ingest, "worker_pool", lambda *_: pool)
    grown = chat_file("b.jsonl", *(chat(f"s{i}", "one", "two", "three") for i in range(45)))
    assert (await run_import(database, settings, [grown])).sessions.extended == 45
    assert pool.given.count("prepare_extension") == 45


async def test_a_live_session_is_redacted_outside_the_event_loop(
    database: Database, settings: Settings, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def redact(transcript: Transcript, key: bytes | None) -> Transcript:
        threads.append(threading.current_thread())
        return redacted_live(transcript, key)

    await run_import(database, settings, [chat_file("a.jsonl", chat("s", "one", "two"), chat("t", "one", "two"))])
    async with database.connection() as connection:
        await connection.execute("UPDATE sessions SET source = %s WHERE id = 't'", [LIVE_SOURCE])
    monkeypatch.setattr(stored_sessions, "redacted_live", redact)
    assert set(await stored(database)) == {"s", "t"}
    assert len(threads) == 1 and threads[0] is not threading.current_thread()


@pytest.mark.parametrize("texts", [("one", "other"), ("one",), ("other", "two", "three")])
async def test_a_session_stored_with_other_events_is_kept_with_a_warning(
    database: Database, settings: Settings, chat_file: ChatFile, texts: tuple[str, ...]
) -> None:
    await run_import(database, settings, [chat_file("a.jsonl", chat("s", "one", "two"))])
    file = chat_file("b.jsonl", chat("s", *texts))
    summary = await run_import(database, settings, [file])
    assert summary.sessions == ImportCounts(unchanged=1)
    assert summary.warnings == [f"{file}:1: session s is stored with other events, which are kept"]
    assert [text_of(event) for event in (await stored(database))["s"].events] == ["one", "two"]


async def test_new_scores_of_a_stored_session_are_recorded(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    await run_import(database, settings, [chat_file("a.jsonl", chat("s", "one", reward=0))])
    file = chat_file("b.jsonl", chat("s", "one", reward=1, scores={"polite": 0.5}))
    summary = await run_import(database, settings, [file])
    assert (summary.sessions.unchanged, summary.scores) == (1, 2)
    assert (await stored(database))["s"].scores == (Score("polite", 0.5), Score("reward", 1.0))


async def test_the_same_session_twice_in_a_file_is_stored_once(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("s", "one", reward=0), chat("s", "one", reward=1))
    assert (await run_import(database, settings, [file])).sessions == ImportCounts(created=1, unchanged=1)
    assert (await stored(database))["s"].scores == (Score("reward", 1.0),)


async def test_two_different_sessions_with_one_id_are_both_kept(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    rows = (chat("s", "a", "b", reward=1), chat("s", "x", "y", reward=0), chat("s", "x", "z"), chat("s", "a"))
    file = chat_file("a.jsonl", *rows)
    summary = await run_import(database, settings, [file])
    assert summary.sessions == ImportCounts(created=3, unchanged=1)
    assert [warning.partition(";")[0] for warning in summary.warnings] == [
        f"{file}:{line}: the id s is also another session's in this import" for line in (2, 3)
    ]
    transcripts = await stored(database)
    assert [text_of(event) for event in transcripts["s"].events] == ["a", "b"]
    assert transcripts["s"].scores == (Score("reward", 1.0),)
    texts = sorted([text_of(event) for event in t.events] for t in transcripts.values())
    assert texts == [["a", "b"], ["x", "y"], ["x", "z"]]
    again = await run_import(database, settings, [file])
    assert (again.sessions, again.scores) == (ImportCounts(unchanged=4), 0)
    assert await stored(database) == transcripts


async def test_sessions_that_share_an_id_grow_each_for_itself(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    await run_import(database, settings, [chat_file("a.jsonl", chat("s", "a"), chat("s", "x"))])
    longer = chat_file("b.jsonl", chat("s", "a", "b"), chat("s", "x", "y"))
    assert (await run_import(database, settings, [longer])).sessions == ImportCounts(extended=2)
    texts = sorted([text_of(event) for event in t.events] for t in (await stored(database)).values())
    assert texts == [["a", "b"], ["x", "y"]]


async def test_warnings_are_listed_and_end_no_strict_import(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("s", "x"), chat("t", "x", reward="high"), chat("u", "x", reward=3))
    summary = await run_import(database, settings, [file], ImportOptions(strict=True))
    assert summary.sessions == ImportCounts(created=3)
    assert [warning.partition(" is ")[0] for warning in summary.warnings] == [
        f"{file}:2: the score reward",
        f"{file}:3: reward 3",
    ]


async def test_words_have_the_numbers_that_were_given_in_sessions_and_score_files(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("s", "x", scores={"verdict": "good"}), chat("t", "x"))
    scores = file.with_name("scores.csv")
    scores.write_text("session_id,verdict\nt,BAD\n")
    options = ImportOptions(scores=scores, score_fields=("verdict=good:1,bad:0",))
    summary = await run_import(database, settings, [file], options)
    found = {name: t.scores for name, t in (await stored(database)).items()}
    assert found == {"s": (Score("verdict", 1.0),), "t": (Score("verdict", 0.0),)}
    assert summary.scores == 2


async def test_a_bad_record_is_named_and_the_others_are_imported(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("one", "x"), {"messages": "none"}, chat("t", "y", metadata={"task_id": "t" * 501}))
    summary = await run_import(database, settings, [file, file.with_name("missing.jsonl")])
    assert summary.sessions == ImportCounts(created=1, failed=3)
    assert [(Path(error.path).name, error.line) for error in summary.errors] == [
        ("missing.jsonl", 0),
        ("a.jsonl", 2),
        ("a.jsonl", 3),
    ]
    assert "task_id has 501 characters" in summary.errors[2].reason


async def test_a_strict_import_of_a_bad_record_imports_nothing(
    database: Database, settings: Settings, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_RECORDS", 2)
    sessions = [chat(f"s{i}", "x", reward=1) for i in range(6)]
    file = chat_file("a.jsonl", *sessions, {"messages": "none"}, chat("last", "x"))
    summary = await run_import(database, settings, [file], ImportOptions(strict=True))
    assert summary.sessions == ImportCounts(failed=1)
    assert [error.line for error in summary.errors] == [7]
    assert [await count(database, table) for table in ("sessions", "events", "scores")] == [0, 0, 0]


async def test_a_strict_import_of_good_records_imports_all(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("one", "x"), chat("two", "y"))
    summary = await run_import(database, settings, [file], ImportOptions(strict=True))
    assert summary.sessions.created == await count(database, "sessions") == 2


async def test_a_large_import_is_prepared_by_worker_processes_with_the_same_result(
    database: Database, settings: Settings, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Mock(wraps=worker_pool)
    monkeypatch.setattr(ingest, "worker_pool", pool)
    monkeypatch.setattr(ingest, "BATCH_RECORDS", 10)
    file = chat_file("a.jsonl", *(chat(f"s{i}", "mail me: ada@example.org", f"done {i}") for i in range(95)))
    summary = await run_import(database, settings, [file])
    pool.assert_called_once()
    assert (summary.sessions.created, summary.events, summary.redactions) == (95, 190, {"EMAIL": 95})
    transcripts = await stored(database)
    assert list(transcripts) == [f"s{i}" for i in range(95)]
    assert [text_of(t.events[1]) for t in transcripts.values()] == [f"done {i}" for i in range(95)]


@pytest.mark.parametrize("planted", ["AKIAIOSFODNN7EXAMPLE", "grace.hopper@example.org"])
async def test_a_planted_secret_is_in_no_table(
    database: Database, settings: Settings, chat_file: ChatFile, planted: str
) -> None:
    session = chat("s", f"use {planted} please", f"used {planted}", metadata={"note": planted, "user_id": planted})
    await run_import(database, settings, [chat_file("a.jsonl", session)])
    dump = await everything(database)
    assert "use [" in dump
    assert planted not in dump


async def test_redaction_can_be_left_out_and_does_not_change_what_counts_as_the_same(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    file = chat_file("a.jsonl", chat("s", "I am ada@example.org"))
    await run_import(database, settings, [file], ImportOptions(redact=False))
    assert text_of((await stored(database))["s"].events[0]) == "I am ada@example.org"
    assert (await run_import(database, settings, [file])).sessions == ImportCounts(unchanged=1)


async def test_the_same_value_has_the_same_placeholder_in_every_import(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    for name in ("a", "b"):
        await run_import(database, settings, [chat_file(name, chat(name, "I am ada@example.org"))])
    texts = {text_of(transcript.events[0]) for transcript in (await stored(database)).values()}
    assert len(texts) == 1


async def test_scores_are_joined_from_a_file_and_rows_without_a_session_are_named(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    scores = chat_file("scores.jsonl", {"id": "one", "grade": 8}, {"id": "two", "grade": 9})
    options = ImportOptions(scores=scores, score_fields=("grade",))
    summary = await run_import(database, settings, [chat_file("a.jsonl", chat("one", "x"))], options)
    assert (await stored(database))["one"].scores == (Score("grade", 8.0),)
    assert summary.warnings == [f"{scores}:2: no imported session has id 'two'"]


async def test_scores_of_a_range_that_nobody_defined_are_named_with_how_to_define_it(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    scores = chat_file("scores.jsonl", {"id": "one", "stars": 1}, {"id": "two", "stars": 5})
    sessions = [chat_file("a.jsonl", chat("one", "x"), chat("two", "y"))]
    options = ImportOptions(scores=scores)
    (notice,) = (await run_import(database, settings, sessions, options)).notices
    assert "stars goes from 1 to 5" in notice
    assert "`reverie metric define stars --low LOW --high HIGH`" in notice
    async with database.connection() as connection:
        await define_metric(connection, Metric("stars", low=1, high=5))
    assert (await run_import(database, settings, sessions, options)).notices == []


async def test_scores_beside_a_reward_need_no_range(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    scores = chat_file("scores.jsonl", {"id": "one", "stars": 5, "reward": 1})
    sessions = [chat_file("a.jsonl", chat("one", "x"))]
    assert (await run_import(database, settings, sessions, ImportOptions(scores=scores))).notices == []


async def test_a_score_file_that_cannot_be_read_stops_the_import(
    database: Database, settings: Settings, chat_file: ChatFile, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"missing\.csv"):
        await run_import(
            database, settings, [chat_file("a", chat("s", "x"))], ImportOptions(scores=tmp_path / "missing.csv")
        )
    assert await count(database, "sessions") == 0


async def test_a_record_nested_too_deeply_to_be_redacted_is_named(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    deep = "[" * 900 + '"I am ada@example.org"' + "]" * 900
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": f'{{"a": {deep}}}'}}
    session = {"id": "s", "messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}
    summary = await run_import(database, settings, [chat_file("a.jsonl", session)])
    assert [error.reason for error in summary.errors] == [
        "an event is nested too deeply to be redacted; make it flatter"
    ]


async def everything(database: Database) -> str:
    """All rows of all tables as text."""
    async with database.connection() as connection:
        tables = await (
            await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).fetchall()
        rows = []
        for (table,) in tables:
            rows += await (await connection.execute(f'SELECT t::text FROM "{table}" t'.encode())).fetchall()
    return "\n".join(row[0] for row in rows)
