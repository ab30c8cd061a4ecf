"""The coordinator of the planted team follows words, and blame is marked against who erred."""

import pytest
from evaluation.blame import MAJORITY, judge_rules, planted_failures
from evaluation.tables import blame_table
from evaluation.team import follow

NOTHING = {"done": False, "format": True, "long": False, "twice": True}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("When you call in `writer`, say when it is done and how it will be checked.", {"done": True}),
        ("When you call in `writer`, do not say in which form to answer.", {"format": False}),
        ("When you call in `writer`, say how much it may take at most.", {"long": True}),
        ("Do not have two agents make the same `search_sources` call instead of passing on what it returned.",
         {"twice": False}),
        ("When you call in `critic`, say when it is done and how it will be checked.", {}),
        ("When the last tool call failed, say when it is done.", {}),
        ("Thank the user.", {}),
    ],
)  # fmt: skip
def test_a_coordinator_says_what_the_words_name_and_nothing_else(text: str, changed: dict[str, bool]) -> None:
    assert follow(text, NOTHING) == {**NOTHING, **changed}


def test_blame_in_the_planted_team_is_right_more_often_than_of_the_last_speaker() -> None:
    rows = {row.rule: row for row in judge_rules(list(planted_failures(1)))}
    assert rows["last agent"].agent_gain.low > 0.2
    assert rows[MAJORITY].agent_gain.low > 0.0
    assert rows["reverie"].steps is None


def test_a_table_of_blame_leaves_steps_open_where_only_agents_are_known() -> None:
    table = blame_table(judge_rules(list(planted_failures(1, sessions=300))))
    assert "| reverie | " in table and "| – | – | – |" in table
