"""``reverie export-lessons``: adopted lessons in files of other agents."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

from reverie.agents.skill_bundle import SkillFile, read_bundle
from reverie.cli.export_lessons import export_lessons
from reverie.cli.memory import memory
from reverie.cli.policy import policy
from reverie.cli.trials import trials
from reverie.errors import InputError

ADVICE = "Look at the schema before the first query"


@pytest.fixture
def desk(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store with an adopted lesson, in whose folder the commands run."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    invoke(memory, "create", "desk")
    adopt(ADVICE, "--agent", "clerk")


def adopt(advice: str, *options: str) -> None:
    begun = invoke(trials, "start", "desk", "--advice", advice, *options, "--json")
    invoke(trials, "decide", msgspec.json.decode(begun.stdout)["id"], "adopt")


def invoke(command: Any, *arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


@pytest.mark.usefixtures("desk")
def test_lessons_go_into_a_file_are_held_fresh_by_a_check_and_come_out_again(tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_bytes(b"# Rules\r\nBe brief.")
    file.chmod(0o640)
    stale = invoke(export_lessons, "desk", "--to", "claude-md", "--check", code=1).stdout
    assert stale == "CLAUDE.md is stale; run: reverie export-lessons desk --to claude-md --path . --tokens 800\n"
    assert file.read_bytes() == b"# Rules\r\nBe brief."
    assert invoke(export_lessons, "--to", "claude-md").stdout == "CLAUDE.md: 1 lesson, written\n"
    text = file.read_bytes()
    assert text.startswith(b'# Rules\r\nBe brief.\r\n<!-- reverie:begin store="desk" ')
    assert f"\r\n- For the agent “clerk”: {ADVICE}.\r\n".encode() in text
    assert file.stat().st_mode & 0o777 == 0o640
    assert invoke(export_lessons, "--to", "claude-md", "--check").stdout == "CLAUDE.md: 1 lesson, unchanged\n"
    adopt("Answer in the language of the question")
    told = invoke(export_lessons, "--to", "claude-md", "--check", "--json", code=1).stdout
    assert (msgspec.json.decode(told)["act"], file.read_bytes()) == ("stale", text)
    assert invoke(export_lessons, "--to", "claude-md", "--remove").stdout == "CLAUDE.md: lessons taken out\n"
    assert file.read_bytes() == b"# Rules\r\nBe brief."


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("claude-md", "CLAUDE.md"),
        ("agents-md", "AGENTS.md"),
        ("cursor", ".cursor/rules/reverie.mdc"),
        ("copilot", ".github/copilot-instructions.md"),
    ],
)
def test_each_agent_has_a_file_of_its_own_name_which_goes_as_it_came(name: str, path: str, tmp_path: Path) -> None:
    invoke(export_lessons, "--to", name)
    written = (tmp_path / path).read_text()
    assert ADVICE in written
    if name == "cursor":
        assert yaml.safe_load(written.split("---\n")[1])["alwaysApply"] is True
    invoke(export_lessons, "--to", name, "--remove")
    assert not (tmp_path / path).exists()
    invoke(export_lessons, "--to", name, "--path", "else/where/")
    assert ADVICE in (tmp_path / "else" / "where" / path).read_text()
    invoke(export_lessons, "--to", name, "--path", "mine.md")
    assert ADVICE in (tmp_path / "mine.md").read_text()


@pytest.mark.usefixtures("desk")
def test_a_skill_is_a_folder_with_what_the_format_asks_for(tmp_path: Path) -> None:
    options = ("--to", "skill", "--path", ".claude/skills/past-lessons")
    invoke(export_lessons, *options)
    folder = tmp_path / ".claude" / "skills" / "past-lessons"
    bundle = read_bundle([SkillFile("past-lessons/SKILL.md", (folder / "SKILL.md").read_bytes())])
    assert (bundle.name, ADVICE in bundle.files[0].data.decode()) == ("past-lessons", True)
    invoke(export_lessons, *options, "--remove")
    assert not folder.exists()
    with pytest.raises(InputError, match="a skill is a folder named by lower-case words"):
        invoke(export_lessons, "--to", "skill", "--path", "Past_Lessons")
    assert "--to skill needs --path" in invoke(export_lessons, "--to", "skill", code=2).output


@pytest.mark.usefixtures("desk")
def test_a_link_stays_one_and_what_was_changed_by_hand_is_told(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("# Rules\n")
    (tmp_path / "CLAUDE.md").symlink_to("AGENTS.md")
    invoke(export_lessons, "--to", "claude-md")
    assert (tmp_path / "CLAUDE.md").is_symlink() and ADVICE in (tmp_path / "AGENTS.md").read_text()
    invoke(export_lessons, "--to", "agents-md", "--check")
    (tmp_path / "AGENTS.md").write_text((tmp_path / "AGENTS.md").read_text().replace("schema", "moon"))
    assert "changed what stands between the marks by hand" in invoke(export_lessons, "--to", "agents-md").stderr


@pytest.mark.usefixtures("desk")
def test_a_lesson_that_a_trial_hides_from_some_is_written_and_told(tmp_path: Path) -> None:
    before = msgspec.json.decode(invoke(export_lessons, "--to", "claude-md", "--json").stdout)
    assert (len(before["lesson_ids"]), before["held_back"]) == (1, [])
    (tmp_path / "policy.json").write_text('{"live": {"mode": "act"}}')
    invoke(policy, "desk", "--file", str(tmp_path / "policy.json"))
    invoke(trials, "start", "desk", "--lesson", before["lesson_ids"][0])
    done = msgspec.json.decode(invoke(export_lessons, "--to", "claude-md", "--json").stdout)
    assert (done["held_back"], done["act"]) == (before["lesson_ids"], "unchanged")
    told = invoke(export_lessons, "--to", "claude-md")
    assert "hidden from a share of sessions by a live trial" in told.stderr and (tmp_path / "CLAUDE.md").exists()


@pytest.mark.usefixtures("desk")
def test_no_file_is_made_for_nothing_and_a_broken_one_is_left(tmp_path: Path) -> None:
    invoke(memory, "create", "empty")
    told = invoke(export_lessons, "empty", "--to", "claude-md")
    assert "empty has no adopted lesson yet" in told.stderr and not (tmp_path / "CLAUDE.md").exists()
    invoke(export_lessons, "empty", "--to", "claude-md", "--check")
    (tmp_path / "CLAUDE.md").write_text('<!-- reverie:end store="desk" -->\n')
    with pytest.raises(InputError, match=r"CLAUDE.md: the marks of 'desk' .lines 1. are no pair"):
        invoke(export_lessons, "desk", "--to", "claude-md")
