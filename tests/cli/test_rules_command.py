"""``reverie rules``: shown, set, and tried on past sessions."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from reverie.cli.rules import rules
from reverie.cli.sessions import import_sessions
from reverie.errors import InputError, NotFoundError
from tests.dreams.small_desk import small_desk

CLOSED = """
rules:
  - name: verify-first
    when:
      tool: act
      unseen: [{kind: calls, tool: verify}]
    then: deny
    message: Verify the customer first.
"""


@pytest.fixture
def commands_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty database that the commands use."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")


def invoke(*arguments: str, text: str | None = None) -> str:
    return CliRunner().invoke(rules, list(arguments), input=text, catch_exceptions=False).stdout


@pytest.mark.usefixtures("commands_database")
def test_rules_that_are_shown_can_be_set_again(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(CLOSED)
    assert invoke("show").startswith("# no rules have been set\n")
    assert invoke("set", str(file)) == "version 1: 1 rule\n"
    shown = invoke("show")
    assert shown.startswith("# version 1\n")
    assert invoke("set", "-", text=shown) == "version 2: 1 rule\n"
    first, second = (msgspec.json.decode(invoke("show", "--json", "--version", version)) for version in "12")
    assert first["document"] == second["document"] and second["version"] == 2
    assert [one["version"] for one in msgspec.json.decode(invoke("versions", "--json"))] == [2, 1]
    with pytest.raises(NotFoundError, match="no version 9"):
        invoke("show", "--version", "9")
    with pytest.raises(NotFoundError, match="agent_nobody"):
        invoke("set", str(file), "--agent", "agent_nobody")


@pytest.mark.usefixtures("commands_database")
def test_a_trial_says_what_would_have_been_stopped_in_imported_sessions(tmp_path: Path) -> None:
    imported = CliRunner().invoke(import_sessions, [str(small_desk(tmp_path / "desk.jsonl"))], catch_exceptions=False)
    assert imported.exit_code == 0
    file = tmp_path / "rules.yaml"
    file.write_text(CLOSED)
    report = msgspec.json.decode(invoke("test", str(file), "--json"))
    (rule,) = report["rules"]
    assert 0 < rule["sessions"] == report["stopped_sessions"] < report["sessions"]
    assert report["denied"] == rule["calls"] and len(rule["examples"]) == 3
    text = invoke("test", str(file))
    assert f"verify-first (deny): {rule['calls']:,} calls in {rule['sessions']:,} sessions" in text
    assert f"    {rule['examples'][0]['session_id']} event {rule['examples'][0]['sequence']}: act" in text
    assert msgspec.json.decode(invoke("test", str(file), "--where", "reward > 2", "--json"))["sessions"] == 0
    assert msgspec.json.decode(invoke("show", "--json"))["version"] == 0


@pytest.mark.usefixtures("commands_database")
def test_a_file_that_cannot_be_is_named_with_the_rule_and_the_field(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(CLOSED.replace("then: deny", "then: forbid"))
    for command in ("set", "test"):
        with pytest.raises(InputError, match=rf"{file}: rule verify-first: then: invalid enum value 'forbid'"):
            invoke(command, str(file))
