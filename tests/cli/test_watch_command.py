"""``reverie watch``: what is there is imported, then what grows, each thing once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reverie.cli.ledger import Ledger
from reverie.cli.session_files import Source, Stamp
from reverie.cli.sink import Batch, Met, Taken
from reverie.cli.watching import LONGEST_UNREST_SECONDS, Change, Failure, Rest, Watch
from reverie.errors import DatabaseError
from reverie.settings import Settings
from reverie.storage.sessions.import_summary import ImportSummary
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import running_server
from tests.cli.test_import_command import Shell, shell

__all__ = ["shell"]
NOW = 1_800_000_000.0


def line(session: str, text: str = "hello") -> str:
    return json.dumps({"id": session, "messages": [{"role": "user", "content": text}]}) + "\n"


def said(output: str) -> list[Any]:
    return [json.loads(each) for each in output.splitlines()]


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REVERIE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def test_what_is_there_is_imported_once(shell: Shell, logs: Path) -> None:
    (logs / "a.jsonl").write_text(line("one"))
    code, out, _ = shell("watch", logs, "--once")
    assert (code, out) == (0, f"{logs / 'a.jsonl'}: 1 created, 0 extended, 0 failed; 1 event\n")
    assert shell("watch", logs, "--once", "--json")[:2] == (0, "")
    (again,) = said(shell("watch", logs, "--once", "--again", "--json")[1])
    assert again["summary"]["sessions"] == {"created": 0, "unchanged": 1, "extended": 0, "failed": 0}


def test_a_cut_last_line_is_no_failure_and_is_read_when_it_is_whole(shell: Shell, logs: Path) -> None:
    whole = line("one") + line("two")
    (logs / "a.jsonl").write_text(whole[:-20])
    code, out, err = shell("watch", logs, "--once", "--json")
    assert (code, err) == (0, "")
    assert said(out)[0]["summary"]["sessions"] == {"created": 1, "unchanged": 0, "extended": 0, "failed": 0}
    (logs / "a.jsonl").write_text(whole)
    code, out, _ = shell("watch", logs, "--once", "--json")
    assert said(out)[0]["summary"]["sessions"] == {"created": 1, "unchanged": 1, "extended": 0, "failed": 0}


def test_a_broken_line_within_a_file_is_told_and_ends_with_3(shell: Shell, logs: Path) -> None:
    (logs / "a.jsonl").write_text(line("one") + "{broken\n" + line("two"))
    code, _, err = shell("watch", logs, "--once")
    assert code == 3
    assert err.startswith(f"{logs / 'a.jsonl'}:2: ")


def test_what_is_no_session_is_passed_over_and_a_look_that_finds_nothing_says_so(shell: Shell, logs: Path) -> None:
    (logs / "notes.txt").write_text("milk, bread\n")
    assert shell("watch", logs, "--once") == (0, "", f"no sessions that are new or have grown in {logs}\n")
    assert shell("watch", logs, "--once", "--json") == (0, "", "")


def test_a_second_look_at_what_has_not_grown_says_so(shell: Shell, logs: Path) -> None:
    (logs / "a.jsonl").write_text(line("one"))
    assert shell("watch", logs, "--once")[2] == ""
    assert shell("watch", logs, "--once") == (0, "", f"no sessions that are new or have grown in {logs}\n")


def test_a_side_agents_file_that_grows_extends_its_session(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVERIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    project = tmp_path / "claude" / "projects" / "-shop"
    (project / "s1" / "subagents").mkdir(parents=True)
    (project / "s1.jsonl").write_text(claude_line("s1", "u1", "Fix the test."))
    assert shell("watch", "--claude-code", "--once")[0] == 0
    side = claude_line("s1", "u2", "Look at it.", isSidechain=True, agentId="7")
    (project / "s1" / "subagents" / "agent-7.jsonl").write_text(side)
    (change,) = said(shell("watch", "--claude-code", "--once", "--json")[1])
    assert change["paths"] == [str(project / "s1.jsonl")]
    assert change["summary"]["sessions"]["extended"] == 1


def claude_line(session: str, line_id: str, text: str, **more: Any) -> str:
    message = {"role": "user", "content": text}
    fields = {"type": "user", "sessionId": session, "uuid": line_id, "timestamp": "2026-11-01T10:00:00Z"}
    return json.dumps({**fields, "message": message, **more}) + "\n"


def test_a_place_where_no_sessions_are_is_named(shell: Shell, tmp_path: Path) -> None:
    code, _, err = shell("watch", tmp_path / "nowhere", "--once")
    assert (code, err) == (1, f"reverie: {tmp_path / 'nowhere'} is not there; name a file or a folder that is\n")


class _Sink:
    """Keeps what it is given; away while ``away`` says why."""

    name = target = "kept"

    def __init__(self) -> None:
        self.away = ""
        self.installation = "first"
        self.batches: list[Batch] = []

    def take(self, batches: Sequence[Batch], met: Met, taken: Taken) -> None:
        if self.away:
            raise DatabaseError(self.away)
        met(self.installation)
        for batch in batches:
            self.batches.append(batch)
            taken(batch, ImportSummary())


@pytest.fixture
def sink() -> _Sink:
    return _Sink()


Look = Callable[[], list[Change | Failure]]


@pytest.fixture
def look(logs: Path, tmp_path: Path, sink: _Sink) -> Look:
    """Looks at the folder once, by the same watch."""
    watch = Watch([Source(logs)], sink, Ledger(tmp_path / "home", "kept"), quiet_seconds=5.0)

    def once() -> list[Change | Failure]:
        told: list[Change | Failure] = []
        watch.take(watch.due(NOW, 0.0, all_=True), told.append)
        return told

    return once


def test_files_wait_while_the_database_is_away_and_come_in_when_it_is_back(sink: _Sink, look: Look, logs: Path) -> None:
    (logs / "a.jsonl").write_text(line("one"))
    sink.away = "gone fishing"
    assert look() == [Failure("gone fishing", 1)]
    sink.away = ""
    assert [type(each) for each in look()] == [Change]
    assert look() == []


def test_a_new_database_gets_everything_again(sink: _Sink, look: Look, logs: Path) -> None:
    (logs / "a.jsonl").write_text(line("one"))
    look()
    sink.installation = "second"
    (logs / "b.jsonl").write_text(line("two"))
    look()
    look()
    assert [path.name for batch in sink.batches for path in batch.paths] == ["a.jsonl", "b.jsonl", "a.jsonl"]


def test_a_ledger_that_was_spoilt_costs_an_import_that_adds_nothing(look: Look, logs: Path, tmp_path: Path) -> None:
    (logs / "a.jsonl").write_text(line("one"))
    (tmp_path / "home" / "watch").mkdir(parents=True)
    ledger = Ledger(tmp_path / "home", "kept")
    ledger.add({"x": Stamp(1, 2, 3)})
    (file,) = (tmp_path / "home" / "watch").glob("*.json")
    file.write_bytes(b'{"files": 7')
    assert ledger.files() == {}
    assert len(look()) == 1


def stamp(seconds: float, size: int = 1) -> dict[str, Stamp]:
    return {"a": Stamp(size, int(seconds * 1e9), 1)}


def test_a_file_rests_when_it_was_not_written_to_for_long_enough() -> None:
    rest = Rest()
    assert rest.rested(stamp(NOW - 6), NOW, 100.0, 5.0) == ["a"]
    assert rest.rested(stamp(NOW - 2), NOW, 100.0, 5.0) == []
    assert rest.rested(stamp(NOW, size=2), NOW + 2, 102.0, 5.0) == []
    assert rest.rested(stamp(NOW, size=2), NOW + 6, 106.0, 5.0) == []
    assert rest.rested(stamp(NOW, size=2), NOW + 7, 107.0, 5.0) == ["a"]


def test_a_time_in_the_future_holds_a_file_up_no_longer_than_any_other() -> None:
    rest = Rest()
    assert rest.rested(stamp(NOW + 3600), NOW, 100.0, 5.0) == []
    assert rest.rested(stamp(NOW + 3600), NOW + 5, 105.0, 5.0) == ["a"]


def test_a_file_that_never_rests_is_taken_as_it_stands() -> None:
    rest = Rest()
    seconds = range(int(LONGEST_UNREST_SECONDS) + 1)
    taken = [second for second in seconds if rest.rested(stamp(NOW + second), NOW + second, float(second), 5.0)]
    assert taken == [int(LONGEST_UNREST_SECONDS)]


def test_sigterm_ends_it_in_good_order(logs: Path, database_url: str) -> None:
    (logs / "a.jsonl").write_text(line("one"))
    command = [sys.executable, "-m", "reverie.cli.main", "watch", str(logs), "--quiet", "0", "--every", "0.1", "--json"]
    environment = {**os.environ, "DATABASE_URL": database_url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["summary"]["sessions"]["created"] == 1
        with (logs / "a.jsonl").open("a") as file:
            file.write(line("two"))
        assert json.loads(watching.stdout.readline())["summary"]["sessions"]["created"] == 1
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(PATIENCE_SECONDS) == 0


def test_a_server_takes_what_is_watched_elsewhere(shell: Shell, settings: Settings, logs: Path, tmp_path: Path) -> None:
    (logs / "a.jsonl").write_text(line("one") + line("two")[:-9])
    with running_server(settings, tmp_path / "log", "--no-key") as server:
        code, out, _ = shell("watch", logs, "--once", "--json", "--url", server.url)
    assert code == 0
    assert said(out)[0]["summary"]["sessions"] == {"created": 1, "unchanged": 0, "extended": 0, "failed": 0}
    (logs / "a.jsonl").write_text(line("one") + line("two"))
    assert shell("watch", logs, "--once", "--url", server.url)[0] == 1
    assert shell("export", "-")[1].count("\n") == 1
