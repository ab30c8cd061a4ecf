"""``reverie`` without a command: what there is, and what to do next."""

import json
from pathlib import Path

import pytest

from tests.cli.test_import_command import GOOD, Shell, shell
from tests.cli.test_watch_command import claude_line
from tests.conftest import ChatFile

__all__ = ["shell"]
FIRST, SECOND = (f"{number}b15ef03-fa74-4e65-a4d3-9178bc13c520" for number in (1, 2))


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Claude Code keeps the sessions of a project, with two of them and a side agent's."""
    monkeypatch.setenv("REVERIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    project = tmp_path / "claude" / "projects" / "-shop"
    project.mkdir(parents=True)
    for name in (FIRST, SECOND):
        (project / f"{name}.jsonl").write_text(claude_line(name, f"u-{name}", "Fix the test."))
    side = claude_line(FIRST, "u3", "Look at it.", isSidechain=True, agentId="7")
    (project / "agent-7.jsonl").write_text(side)
    return project


def test_sessions_in_their_usual_place_are_found_without_a_database(
    shell: Shell, claude: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    code, out, _ = shell()
    assert code == 0
    assert f"found 2 Claude Code sessions in {claude.parent}:\n  reverie import --claude-code\n" in out
    assert not (tmp_path / "home").exists()


def test_the_option_imports_what_was_found_and_the_next_step_is_a_dream(shell: Shell, claude: Path) -> None:
    assert claude.is_dir()
    assert shell("import", "--claude-code")[1].startswith("2 created, 0 extended")
    told = json.loads(shell("--json")[1])
    assert told["standing"]["sessions"] == {"claude-code": 2}
    assert [step["command"] for step in told["steps"]] == [
        "reverie dream",
        "reverie watch --claude-code",
        "reverie claude-code install",
    ]


def test_without_any_logs_it_says_what_to_import(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "reverie import PATH" in shell()[1]


def test_the_option_says_where_it_looked_when_there_is_nothing(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "none"))
    code, _, err = shell("import", "--claude-code")
    assert code == 1
    assert f"there are no sessions in {tmp_path / 'none' / 'projects'}" in err


def test_an_import_of_nothing_names_the_options(shell: Shell) -> None:
    code, _, err = shell("import")
    assert code == 2
    assert "--claude-code" in err


def test_after_a_dream_that_read_everything_no_other_is_asked_for(
    shell: Shell, chat_file: ChatFile, claude: Path
) -> None:
    for session in claude.iterdir():
        session.unlink()
    shell("import", chat_file("a.jsonl", GOOD))
    shell("dream", "--store", "desk")
    commands = [step["command"] for step in json.loads(shell("--json")[1])["steps"]]
    assert not [command for command in commands if command.startswith("reverie dream")]


def test_json_before_a_command_is_refused_with_where_it_belongs(shell: Shell) -> None:
    code, _, err = shell("--json", "extensions")
    assert code == 2
    assert "reverie extensions --json" in err


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_completion_of_each_shell_is_a_script_of_its_own(shell: Shell, name: str) -> None:
    code, out, _ = shell("completion", name)
    assert code == 0
    assert f"_REVERIE_COMPLETE={name}_complete" in out
