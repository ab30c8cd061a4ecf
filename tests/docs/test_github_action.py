"""The GitHub Action: what its script asks of the command line, run with a command that tells what it was asked."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverie.cli.main import cli

ACTION = Path(__file__).parents[2] / "integrations" / "github-action" / "action.yml"


def step(name: str) -> dict[str, Any]:
    document = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return next(one for one in document["runs"]["steps"] if one["name"] == name)


def asked(folder: Path, name: str, **variables: str) -> list[str]:
    """The arguments that a step gives to ``reverie``."""
    program = folder / "reverie" / "bin" / "reverie"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text('#!/bin/sh\nfor one in "$@"; do echo "$one"; done\n', encoding="utf-8")
    program.chmod(0o755)
    environment = {**os.environ, "RUNNER_TEMP": str(folder), **variables}
    run = ["bash", "-eo", "pipefail", "-c", step(name)["run"]]
    return subprocess.run(
        run, env=environment, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def test_reports_and_scores_are_told_whatever_a_branch_is_called(tmp_path: Path) -> None:
    for name in ("a.xml", "deep/b.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    branch = '$(touch oops) "x'
    given = asked(
        tmp_path, "Score the session", SESSION=branch, METRIC="unit", JUNIT="**/*.xml\n", SCORES="merged=1 x=2"
    )
    reports = ["--from-junit", "a.xml", "--from-junit", "deep/b.xml"]
    assert given == ["score", "--session", branch, "--metric", "unit", *reports, "merged=1", "x=2"]
    assert not (tmp_path / "oops").exists()


def test_lessons_are_checked(tmp_path: Path) -> None:
    given = asked(tmp_path, "Check exported lessons", STORE="support", TO="agents-md")
    assert given == ["export-lessons", "support", "--to", "agents-md", "--check"]


@pytest.mark.parametrize("name", ["Score the session", "Check exported lessons"])
def test_scripts_hold_no_input_as_text_and_options_exist(name: str) -> None:
    found = step(name)
    assert "${{" not in found["run"]
    context = cli.make_context("reverie", [], resilient_parsing=True)
    command = cli.get_command(context, "score" if "Score" in name else "export-lessons")
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word.strip("(") for word in found["run"].split() if word.strip("(").startswith("--")} <= options
