"""``reverie hook claude-code``: it answers in time or says nothing, and what was not shown is not recorded."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from reverie.cli import hook_log
from reverie.cli.hook_call import Memo
from reverie.cli.hook_import import import_waiting
from reverie.clock import SystemClock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import running_server
from tests.cli.test_import_command import Shell, shell
from tests.cli.test_watch_command import claude_line

__all__ = ["shell"]
ADVICE = "Look up the order before you promise a date"

Hook = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def hook(home: Path, database_url: str) -> Hook:
    """Calls the hook as Claude Code does; its exit code and what it says."""

    def call(said: bytes | dict[str, Any], *arguments: str, **variables: str) -> tuple[int, str]:
        environment = {**os.environ, "REVERIE_HOME": str(home), "REVERIE_DATABASE_URL": database_url}
        environment |= {"REVERIE_HOOK_SECONDS": str(PATIENCE_SECONDS), **variables}
        command = [sys.executable, "-m", "reverie.cli.main", "hook", *(arguments or ["claude-code"])]
        text = said if isinstance(said, bytes) else json.dumps(said).encode()
        done = subprocess.run(command, input=text, env=environment, capture_output=True, check=False)
        return done.returncode, done.stdout.decode()

    return call


def call_of(event: str, session: str = "s1", **more: Any) -> dict[str, Any]:
    return {"session_id": session, "transcript_path": "", "cwd": "/work/shop", "hook_event_name": event, **more}


@pytest.fixture
def adopted(shell: Shell) -> None:
    """A store named ``default`` with one lesson that every session is to be shown."""
    shell("memory", "create", "default")
    trial = shell("trials", "start", "default", "--advice", ADVICE)[1].split()[0]
    shell("trials", "decide", trial, "adopt", "--note", "as we want it")


def references(url: str) -> list[str]:
    """What briefings are known by."""
    with psycopg.connect(url) as connection:
        return [reference for (reference,) in connection.execute("SELECT reference FROM briefings").fetchall()]


@pytest.mark.usefixtures("adopted")
def test_a_session_is_briefed_once_under_its_own_id(hook: Hook, database_url: str) -> None:
    code, said = hook(call_of("SessionStart", source="startup"))
    told = json.loads(said)["hookSpecificOutput"]
    assert (code, told["hookEventName"]) == (0, "SessionStart")
    assert ADVICE in told["additionalContext"]
    assert references(database_url) == ["s1"]
    assert hook(call_of("UserPromptSubmit", prompt="Fix it")) == (0, "")
    assert hook(call_of("SessionStart", source="resume")) == (0, "")


@pytest.mark.usefixtures("adopted")
def test_a_session_whose_context_was_compacted_is_told_again_what_it_was_told(hook: Hook, database_url: str) -> None:
    first = hook(call_of("SessionStart", source="startup"))
    assert hook(call_of("SessionStart", source="compact")) == first
    assert references(database_url) == ["s1"]


def test_a_start_that_has_nothing_to_say_leaves_it_to_the_first_prompt(
    hook: Hook, shell: Shell, database_url: str, tmp_path: Path
) -> None:
    shell("memory", "create", "shop")
    (tmp_path / "hours.md").write_text("The refund desk is open from nine to five.\n")
    shell("memory", "write", "shop", "/hours.md", "--file", tmp_path / "hours.md")
    assert hook(call_of("SessionStart", source="startup")) == (0, "")
    assert references(database_url) == []
    assert "nine to five" in hook(call_of("UserPromptSubmit", prompt="When is the refund desk open?"))[1]
    assert references(database_url) == ["s1"]


@pytest.mark.usefixtures("adopted")
def test_a_server_that_is_named_gives_the_briefing(
    hook: Hook, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    with running_server(settings, tmp_path / "log", "--no-key") as server:
        _, said = hook(call_of("SessionStart", source="startup"), REVERIE_URL=server.url, REVERIE_DATABASE_URL="")
    assert ADVICE in said
    assert references(database_url) == ["s1"]


@pytest.mark.usefixtures("adopted")
def test_what_comes_too_late_is_neither_said_nor_recorded(hook: Hook, home: Path, database_url: str) -> None:
    assert hook(call_of("SessionStart", source="startup"), REVERIE_HOOK_SECONDS="0.001") == (0, "")
    assert references(database_url) == []
    assert "in time" in hook_log.last_lines(home, 1)[0]


def test_a_database_that_hangs_keeps_nobody_waiting(hook: Hook, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/none"
        said = hook(call_of("SessionStart"), REVERIE_DATABASE_URL=url, REVERIE_HOOK_SECONDS="0.5")
    assert said == (0, "")
    assert "in time" in hook_log.last_lines(home, 1)[0]


@pytest.mark.parametrize(
    ("said", "arguments", "variables"),
    [
        (b"", (), {}),
        (b"\xff\xfe{", (), {}),
        (b"[1, 2]", (), {}),
        (b'{"session_id": 7, "hook_event_name": "Stop"}', (), {}),
        (b'{"session_id": "", "hook_event_name": "Stop"}', (), {}),
        (b"{}", ("gemini",), {}),
        (b"{}", ("claude-code", "--later", "more"), {}),
        (b'{"session_id": "s", "hook_event_name": "Stop"}', (), {"REVERIE_WORKERS": "many"}),
        (
            b'{"session_id": "s", "hook_event_name": "SessionStart"}',
            (),
            {"REVERIE_DATABASE_URL": "postgresql://127.0.0.1:1/x"},
        ),
        (b'{"session_id": "s", "hook_event_name": "SessionStart"}', (), {"REVERIE_STORE": "nowhere"}),
        (b'{"session_id": "s", "hook_event_name": "SessionStart"}', (), {"REVERIE_URL": "http://127.0.0.1:1"}),
    ],
)
def test_whatever_goes_wrong_is_logged_and_kept_from_the_session(
    hook: Hook, home: Path, said: bytes, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    assert hook(said, *arguments, **variables) == (0, "")
    assert hook_log.last_lines(home, 1) != []


def test_an_event_of_a_later_version_is_passed_over(hook: Hook, home: Path) -> None:
    assert hook(call_of("TeaTime")) == (0, "")
    assert hook_log.last_lines(home, 1) == []


def test_the_database_of_the_project_is_left_alone(hook: Hook, home: Path, other_database_url: str) -> None:
    said = hook(call_of("SessionStart"), DATABASE_URL=other_database_url, REVERIE_DATABASE_URL="")
    assert said == (0, "")
    assert not (home / "postgres").exists()
    assert references(other_database_url) == []


def test_a_transcript_waits_until_it_can_be_imported(settings: Settings, database: Database, tmp_path: Path) -> None:
    transcript = tmp_path / "s1.jsonl"
    transcript.write_text(claude_line("s1", "u1", "Fix the test."))
    memo = Memo(settings.home)
    memo.add_waiting(str(transcript))
    import_waiting(Settings(home=settings.home, database_url="postgresql://127.0.0.1:1/x", workers=1))
    assert list(memo.waiting().values()) == [transcript]
    assert "import: " in hook_log.last_lines(settings.home, 1)[0]
    import_waiting(settings)
    assert memo.waiting() == {}
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT id FROM sessions").fetchall() == [("s1",)]


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "folder", "device", "name with a NUL", "nothing"])
def test_what_is_no_transcript_holds_up_no_other_one(
    kind: str, settings: Settings, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to(tmp_path / "pipe")
    odd = {"device": "/dev/zero", "name with a NUL": "a\0b", "nothing": ""}.get(kind, str(tmp_path / kind))
    transcript = tmp_path / "s.jsonl"
    transcript.write_text(claude_line("s1", "u1", "hello"))
    memo = Memo(settings.home)
    memo.add_waiting(odd)
    memo.add_waiting(str(transcript))
    import_waiting(settings)
    assert memo.waiting() == {}
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchall() == [(1,)]


def test_the_log_stays_small(tmp_path: Path) -> None:
    now = SystemClock().now()
    for number in range(3 * hook_log.MOST_BYTES // 1_000):
        hook_log.note(tmp_path, now, f"{number} {'x' * 990}")
    sizes = [file.stat().st_size for file in (tmp_path / "logs").iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) < 2 * hook_log.MOST_BYTES + 2_000
