"""Training priorities, through a whole dream."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from reverie.cli.dream import dream
from reverie.cli.sessions import import_sessions
from reverie.ids import event_id

MADE_UP = 3
"""Sequence number of the message that states what nobody had looked up."""


def session(task: int, run: int) -> dict[str, Any]:
    """Refunds fail, as the agent makes up an amount; deliveries do well."""
    refund = task % 2 == 0
    call = {"id": "c", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
    said = "You get 48.50 back." if refund else "It is on its way."
    return {
        "id": f"t{task}-{run}",
        "messages": [
            {"role": "user", "content": "Please see to my order."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "found"},
            {"role": "assistant", "content": said},
        ],
        "reward": float(run % 4 == 0 if refund else run % 4 != 0),
        "metadata": {"task_id": f"t{task}", "task_category": "refund" if refund else "delivery", "model": "m"},
    }


def test_a_priority_points_at_the_step_of_each_failed_example_that_a_rule_of_thumb_blames(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    path, report = tmp_path / "desk.jsonl", tmp_path / "report.html"
    path.write_bytes(b"".join(msgspec.json.encode(session(t, r)) + b"\n" for t in range(40) for r in range(8)))
    CliRunner().invoke(import_sessions, [str(path)], catch_exceptions=False)
    told = CliRunner().invoke(dream, ["--json", "--report", str(report)], catch_exceptions=False).stdout
    priority = next(x for x in msgspec.json.decode(told)["lessons"] if x["behaviour"] == "category:refund")
    assert priority["status"] == "candidate"
    for example in priority["evidence"]:
        assert example["event_id"] == event_id(example["session_id"], MADE_UP)
        assert example["hint"].startswith("look first at this step: states 48.50, which nothing before it mentions")
    page = report.read_text(encoding="utf-8")
    assert "a hint: look here first" in page
    assert "the deciding event" not in page.partition('id="evidence"')[2].partition('id="reading"')[0]
