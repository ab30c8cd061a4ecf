"""``reverie agents roles`` against a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reverie.cli.agents import agents
from reverie.cli.remote import RemoteError
from reverie.errors import InputError

CLERK = "name: clerk\nmodel: large\n"
LEAD = "name: lead\nmodel: large\nmultiagent: {type: coordinator, agents: [clerk]}\n"
ROLES = "roles:\n- name: reader\n  brief: Find $what\n  agents:\n  - clerk\nmost_running:\n  clerk: 2\n"


def invoke(*arguments: str, text: str | None = None) -> str:
    return CliRunner().invoke(agents, list(arguments), input=text, catch_exceptions=False).stdout


@pytest.mark.usefixtures("server")
def test_roles_are_set_shown_as_they_can_be_set_again_and_listed(tmp_path: Path) -> None:
    for name, text in (("clerk", CLERK), ("lead", LEAD)):
        (tmp_path / f"{name}.yaml").write_text(text)
        invoke("create", "--from", str(tmp_path / f"{name}.yaml"))
    assert invoke("roles", "show", "lead") == "# no roles have been set\nroles: []\nmost_running: {}\n"
    assert invoke("roles", "set", "lead", "-", text=ROLES) == "version 1: reader\n"
    shown = invoke("roles", "show", "lead")
    assert invoke("roles", "set", "lead", "-", text=shown) == "version 2: reader\n"
    assert json.loads(invoke("roles", "show", "lead", "--version", "1", "--json"))["most_running"] == {"clerk": 2}
    assert [one["version"] for one in json.loads(invoke("roles", "versions", "lead", "--json"))] == [2, 1]
    assert invoke("roles", "versions", "lead").splitlines()[1].split()[0] == "2"
    with pytest.raises(InputError, match="standard input: role reader: brief: "):
        invoke("roles", "set", "lead", "-", text="- {name: reader, brief: $}")
    with pytest.raises(RemoteError, match="role reader: agents: 'eve' is not on the roster; known: clerk"):
        invoke("roles", "set", "lead", "-", text="- {name: reader, agents: [eve]}")
