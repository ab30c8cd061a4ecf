"""Sessions as the Managed Agents API gives them."""

import json
from pathlib import Path
from typing import Any

from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record, read_records

SESSION = {
    "id": "sesn_1", "type": "session", "created_at": "2026-01-01T10:00:00Z", "updated_at": "2026-01-01T10:00:09Z",
    "agent": {"id": "agent_1", "type": "agent", "name": "desk", "version": 3, "model": {"id": "some-model"}},
    "metadata": {"task_id": "t"}, "status": "idle", "title": "Order 7",
    "outcome_evaluations": [{"result": "satisfied"}, {"result": "failed"}, {"result": "running"}],
}  # fmt: skip


def event(id: str, kind: str, second: int, **fields: Any) -> dict[str, Any]:
    return {"id": id, "type": kind, "processed_at": f"2026-01-01T10:00:{second:02}Z", **fields}


def said(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


EVENTS = [
    event("sevt_a", "user.message", 1, content=said("Where is it?")),
    event("sevt_b", "session.status_running", 1),
    event("sevt_c", "agent.mcp_tool_use", 2, name="find", input={"id": 7}, mcp_server_name="orders"),
    event("sevt_d", "agent.mcp_tool_result", 3, mcp_tool_use_id="sevt_c", content=said("sent"), is_error=False),
    event("sevt_e", "session.thread_created", 4, session_thread_id="sthr_1", agent_name="helper"),
    event("sevt_f", "agent.message", 5, content=said("Looking."), thread="helper"),
    event("sevt_g", "agent.dance", 6),
    event("sevt_h", "agent.tool_use", 6, name="no input"),
    event("sevt_i", "agent.message", 7, content=said("On its way.")),
]


def test_a_session_is_read_with_its_threads_and_what_is_odd_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text(json.dumps({"managed_agents_session": SESSION, "events": EVENTS}) + "\n", encoding="utf-8")
    (record,) = read_records([path], format=None)
    assert isinstance(record, RawRecord) and record.format == "managed-agents"
    warnings: list[ImportProblem] = []
    transcript = parse_record(record, {}, warnings)
    assert [(one.type, text_of(one), one.thread_id) for one in transcript.events] == [
        ("user.message", "Where is it?", None),
        ("agent.tool_use", "", None),
        ("agent.tool_result", "sent", None),
        ("session.thread_created", "", None),
        ("agent.message", "Looking.", "helper"),
        ("agent.message", "On its way.", None),
    ]
    assert transcript.events[2].payload["tool_use_id"] == event_id("sesn_1", 1)
    assert [(score.metric, score.value) for score in transcript.scores] == [("outcome", 0.5)]
    one = transcript.session
    assert (one.id, one.agent, one.agent_version, one.model, one.task_id) == ("sesn_1", "desk", "3", "some-model", "t")
    assert [warning.reason for warning in warnings] == [
        "events[7], agent.tool_use: events[0].payload must have name (text) and input (an object); it is left out",
        "1 × event agent.dance: not known, left out",
    ]
