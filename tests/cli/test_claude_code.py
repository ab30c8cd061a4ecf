"""Claude Code itself, with the plugin, against a model server of ours; where it is installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from reverie.cli.claude_code import plugin_folder
from reverie.cli.hook_import import import_waiting
from reverie.settings import Settings
from reverie.testing.fake_models import Reply, Request, say, serve
from reverie.testing.patience import PATIENCE_SECONDS
from tests.cli.test_hook import ADVICE, adopted, references
from tests.cli.test_import_command import Shell, shell

__all__ = ["adopted", "shell"]
CLAUDE = shutil.which(os.environ.get("REVERIE_TEST_CLAUDE", "claude"))
"""``npm install @anthropic-ai/claude-code`` makes it."""
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(CLAUDE is None, reason="Claude Code is not installed; REVERIE_TEST_CLAUDE names its program")
@pytest.mark.usefixtures("adopted")
def test_claude_code_is_briefed_and_its_session_comes_in(settings: Settings, database_url: str, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()

    def answer(_: Request) -> Reply:
        return say("Done.")

    with serve(answer) as server:
        variables = {
            "HOME": str(tmp_path),
            "REVERIE_HOME": str(settings.home),
            "REVERIE_DATABASE_URL": database_url,
            "REVERIE_COMMAND": f"{sys.executable} -m reverie.cli.main",
            "REVERIE_HOOK_SECONDS": "9",
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_KEY": "any",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        command = [str(CLAUDE), "-p", "Fix the test", "--plugin-dir", str(plugin_folder() / "claude-code")]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "ANTHROPIC"))
        }
        said = subprocess.run(
            command,
            cwd=project,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        assert said.stdout.strip() == "Done."
        asked = [json.dumps(request.body) for request in server.requests if request.status == 200]
    assert any(ADVICE in body for body in asked)
    import_waiting(settings)  # waits for the process that the hook started, if it is still at it
    with psycopg.connect(database_url) as connection:
        stored = [session for (session,) in connection.execute("SELECT id FROM sessions").fetchall()]
    assert stored == references(database_url)


def test_a_checkout_and_an_installation_offer_the_same_plugin(shell: Shell) -> None:
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text())
    installed = json.loads((plugin_folder() / ".claude-plugin" / "marketplace.json").read_text())
    places = [(ROOT / market["plugins"][0].pop("source")), plugin_folder() / installed["plugins"][0].pop("source")]
    assert market == installed
    assert {place.resolve() for place in places} == {(plugin_folder() / "claude-code").resolve()}
    shown = json.loads(shell("claude-code", "install", "--print", "--json")[1])
    assert shown["commands"][0] == f"claude plugin marketplace add {plugin_folder()}"


def test_every_hook_of_the_plugin_is_one_that_is_answered_and_none_can_fail() -> None:
    hooks = json.loads((plugin_folder() / "claude-code" / "hooks" / "hooks.json").read_text())["hooks"]
    assert set(hooks) == {"SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"}
    commands = {each["command"] for groups in hooks.values() for group in groups for each in group["hooks"]}
    assert commands == {"${REVERIE_COMMAND:-reverie} hook claude-code 2>/dev/null || true"}
    (command,) = commands
    for program in ("false", "no-such-program-anywhere"):
        done = subprocess.run(["sh", "-c", command], env={"REVERIE_COMMAND": program}, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
