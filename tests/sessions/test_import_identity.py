"""Sessions that an earlier version stored are known again: their ids and hashes are what that version derived."""

import json
from typing import Any

import pytest

from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.importers.registry import identity_of
from reverie.sessions.session import content_sha256

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Where is order 17?"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"id": 17}'}},
        {"id": "c2", "type": "function", "function": {"name": "find_order", "arguments": '{"id": 18}'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "Error: order not found"},
    {"role": "tool", "tool_call_id": "c2", "content": '{"error": null, "state": "shipped"}'},
    {"role": "assistant", "content": "It has been shipped.", "usage": {"prompt_tokens": 12, "completion_tokens": 3}},
]  # fmt: skip
HISTORY = {
    "actions": ["execute[SELECT 1]", "SELEC", "submit"],
    "observations": ["[(1,)]", "Error executing query: syntax error", "Error executing query"],
    "valid_action": [True, True, True],
    "rewards": [0, 0, 1],
}


@pytest.mark.parametrize(
    ("format", "stem", "row", "session_id", "sha256"),
    [
        ("chat", "", {"messages": MESSAGES}, "sesn_M5Yrs0MKAAC6AMlxqpT2VUX2",
         "53c39e4d0ed99d65d3a334b854bf60e03e66e2bed6d6906b39f573cc8e7d57c1"),
        ("tau-bench", "gpt-4o-airline", {"task_id": 7, "traj": MESSAGES, "reward": 1}, "sesn_xZgyYLuR1HvpV8aQ1tM0W56M",
         "9e36bd5d1146b3e84777678d949bcdfc6e592fbdebd510bac8574840c5a63976"),
        ("intercode", "ic_sql_react_gpt-4_10_turns",
         {"environment": "sql", "task_id": 3, "query": "count them", "turn_history": HISTORY},
         "sesn_p1FxuiHFnTpPT82ot4VBOFai", "eeeec06be0f4948e68d203de2919ea152058d121f3ac17291aa1b0717b189667"),
    ],
)  # fmt: skip
def test_ids_and_hashes_are_those_of_the_version_that_guessed_failures(
    format: str, stem: str, row: dict[str, Any], session_id: str, sha256: str
) -> None:
    # Written down from commit 170875a, the last that wrote its guess into the events.
    transcript = parse_record(RawRecord("f", 1, format, json.dumps(row).encode(), {"stem": stem}), {})
    assert transcript.session.id == session_id
    assert content_sha256(identity_of(format, transcript.events)) == sha256


def test_a_guess_is_part_of_the_identity_and_not_of_the_event() -> None:
    transcript = parse_record(RawRecord("f", 1, "chat", json.dumps({"messages": MESSAGES}).encode()), {})
    results = [event for event in transcript.events if event.type == "agent.tool_result"]
    assert ["is_error" in event.payload for event in results] == [False, False]
    assert [event.payload["is_error"] for event in identity_of("chat", results)] == [True, False]
