"""Records in the layout of the public ones: read, compared, and passed over where absent."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import msgspec
from evaluation.blame import MAJORITY, TERMINAL, judge_rules, read_failures
from evaluation.calibration import WITH_LESSONS, WITHOUT, compare_arms
from evaluation.traces import TRACE_SETS, TraceSet, read_traces


def write_arm(folder: Path, *trials: list[bool]) -> None:
    folder.mkdir(parents=True)
    for number, solved in enumerate(trials):
        rows = [{"name": f"env_{i}", "memory": [], "is_success": done} for i, done in enumerate(solved)]
        (folder / f"env_results_trial_{number}.json.gz").write_bytes(gzip.compress(msgspec.json.encode(rows)))


def test_arms_are_compared_task_by_task_after_equally_many_attempts(tmp_path: Path) -> None:
    write_arm(tmp_path / WITH_LESSONS, [True, False, False, False], [True, True, True, False], [True] * 4)
    write_arm(tmp_path / WITHOUT, [True, False, False, False], [True, False, False, True])
    rows = compare_arms(tmp_path)
    assert rows is not None
    assert [(row.solved_with, row.solved_without) for row in rows] == [(1, 1), (3, 2)]
    assert (rows[1].gain.only_first, rows[1].gain.only_second) == (2, 1)


def test_absent_records_are_nothing(tmp_path: Path) -> None:
    assert compare_arms(tmp_path) is None
    assert all(read_traces(each, tmp_path) is None for each in TRACE_SETS)


def failure(step: int, agent: str) -> dict[str, Any]:
    """The clerk makes a figure up; the checker's code fails later; the clerk ends it."""
    turns = [
        ("clerk", "You are given: count the ships of 1905."),
        ("clerk", "There were 41 ships."),
        ("checker", "```python\nprint(41)\n```"),
        (TERMINAL, "exitcode: 1 (execution failed)"),
        ("clerk", "TERMINATE"),
    ]
    return {
        "question": "How many ships in 1905?",
        "history": [{"name": name, "role": "assistant", "content": text} for name, text in turns],
        "mistake_agent": agent,
        "mistake_step": str(step),
        "ground_truth": "39",
    }


def test_rules_are_marked_against_the_labels(tmp_path: Path) -> None:
    archive = tmp_path / "failures.tar.gz"
    with tarfile.open(archive, "w:gz") as members:
        for number, row in enumerate([failure(1, "clerk"), failure(2, "checker")]):
            content = msgspec.json.encode(row)
            info = tarfile.TarInfo(f"runs/{number}.json")
            info.size = len(content)
            members.addfile(info, io.BytesIO(content))
    rows = {row.rule: row for row in judge_rules(list(read_failures(archive)))}
    marks = {rule: (row.agents, row.steps) for rule, row in rows.items()}
    assert marks == {
        "reverie": (1, 1),
        "first error": (1, 1),
        "most active agent": (1, 0),
        "last agent": (1, 0),
        MAJORITY: (0, 0),
    }
    assert rows["last agent"].step_gain.difference == 0.5


def test_scores_kept_apart_are_joined_and_runs_of_one_task_share_a_stratum(tmp_path: Path) -> None:
    line = {"type": "user", "uuid": "a", "sessionId": "s", "timestamp": "2025-01-01T00:00:00Z", "version": "1"}
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        message = {"role": "user", "content": f"Do it, {run}."}
        row = line | {"sessionId": f"{run}-id", "message": message, "cwd": "/", "parentUuid": None}
        reply = {"role": "assistant", "model": "m", "content": [{"type": "text", "text": "Done."}]}
        answer = row | {"type": "assistant", "uuid": "b", "parentUuid": "a", "message": reply}
        content = msgspec.json.encode(row) + b"\n" + msgspec.json.encode(answer) + b"\n"
        (tmp_path / run / "task_3.jsonl").write_bytes(content)
        score = {"task_id": 3, "db_match": run == "first", "communicate_match": None}
        (tmp_path / f"{run}.json").write_bytes(msgspec.json.encode([score]))
    read = read_traces(TraceSet("runs", ("first", "second"), ("first.json", "second.json")), tmp_path)
    assert read is not None
    assert [each.reward for each in read.sessions] == [0.0, 1.0]
    assert {each.session.task_id for each in read.sessions} == {"task_3"}
    assert {each.session.agent_version for each in read.sessions} == {"first", "second"}
