"""``reverie teams`` against a server, and how a router is told of."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reverie.cli.agents import agents
from reverie.cli.remote import RemoteError
from reverie.cli.teams import routing_lines, teams

CELL = {"family": "sql", "agent": "ann", "drawn": 4, "chosen": 1, "mean": 0.5, "low": 0.2, "high": 0.8}
LEVEL = {"agreeing": 2, "asked": 3, "settled_by": "vote", "models": ["large", "small"]}
EVEN = {"estimate": 0.4, "low": 0.3, "high": 0.5, "draws": 40, "effective": 35.0, "can_tell": True}
REPORT = {
    "is_on": True,
    "version": 3,
    "draws": 40,
    "own": 4,
    "mean": 0.6,
    "even": EVEN,
    "cells": [{**CELL, "probability": 0.7, "is_better": True}],
    "checks": [
        {"level": LEVEL, "scored": 3, "reliability": None},
        {"level": LEVEL, "scored": 40, "reliability": {"value": 0.9, "low": 0.8, "high": 0.95}},
    ],
    "team": "not shown",
}


def invoke(*arguments: str) -> str:
    return CliRunner().invoke(teams, list(arguments), catch_exceptions=False).stdout


@pytest.mark.usefixtures("server")
def test_routing_of_an_agent_is_printed_and_given_as_json(tmp_path: Path) -> None:
    (tmp_path / "clerk.yaml").write_text("name: clerk\nmodel: large\n")
    CliRunner().invoke(agents, ["create", "--from", str(tmp_path / "clerk.yaml")], catch_exceptions=False)
    printed = invoke("routing", "clerk")
    assert printed.startswith("routing is off (metadata reverie_routing: on")
    assert "team against one agent: not shown" in printed
    report = json.loads(invoke("routing", "clerk", "--json"))
    assert (report["type"], report["is_on"], report["version"], report["cells"]) == ("agent_routing", False, 0, [])
    with pytest.raises(RemoteError, match="no agent 'nobody' is there"):
        invoke("routing", "nobody")


def test_a_table_says_counts_mean_probability_and_what_is_shown_to_be_better() -> None:
    first, *table = "\n".join(routing_lines(REPORT)).splitlines()
    assert first == (
        "routing is on; version 3, 40 draws with an outcome, 4 of them their own; they earned 0.600 each, "
        "even draws 0.400 [0.300, 0.500]"
    )
    assert table[1].split() == ["sql", "ann", "4", "1", "0.50", "[0.20,", "0.80]", "70%", "better"]
    assert table[2:4] == [
        "2 of 3 agreed (vote; large, small): not calibrated yet, 3 checks were scored",
        "2 of 3 agreed (vote; large, small): right 0.90 [0.80, 0.95], 40 checks",
    ]
    assert table[-1] == "team against one agent: not shown"


def test_what_too_few_draws_carry_is_not_told_as_a_number() -> None:
    few = {**REPORT, "even": {**EVEN, "effective": 6.2, "can_tell": False}}
    assert routing_lines(few)[0].endswith("what even draws would have earned cannot be told yet")
