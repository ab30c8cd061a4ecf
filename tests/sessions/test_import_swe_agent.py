"""Trajectories of SWE-agent, old and new, and of mini-swe-agent."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript

DATA = Path(os.environ.get("REVERIE_DATA", "data")) / "multi-swe-java"
"""Real trajectories, where somebody has them."""

HISTORY = [
    {"role": "system", "content": "You are a programmer.", "agent": "primary"},
    {"role": "user", "content": "A demonstration.", "is_demo": True, "agent": "primary"},
    {"role": "user", "content": "ISSUE: it fails", "agent": "primary"},
    {"role": "assistant", "content": "Look. ```ls```", "thought": "Look.", "action": "ls -F\n", "agent": "primary"},
    {"role": "user", "content": "Old output omitted (1 line)", "agent": "primary"},
]
STEPS: list[dict[str, Any]] = [
    {"action": "ls -F\n", "observation": "a.py", "response": "Look. ```ls```", "state": "{}", "thought": "Look."},
    {"action": "open a.py", "observation": "1:x", "response": "", "thought": "", "execution_time": 0.1},
    {"action": "", "observation": "Your output was not formatted correctly.", "response": "Hm.", "thought": ""},
    {"action": "submit\n", "observation": "diff --git", "response": "Done.", "thought": "Done."},
]
STATS = {"tokens_sent": 100, "tokens_received": 10, "instance_cost": 0.5, "total_cost": 9.0, "api_calls": 4}
INFO = {"exit_status": "submitted", "submission": "diff --git", "model_stats": STATS}
TRAJ = {"environment": "swe_main", "trajectory": STEPS, "history": HISTORY, "info": INFO}
CALL = {"id": "c1", "type": "function", "function": {"name": "str_replace_editor", "arguments": '{"command": "view"}'}}
NEW = {
    "environment": "main",
    "trajectory": [{"action": "str_replace_editor view", "observation": "x", "thought": "See.", "state": {}}],
    "history": [
        *HISTORY[:1],
        {"role": "user", "content": [{"type": "text", "text": "ISSUE"}], "message_type": "observation"},
        {"role": "assistant", "action": "str_replace_editor view", "tool_calls": [CALL],
         "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
    ],
    "info": {**INFO, "swe_agent_version": "1.1.0", "exit_status": "exit_cost", "submission": None},
    "replay_config": json.dumps({"agent": {"model": {"name": "gpt-5.1"}}, "problem_statement": {"id": "shop__cart-7"}}),
}  # fmt: skip
LS = {"name": "bash", "arguments": '{"command": "ls"}'}
MINI: dict[str, Any] = {
    "info": {"exit_status": "Submitted", "submission": "diff", "mini_version": "2.4.6",
             "config": {"model": {"model_name": "openai/gpt-5.1"}}},
    "messages": [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "Solve: it fails"},
        {"role": "assistant", "content": "Look.", "tool_calls": [{"id": "c1", "function": LS}],
         "extra": {"actions": [{"command": "ls", "tool_call_id": "c1"}], "cost": 0.25, "timestamp": 1772359200.5}},
        {"role": "tool", "tool_call_id": "c1", "content": "<returncode>2</returncode>",
         "extra": {"returncode": 2, "timestamp": 1772359201}},
        {"role": "assistant", "content": "THOUGHT: once more\n\n```bash\nls -l\n```"},
        {"role": "user", "content": "<returncode>0</returncode>\n<output>a.py</output>"},
        {"role": "user", "content": "Please always provide EXACTLY ONE action."},
        {"role": "user", "content": "use grep", "extra": {"interrupt_type": "UserInterruption"}},
        {"role": "exit", "content": "diff", "extra": {"exit_status": "Submitted"}},
    ],
    "trajectory_format": "mini-swe-agent-1.1",
}  # fmt: skip


def parse(row: dict[str, Any], stem: str = "shop__cart-3.traj", path: str = "f") -> Transcript:
    return parse_record(
        RawRecord(path, 1, "swe-agent", json.dumps(row).encode(), {"stem": stem, "folder": "trajs"}), {}
    )


def shown(transcript: Transcript) -> list[tuple[str, str]]:
    return [(event.type, text_of(event) or event.payload.get("name", "")) for event in transcript.events]


def test_the_steps_are_the_trajectorys_and_the_instructions_the_historys() -> None:
    transcript = parse(TRAJ, path="runs/gpt-4o__x/trajs/f.traj")
    session = transcript.session
    assert (session.agent, session.model, session.task_id) == ("swe-agent", "gpt-4o", "shop__cart-3")
    assert session.metadata == {"exit_status": "submitted", "submitted": "yes", "environment": "swe_main"}
    assert shown(transcript) == [
        ("system.message", "You are a programmer."),
        ("system.message", "A demonstration."),
        ("user.message", "ISSUE: it fails"),
        ("agent.thinking", "Look."),
        ("agent.tool_use", "bash"),
        ("agent.tool_result", "a.py"),
        ("agent.tool_use", "open"),
        ("agent.tool_result", "1:x"),
        ("agent.thinking", "Hm."),
        ("system.message", "Your output was not formatted correctly."),
        ("agent.thinking", "Done."),
        ("agent.tool_use", "submit"),
        ("agent.tool_result", "diff --git"),
        ("span.model_request_end", ""),
    ]
    assert transcript.events[-1].payload["model_usage"]["input_tokens"] == 100
    assert transcript.events[-1].payload["cost_usd"] == 0.5


def test_calls_of_newer_versions_are_kept_as_the_model_made_them() -> None:
    transcript = parse(NEW)
    session = transcript.session
    assert (session.agent_version, session.model, session.task_id) == ("1.1.0", "gpt-5.1", "shop__cart-7")
    assert session.metadata == {"exit_status": "exit_cost", "submitted": "no", "environment": "main"}
    assert [text for _, text in shown(transcript)][2:5] == ["Hm.", "See.", "str_replace_editor"]
    assert transcript.events[4].payload["input"] == {"command": "view"}


def test_a_run_that_goes_on_has_no_sum_yet_so_that_it_can_grow() -> None:
    begun = {**TRAJ, "trajectory": STEPS[:2], "info": {"model_stats": STATS}}
    assert shown(parse(begun)) == shown(parse(TRAJ))[:8]


def test_a_run_that_goes_on_keeps_its_id_where_the_file_tells_it_from_another_run() -> None:
    timed = [{**step, "execution_time": 0.23963} for step in STEPS]
    runs = [{**TRAJ, "trajectory": timed[:end]} for end in (1, 4)]
    other = {**TRAJ, "trajectory": [{**STEPS[0], "execution_time": 0.5}]}
    ids = [parse(run).session.id for run in (*runs, other)]
    assert ids[0] == ids[1] != ids[2]
    assert parse({**MINI, "messages": MINI["messages"][:4]}).session.id == parse(MINI).session.id


def test_messages_of_mini_swe_agent_are_told_apart() -> None:
    transcript = parse(MINI, "shop__cart-3.traj")
    session = transcript.session
    assert (session.agent, session.agent_version, session.model) == ("mini-swe-agent", "2.4.6", "openai/gpt-5.1")
    assert (session.task_id, session.metadata) == ("shop__cart-3", {"exit_status": "Submitted", "submitted": "yes"})
    assert shown(transcript) == [
        ("system.message", "You are helpful."),
        ("user.message", "Solve: it fails"),
        ("agent.message", "Look."),
        ("agent.tool_use", "bash"),
        ("span.model_request_end", ""),
        ("agent.tool_result", "<returncode>2</returncode>"),
        ("agent.message", "THOUGHT: once more"),
        ("agent.tool_use", "bash"),
        ("agent.tool_result", "<returncode>0</returncode>\n<output>a.py</output>"),
        ("system.message", "Please always provide EXACTLY ONE action."),
        ("user.message", "use grep"),
    ]
    results = [event.payload["is_error"] for event in transcript.events if event.type == "agent.tool_result"]
    assert results == [True, False]


@pytest.mark.parametrize("row", [TRAJ, NEW, MINI, {"attempts": [TRAJ], "info": INFO}])
@pytest.mark.parametrize("indent", [None, 2])
def test_each_form_is_found_by_its_content(row: dict[str, Any], indent: int | None, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(json.dumps(row, indent=indent))
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    assert (record.format, record.context) == ("swe-agent", {"stem": "x", "folder": tmp_path.name})


@given(st.data())
def test_a_file_cut_within_its_steps_is_a_beginning_of_the_whole(data: st.DataObject) -> None:
    ordered = {"history": HISTORY, "trajectory": STEPS, "info": INFO}
    text = json.dumps(ordered, indent=1)
    end = data.draw(st.integers(text.index('"trajectory"') + 20, text.index('"info"') - 10))
    whole = shown(parse(ordered))
    with TemporaryDirectory() as folder:
        (Path(folder) / "cut.traj").write_text(text[:end])
        (record,) = read_records([Path(folder)], format=None)
    assert isinstance(record, RawRecord)
    assert record.context["broken_off"] == "the JSON breaks off; what came before was read"
    begun = shown(parse_record(record, {}))
    assert begun == whole[: len(begun)]


def test_odd_steps_cost_themselves() -> None:
    warnings: list[ImportProblem] = []
    row = {**TRAJ, "trajectory": [STEPS[0], "odd", {}, STEPS[3]], "history": "none"}
    transcript = parse_record(RawRecord("f", 1, "swe-agent", json.dumps(row).encode()), {}, warnings)
    assert [warning.reason for warning in warnings] == [
        "history is not a list; it is left out",
        "trajectory[1] is not an object; it is left out",
        "trajectory[2] has neither action nor observation",
    ]
    assert len(transcript.events) == 7


@pytest.mark.skipif(not DATA.exists(), reason="set REVERIE_DATA to the folder of real sessions")
def test_every_real_trajectory_is_read() -> None:
    records = [item for item in read_records([DATA], format="swe-agent") if isinstance(item, RawRecord)]
    transcripts = [parse_record(record, {}) for record in records]
    assert len(transcripts) == 183
    assert {transcript.session.model for transcript in transcripts} >= {"gpt-4o-2024-05-13", "gpt-4o-mini-2024-07-18"}
    assert all(any(event.type == "agent.tool_use" for event in transcript.events) for transcript in transcripts)
