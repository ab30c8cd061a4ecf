"""``reverie erase``: asked first, rehearsed, done, listed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from reverie.cli.erase import erase
from reverie.cli.sessions import import_sessions
from reverie.errors import InputError
from tests.conftest import ChatFile

SESSION: dict[str, Any] = {
    "id": "s-1",
    "messages": [{"role": "user", "content": "hello"}],
    "metadata": {"user_id": "anna"},
}


@pytest.fixture(autouse=True)
def imported(database_url: str, monkeypatch: pytest.MonkeyPatch, chat_file: ChatFile) -> Path:
    """A session of anna's and one of nobody's."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    path = chat_file("chat.jsonl", SESSION, {**SESSION, "id": "s-2", "metadata": {}})
    done = CliRunner().invoke(import_sessions, [str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return path


def run(*arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(erase, list(arguments), input=said, catch_exceptions=False)


def test_nothing_is_erased_by_who_says_no_or_only_rehearses() -> None:
    assert run("--user", "anna", said="n\n").exit_code == 1
    assert run("--user", "anna", "--dry-run").stdout.splitlines()[0] == "Nothing is erased; this would be:"
    assert msgspec.json.decode(run("--list", "--json").stdout) == []


def test_a_users_sessions_are_erased_and_listed() -> None:
    done = msgspec.json.decode(run("--user", "anna", "--yes", "--json").stdout)
    assert [one["id"] for one in done["sessions"]] == ["s-1"]
    (listed,) = msgspec.json.decode(run("--list", "--json").stdout)
    assert (listed["state"], listed["report"]) == ("done", done)
    assert run("--session", "s-2", "--yes").stdout.splitlines()[0].endswith(": erased")


def test_what_is_to_be_erased_has_to_be_said() -> None:
    with pytest.raises(InputError, match="say whose sessions"):
        run("--yes")
