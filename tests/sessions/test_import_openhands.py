"""Sessions of OpenHands, of version 0 and of version 1: folders of events, trajectories, outputs of evaluations."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, encode_line, parse_record, read_records
from reverie.sessions.session import Score, Transcript

SECRET = "SENTINEL"


def event(id: int, source: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "timestamp": f"2026-03-01T10:00:{id:02}.5", "source": source, "message": "", **fields}


def action(id: int, kind: str, source: str = "agent", **args: Any) -> dict[str, Any]:
    return event(id, source, action=kind, args=args)


def observation(id: int, kind: str, cause: int | None, content: str, **extras: Any) -> dict[str, Any]:
    known = {"cause": cause} if cause is not None else {}
    return event(id, "environment", observation=kind, content=content, extras=extras, **known)


FUNCTION = {"name": "execute_bash", "arguments": '{"command": "make test"}'}
ASKED = {
    "function_name": "execute_bash", "tool_call_id": "c1", "total_calls_in_response": 1,
    "model_response": {"id": "r1", "model": "gpt-4o", "choices": [
        {"message": {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": FUNCTION}]}}]},
}  # fmt: skip
SPENT = {
    "accumulated_cost": 0.5,
    "accumulated_token_usage": {"prompt_tokens": 10, "completion_tokens": 2, "cache_read_tokens": 4},
}
KNOWN = [{"name": "git", "trigger": "git", "content": "Use branches."}]
STREAM = [
    action(0, "system", content="You are OpenHands.", agent_class="CodeActAgent", openhands_version="0.62.0"),
    action(1, "message", "user", content="mend it"),
    action(2, "recall", "user", query="mend it"),
    observation(3, "recall", 2, "Added microagent knowledge", microagent_knowledge=KNOWN),
    event(4, "environment", observation="agent_state_changed", content="", extras={"agent_state": "running"}),
    {**action(5, "run", command="make test", thought="Test first.", blocking=False, hidden=False),
     "tool_call_metadata": ASKED, "llm_metrics": SPENT},
    observation(6, "run", 5, "1 failed", command="make test", metadata={"exit_code": 2}),
    {**action(7, "read", path="a.py", thought="", security_risk=0), "llm_metrics": {**SPENT, "accumulated_cost": 0.75}},
    observation(8, "error", 7, "no such file", error_id=""),
    action(9, "think", thought="Hm."),
    observation(10, "think", 9, "Your thought has been logged."),
    action(11, "delegate", agent="BrowsingAgent", inputs={"task": "look"}, thought=""),
    action(12, "browse", url="http://x", thought=""),
    observation(13, "browse", 12, "a page"),
    observation(14, "delegate", 11, "found", outputs={}),
    action(15, "finish", final_thought="Mended.", outputs={}, thought=""),
    event(16, "environment", observation="agent_state_changed", content="", extras={"agent_state": "finished"}),
]  # fmt: skip
EVENTS = [
    ("system.message", None, "You are OpenHands."),
    ("user.message", None, "mend it"),
    ("system.message", None, "Use branches."),
    ("agent.thinking", None, "Test first."),
    ("agent.tool_use", None, "execute_bash"),
    ("span.model_request_end", None, ""),
    ("agent.tool_result", None, "1 failed"),
    ("agent.tool_use", None, "read"),
    ("span.model_request_end", None, ""),
    ("agent.tool_result", None, "no such file"),
    ("agent.thinking", None, "Hm."),
    ("agent.tool_use", None, "delegate"),
    ("session.thread_created", None, ""),
    ("agent.tool_use", "BrowsingAgent", "browse"),
    ("agent.tool_result", "BrowsingAgent", "a page"),
    ("agent.tool_result", None, "found"),
    ("agent.message", None, "Mended."),
]


def shown(transcript: Transcript) -> list[tuple[str, str | None, str]]:
    results = ("agent.tool_result",)
    return [
        (one.type, one.thread_id, text_of(one) or ("" if one.type in results else one.payload.get("name", "")))
        for one in transcript.events
    ]


def imported(folder: Path) -> tuple[list[Transcript], list[ImportProblem]]:
    items = list(read_records([folder], format=None))
    records = [item for item in items if isinstance(item, RawRecord)]
    assert {record.format for record in records} == {"openhands"}
    return [parse_record(record, {}) for record in records], [i for i in items if isinstance(i, ImportProblem)]


def write(folder: Path, **files: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / f"{name.strip('_')}.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


def test_a_folder_of_events_is_a_session_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write(tmp_path / "sess-7" / "events", **{f"_{one['id']}": one for one in STREAM})
    write(tmp_path / "sess-7" / "event_cache", **{"0-5": STREAM[:5]})
    (transcript,), problems = imported(tmp_path)
    session = transcript.session
    assert (problems, shown(transcript)) == ([], EVENTS)
    assert (session.id, session.agent, session.agent_version, session.model) == (
        "sess-7", "CodeActAgent", "0.62.0", "gpt-4o"
    )  # fmt: skip


def test_calls_results_and_sums_are_as_the_events_say(tmp_path: Path) -> None:
    write(tmp_path / "sess-7" / "events", **{f"_{one['id']}": one for one in STREAM})
    ((transcript,), _) = imported(tmp_path)
    call, first, result, _, second, failed = (transcript.events[place].payload for place in (4, 5, 6, 7, 8, 9))
    assert (call["input"], call["tool_call_id"]) == ({"command": "make test"}, "c1")
    assert (result["tool_use_id"], result["is_error"]) == (event_id("sess-7", 4), True)
    assert (first["model_usage"]["input_tokens"], first["cost_usd"]) == (6, 0.5)
    assert (second["model_usage"]["input_tokens"], second["cost_usd"]) == (0, 0.25)
    assert failed["is_error"] is True
    assert transcript.events[12].payload["tool_use_id"] == event_id("sess-7", 11)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(STREAM),
        json.dumps(STREAM, indent=2),
        json.dumps({"trajectory": STREAM}),
        "\n".join(json.dumps(one) for one in (*STREAM[:3], *STREAM[2:])),
    ],
)
def test_a_trajectory_in_one_file_is_the_same_session(text: str, tmp_path: Path) -> None:
    write(tmp_path, trajectory=text)
    write(tmp_path / "sub", other=json.dumps(STREAM[:7]))
    (whole, begun), problems = imported(tmp_path)
    assert (problems, shown(whole)) == ([], EVENTS)
    assert shown(begun) == EVENTS[:7]
    assert whole.session.id == begun.session.id


def test_a_line_of_an_evaluation_has_its_task_and_whether_it_was_solved(tmp_path: Path) -> None:
    row = {
        "instance_id": "shop__cart-7", "instruction": "mend it", "error": None, "metrics": {"accumulated_cost": 0.75},
        "metadata": {"agent_class": "CodeActAgent", "dataset": "SWE-bench", "llm_config": {"model": "gpt-5.1"}},
        "instance": {"patch": SECRET, "test_patch": SECRET},
        "test_result": {"git_patch": "diff", "report": {"resolved": True, "test_output": SECRET}},
    }  # fmt: skip
    pairs = [[STREAM[5], STREAM[6]]]
    (tmp_path / "output.jsonl").write_text("\n".join(json.dumps({**row, "history": h}) for h in (STREAM, pairs)))
    (new, old), _ = imported(tmp_path)
    assert (new.session.task_id, new.session.task_category, new.session.model) == (
        "shop__cart-7",
        "SWE-bench",
        "gpt-5.1",
    )
    assert new.scores == (Score("reward", 1.0),)
    assert shown(new) == EVENTS
    assert [kind for kind, _, _ in shown(old)][:2] == ["user.message", "agent.thinking"]
    assert SECRET not in encode_line(new).decode()


def told(second: int, kind: str, source: str = "agent", **fields: Any) -> dict[str, Any]:
    return {"id": f"e-{second}", "timestamp": f"2026-03-01T10:00:{second:02}", "source": source, "kind": kind, **fields}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "cache_prompt": False}


BASH = {"id": "c1", "name": "terminal", "arguments": '{"command": "make test"}', "origin": "completion"}
USED = {"prompt_tokens": 10, "completion_tokens": 2, "cache_read_tokens": 4, "cache_write_tokens": 0}
STATS = {
    "usage_to_metrics": {"agent": {"model_name": "gpt-5.1", "accumulated_cost": 0.5, "accumulated_token_usage": USED}}
}
CONVERSATION = [
    told(0, "SystemPromptEvent", system_prompt=text("You are OpenHands."), tools=[], dynamic_context=text("Repo.")),
    told(1, "MessageEvent", "user", llm_message={"role": "user", "content": [text("mend it")]},
         extended_content=[text("Hint.")]),
    told(2, "ActionEvent", thought=[text("<think>Plan.</think>Run it.")], reasoning_content="Plan.",
         tool_name="terminal", tool_call_id="c1", tool_call=BASH, action={"command": "make test"}),
    told(3, "ConversationStateUpdateEvent", "environment", key="stats", value=STATS),
    told(4, "ObservationEvent", "environment", tool_name="terminal", tool_call_id="c1", action_id="e-2",
         observation={"kind": "TerminalObservation", "content": [text("1 failed")], "is_error": False, "exit_code": 2}),
    told(5, "ActionEvent", tool_name="file_editor", tool_call_id="c2", thought=[], action={"kind": "X", "path": "a"}),
    told(6, "AgentErrorEvent", tool_name="file_editor", tool_call_id="c2", error="no such tool"),
    told(7, "HoloEvent", note="?"),
    told(8, "PauseEvent", "user"),
    told(9, "ActionEvent", tool_name="finish", tool_call_id="c3", thought=[], action={"message": "Mended."}),
    told(10, "ObservationEvent", "environment", tool_name="finish", tool_call_id="c3",
         observation={"content": "Mended."}),
    told(11, "ConversationErrorEvent", "environment", code="LLMError", detail="overloaded"),
    told(12, "ConversationStateUpdateEvent", "environment", key="execution_status", value="finished"),
]  # fmt: skip


def test_a_conversation_of_version_one_is_a_session(tmp_path: Path) -> None:
    files = {f"event-{number:05}-{one['id']}": one for number, one in enumerate(CONVERSATION)}
    write(tmp_path / "f00d" / "events", **files)
    state = {"id": "f0-0d", "agent": {"llm": {"model": "gpt-5.1"}}, "workspace": {}, "execution_status": "finished"}
    write(tmp_path / "f00d", base_state=state)
    ((transcript,), problems) = imported(tmp_path)
    session = transcript.session
    assert (problems, session.id, session.model) == ([], "f0-0d", "gpt-5.1")
    assert session.metadata == {"run_status": "finished"}
    assert shown(transcript) == [
        ("system.message", None, "You are OpenHands.\nRepo."),
        ("user.message", None, "mend it"),
        ("system.message", None, "Hint."),
        ("agent.thinking", None, "Plan."),
        ("agent.thinking", None, "Run it."),
        ("agent.tool_use", None, "terminal"),
        ("span.model_request_end", None, ""),
        ("agent.tool_result", None, "1 failed"),
        ("agent.tool_use", None, "file_editor"),
        ("agent.tool_result", None, "no such tool"),
        ("user.interrupt", None, ""),
        ("agent.message", None, "Mended."),
        ("session.error", None, ""),
    ]
    results = [one.payload["is_error"] for one in transcript.events if one.type == "agent.tool_result"]
    assert results == [True, True]


def test_what_is_not_known_is_counted_and_what_is_odd_costs_itself(tmp_path: Path) -> None:
    write(tmp_path, lines="\n".join(json.dumps(one) for one in CONVERSATION) + '\n{"id": "e-99", "times')
    items = list(read_records([tmp_path], format=None))
    (record,) = [item for item in items if isinstance(item, RawRecord)]
    (problem,) = [item for item in items if isinstance(item, ImportProblem)]
    warnings: list[ImportProblem] = []
    assert problem.line == len(CONVERSATION) + 1
    assert len(parse_record(record, {}, warnings).events) == 13
    assert [warning.reason for warning in warnings] == ["1 × event of kind HoloEvent: not kept, or by name only"]
