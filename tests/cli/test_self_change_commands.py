"""``reverie agents bounds`` and ``changes`` against a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reverie.cli.agents import agents
from reverie.cli.remote import RemoteError
from reverie.errors import InputError

AGENT = "name: clerk\nmodel: large\n"
BOUNDS = "effort:\n  values: [low, medium, high]\n"


def invoke(*arguments: str, text: str | None = None) -> str:
    return CliRunner().invoke(agents, list(arguments), input=text, catch_exceptions=False).stdout


@pytest.mark.usefixtures("server")
def test_bounds_are_set_and_changes_asked_for_listed_and_taken_back(tmp_path: Path) -> None:
    (tmp_path / "clerk.yaml").write_text(AGENT)
    invoke("create", "--from", str(tmp_path / "clerk.yaml"))
    assert invoke("bounds", "show", "clerk").startswith("# no bounds: nothing may change\nlive:\n")
    assert invoke("bounds", "set", "clerk", "-", text=BOUNDS) == "version 1: may change effort\n"
    shown = invoke("bounds", "show", "clerk")
    assert invoke("bounds", "set", "clerk", "-", text=shown) == "version 2: may change effort\n"
    assert invoke("changes", "list", "clerk") == "No changes were asked for yet.\n"
    patch = "model: {effort: {type: medium}}"
    told = invoke("changes", "propose", "clerk", "-", "--reason", "it is slow", text=patch)
    change, _, what = told.partition(": ")
    assert what.startswith("effort: high → medium; tried as version 2\n")
    (listed,) = json.loads(invoke("changes", "list", "clerk", "--json"))
    assert (listed["id"], listed["state"]) == (change, "trial")
    assert invoke("changes", "revert", "clerk", change) == f"{change}: ended; it was never the agent's\n"
    assert "rejected  1 → 2" in invoke("changes", "list", "clerk")
    with pytest.raises(RemoteError, match="name: it is none of the parameters"):
        invoke("changes", "propose", "clerk", "-", "--reason", "more", text="name: boss")
    with pytest.raises(InputError, match="standard input: give an object"):
        invoke("bounds", "set", "clerk", "-", text="- 1")
