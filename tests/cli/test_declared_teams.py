"""``reverie teams create``, ``list`` and ``show``, and ``reverie dream --team``."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from reverie.cli.dream import dream
from reverie.cli.memory import memory
from reverie.cli.sessions import import_sessions
from reverie.cli.teams import teams
from reverie.errors import NotFoundError
from tests.jobs.commands import run
from tests.jobs.team_desk import team_desk

MEMBERS = ("--member", "writer=writer's notes", "--member", "critic=critic's notes", "--member", "clerk")


@pytest.fixture(autouse=True)
def user(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work on the test's own database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")


def test_a_team_is_declared_listed_and_shown() -> None:
    assert run(teams, "list").startswith("There is no team yet")
    printed = run(teams, "create", "desk", *MEMBERS)
    name, shares, *members = printed.splitlines()
    assert name.startswith("desk  team_") and shares.startswith("    shares desk  memstore_")
    assert shares.endswith("(live trials: act)")
    assert members[0].startswith("    writer: writer's notes  memstore_")
    assert members[2] == "    clerk: no store of its own"
    assert run(teams, "list") == run(teams, "show", "desk") == printed
    told = json.loads(run(teams, "show", "desk", "--json"))
    assert json.loads(run(teams, "list", "--json")) == {"teams": [told]}
    assert [one["agent"] for one in told["members"]] == ["writer", "critic", "clerk"]
    assert told["members"][2]["memory_store_id"] is None and told["store"] == "desk"


def test_where_the_teams_trials_are_off_it_is_said_that_offers_wait() -> None:
    run(memory, "create", "shared")
    printed = run(teams, "create", "desk", *MEMBERS, "--store", "shared")
    assert "(live trials: off)" in printed and "What is offered to the store waits" in printed


def test_a_team_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(NotFoundError, match="no team 'night'"):
        run(teams, "show", "night")
    with pytest.raises(NotFoundError, match="no team 'night'"):
        run(dream, "--team", "night")


def test_a_joint_dream_says_what_went_into_each_store(tmp_path: Path) -> None:
    run(import_sessions, str(team_desk(tmp_path / "desk.jsonl")))
    run(teams, "create", "desk", *MEMBERS)
    printed = run(dream, "--team", "desk", "--report", str(tmp_path / "report.html"))
    assert "Team 'desk', dream drm_" in printed
    assert "'desk' (of the team): nothing to change, 0 changes; 0 lessons adopted, 3 in trial" in printed
    assert "'writer's notes' (of writer): revision 1" in printed.replace('"', "'")
    rows = [re.split(r"  +", line) for line in printed.splitlines() if line.endswith("  First call `verify`")]
    assert sorted(row[:3] for row in rows) == [
        ["adopted", "critic's notes", "critic"],
        ["in trial", "desk", "all"],
        ["in trial", "desk", "clerk"],
    ]
    assert "Where lessons went" in (tmp_path / "report.html").read_text(encoding="utf-8")
    again = json.loads(run(dream, "--team", "desk", "--json"))
    assert again["team"] == "desk" and [store["revision"] for store in again["stores"]] == [None, None, None]
    assert {place["way"] for place in again["placed"]} >= {"own", "offered", "held back"}


@pytest.mark.parametrize("store", [("other",), ("--store", "other")])
def test_a_team_and_a_store_are_not_named_together(store: tuple[str, ...]) -> None:
    result = CliRunner().invoke(dream, ["--team", "desk", *store])
    assert result.exit_code == 2 and "give --team or a store, not both" in result.output
