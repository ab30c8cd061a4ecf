"""What the graders know never reaches a session: a miner that reads it would be cheating."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.sessions.importers import RawRecord, SkippedFile, encode_line, parse_record, read_records

KEY = "SENTINEL"
CALL = {"id": "k", "function": {"name": "get_order_details", "arguments": "{}"}}

TAU_BENCH = {
    "task_id": 1,
    "trial": 0,
    "reward": 1.0,
    "traj": [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [CALL]}],
    "info": {
        "task": {
            "user_id": KEY,
            "instruction": KEY,
            "actions": [{"name": KEY, "kwargs": {KEY: KEY}}],
            "outputs": [KEY],
        },
        "source": KEY,
        "user_cost": 0.1,
        "traceback": KEY,
        "reward_info": {"reward": 1.0, "info": {"gt_data_hash": KEY}, "actions": [{"name": KEY}]},
    },
    "records": {"plan": [KEY], "postconditions": [KEY], KEY: KEY},
}
INTERCODE = {
    "environment": "ic_sql",
    "dataset": "spider.json",
    "task_id": 1,
    "query": "how many?",
    "gold": KEY,
    "turn_history": {
        "actions": ["SELECT 1"],
        "observations": ["[]"],
        "rewards": [0.123456],
        "valid_action": [True],
        "gold": [KEY],
    },
    "summary": {"max_reward": 1.0, "max_reward_idx": 987654, "turns_taken": 876543, "note": KEY},
    "info": {"eval_obs": KEY, "agent_obs": KEY, "reward": {"file_diff": 0.33}, "diff_miss": [KEY]},
}
TAU2_BENCH = {
    "id": "s",
    "task_id": "1",
    "termination_reason": "user_stop",
    "messages": [{"role": "user", "content": "hi", "raw_data": {"message": KEY}, "audio_script_gold": KEY}],
    "reward_info": {
        "reward": 1.0,
        "action_checks": [{"action": {"name": KEY}}],
        "nl_assertions": [KEY],
        "info": {KEY: 1},
    },
    "review": {"summary": KEY},
    "tasks": [{"evaluation_criteria": {"actions": [KEY]}}],
}
CLAUDE_CODE = {
    "type": "user",
    "sessionId": "s",
    "message": {"role": "user", "content": "hi"},
    "toolUseResult": KEY,
    "golden_hash": KEY,
    "predicted_hash": KEY,
    "path_match": KEY,
}


@pytest.mark.parametrize(
    ("format", "record"),
    [
        ("tau-bench", TAU_BENCH),
        ("tau2-bench", TAU2_BENCH),
        ("intercode", INTERCODE),
        ("claude-code", CLAUDE_CODE),
    ],
)
def test_no_answer_key_reaches_the_transcript(format: str, record: dict[str, Any]) -> None:
    data = json.dumps(record)
    assert KEY in data
    transcript = parse_record(RawRecord("f", 1, format, data.encode(), {"stem": "retail", "key": "1"}), {})
    exported = encode_line(transcript).decode()
    assert transcript.events
    assert not [secret for secret in (KEY, "0.123456", "987654", "876543", "0.33") if secret in exported]


def test_a_graders_file_beside_the_sessions_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "eval_results.json").write_text(json.dumps([{"task_id": "0", "golden_hash": KEY, "path_match": KEY}]))
    (tmp_path / "task_0.jsonl").write_text(json.dumps(CLAUDE_CODE))
    notice, record = read_records([tmp_path], format=None)
    assert isinstance(notice, SkippedFile)
    assert isinstance(record, RawRecord)
    assert KEY not in encode_line(parse_record(record, {})).decode()
