"""``reverie charter``: shown, set, tried on past sessions, looked at, alarms acknowledged."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from reverie.cli.charter import charter
from reverie.cli.dream import dream
from reverie.cli.sessions import import_sessions
from reverie.errors import NotFoundError, StateError
from tests.dreams.small_desk import small_desk

VERIFIES = """
run_length: 200
behaviours:
  - name: verifies-first
    shows: {kind: calls, tool: verify, before: act}
    at_least: 0.95
    alarm: pause
"""


@pytest.fixture
def commands_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty database that the commands use."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")


def invoke(*arguments: str, text: str | None = None) -> str:
    return CliRunner().invoke(charter, list(arguments), input=text, catch_exceptions=False).stdout


def import_desk(path: Path) -> None:
    imported = CliRunner().invoke(import_sessions, [str(small_desk(path, tasks=5))], catch_exceptions=False)
    assert imported.exit_code == 0


@pytest.mark.usefixtures("commands_database")
def test_a_charter_that_is_shown_can_be_set_again(tmp_path: Path) -> None:
    file = tmp_path / "charter.yaml"
    file.write_text(VERIFIES)
    assert invoke("show").startswith("# no charter has been set\n")
    assert invoke("versions") == "no charter has been set\n"
    assert invoke("standing").startswith("no charter has been set")
    assert invoke("set", str(file)) == "version 1: 1 behaviour\n"
    shown = invoke("show")
    assert shown.startswith("# version 1\n")
    assert invoke("set", "-", text=shown) == "version 2: 1 behaviour\n"
    assert [one["version"] for one in msgspec.json.decode(invoke("versions", "--json"))] == [2, 1]
    with pytest.raises(NotFoundError, match="no version 9"):
        invoke("show", "--version", "9")
    with pytest.raises(NotFoundError, match="agent_nobody"):
        invoke("set", str(file), "--agent", "agent_nobody")


@pytest.mark.usefixtures("commands_database")
def test_a_trial_tells_rates_and_when_alarms_would_have_been(tmp_path: Path) -> None:
    import_desk(tmp_path / "desk.jsonl")
    file = tmp_path / "charter.yaml"
    file.write_text(VERIFIES)
    (trial,) = msgspec.json.decode(invoke("test", str(file), "--json"))["behaviours"]
    assert (trial["agent"], trial["sessions"]) == ("desk", 50)
    assert trial["low"] < trial["rate"] < trial["high"] < 0.95 and trial["alarms"]
    lines = invoke("test", str(file)).splitlines()
    assert lines[0] == "50 sessions"
    assert lines[1].startswith("verifies-first of desk: ") and "allowed at least 0.95" in lines[1]
    assert lines[2].startswith("    alarm after ")
    assert invoke("test", str(file), "--where", "agent = 'nobody'") == "0 sessions\n"


@pytest.mark.usefixtures("commands_database")
def test_a_look_judges_what_came_since_and_its_alarm_is_acknowledged(tmp_path: Path) -> None:
    file = tmp_path / "charter.yaml"
    file.write_text(VERIFIES)
    invoke("set", str(file))
    assert "verifies-first" in invoke("standing")
    import_desk(tmp_path / "desk.jsonl")
    assert invoke("look").startswith("50 sessions judged, 1 alarm\nalm_")
    assert invoke("look") == "0 sessions judged, 0 alarms\n"
    (alarm,) = msgspec.json.decode(invoke("alarms", "--standing", "--json"))
    assert (alarm["agent"], alarm["act"]) == ("desk", "notice")
    with pytest.raises(StateError, match="not paused"):
        invoke("resume", "desk")
    assert alarm["id"] in invoke("standing")
    assert invoke("acknowledge", alarm["id"], "--note", "a new prompt").startswith(f"{alarm['id']} acknowledged")
    assert invoke("alarms", "--standing") == "no alarms\n"
    assert "acknowledged by command line" in invoke("alarms")


@pytest.mark.usefixtures("commands_database")
def test_a_dream_judges_what_has_ended_too(tmp_path: Path) -> None:
    file = tmp_path / "charter.yaml"
    file.write_text(VERIFIES)
    invoke("set", str(file))
    import_desk(tmp_path / "desk.jsonl")
    dreamt = CliRunner().invoke(dream, ["desk"], catch_exceptions=False)
    (alarm,) = msgspec.json.decode(invoke("alarms", "--json"))
    assert dreamt.stdout.splitlines()[-1].startswith(f"{alarm['id']} ")
    assert invoke("look") == "0 sessions judged, 0 alarms\n"
