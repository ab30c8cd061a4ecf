"""``reverie claude-code``: the plugin for Claude Code, put where it finds it."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.errors import ReverieError

_PLUGIN = "reverie@reverie"
_SECONDS = 120


class _InstallError(ReverieError):
    """Claude Code declines."""


def plugin_folder() -> Path:
    """Where the plugin's marketplace is in this installation."""
    return Path(str(files("reverie.cli"))) / "plugins"


@click.group("claude-code")
def claude_code() -> None:
    """Claude Code: the plugin by which sessions flow in and lessons back."""


@claude_code.command()
@click.option("--print", "only_print", is_flag=True, help="Print the commands, and run none.")
@json_option
def install(only_print: bool, as_json: bool) -> None:
    """Install the plugin by Claude Code's own commands; where it is not found, print what to type in it."""
    program = shutil.which("claude")
    commands = [
        ["claude", "plugin", "marketplace", "add", str(plugin_folder())],
        ["claude", "plugin", "install", _PLUGIN],
    ]
    runs = program is not None and not only_print
    if runs:
        for command in commands:
            _run(command)
    notes = _notes()
    if as_json:
        echo_json({"installed": runs, "commands": [shlex.join(command) for command in commands], "notes": notes})
        return
    if runs:
        click.echo(f"installed {_PLUGIN}; it works from the next session of Claude Code on")
    else:
        click.echo("\n".join(shlex.join(command) for command in commands))
        click.echo("In a session of Claude Code: the same with /plugin in place of claude plugin.", err=True)
    for note in notes:
        click.echo(note, err=True)


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _InstallError(f"`{shlex.join(command)}` cannot be run: {error}; run it yourself") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise _InstallError(f"`{shlex.join(command)}` failed: {said}; `--print` shows what to type in Claude Code")


def _notes() -> list[str]:
    if shutil.which("reverie") is not None:
        return []
    here = Path(sys.executable).with_name("reverie")
    where = f"put {here} there, or into the env of ~/.claude/settings.json: REVERIE_COMMAND={here}"
    return [f"reverie is not on the PATH, so the plugin does not find it: {where}"]
