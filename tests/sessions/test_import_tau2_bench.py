"""Results of tau2-bench: simulations in which the agent and the user both have tools."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, encode_line, parse_record, read_records
from reverie.sessions.session import Score, Transcript

DATA = Path(os.environ.get("REVERIE_DATA", "data")) / "tau2-airline-gemini"
"""Real results, where somebody has them."""
SECRET = "SENTINEL"


def at(second: int) -> str:
    return f"2026-03-01T10:00:{second:02}"


def call(id: str, name: str, requestor: str = "assistant") -> dict[str, Any]:
    return {"id": id, "name": name, "arguments": {"line": 1}, "requestor": requestor}


def answered(id: str, content: str, second: int, requestor: str = "assistant", error: bool = False) -> dict[str, Any]:
    known = {"role": "tool", "id": id, "content": content, "requestor": requestor, "error": error}
    return {**known, "timestamp": at(second)}


USAGE = {"prompt_tokens": 10, "completion_tokens": 2}
SIMULATION = {
    "id": "sim-1", "task_id": "7", "trial": 1, "seed": 3, "termination_reason": "user_stop", "user_cost": 0.5,
    "start_time": at(0), "end_time": at(9),
    "reward_info": {"reward": 0.5, "reward_breakdown": {"DB": 1.0, "COMMUNICATE": 0.5}, "action_checks": [SECRET]},
    "messages": [
        {"role": "assistant", "content": "Hi!", "timestamp": at(1), "usage": None},
        {"role": "user", "content": "No signal.", "timestamp": at(2), "usage": USAGE},
        {"role": "assistant", "content": None, "tool_calls": [call("a", "get_line"), call("b", "get_bill")],
         "timestamp": at(3), "usage": USAGE, "cost": 0.25},
        {"role": "tool", "tool_messages": [answered("b", "paid", 4), answered("a", "no line", 4, error=True)]},
        {"role": "assistant", "content": "Toggle it.", "timestamp": at(5)},
        {"role": "user", "content": None, "tool_calls": [call("u", "toggle", "user")], "timestamp": at(6)},
        answered("u", "on", 7, "user"),
        {"role": "user", "content": "It works.", "timestamp": at(8)},
    ],
}  # fmt: skip
INFO = {
    "git_commit": "0123456789abcdef", "agent_info": {"implementation": "llm_agent", "llm": "gpt-4.1"},
    "user_info": {"llm": "gpt-4o", "global_simulation_guidelines": SECRET},
    "environment_info": {"domain_name": "telecom", "policy": "Be kind."},
}  # fmt: skip
RESULTS = {"timestamp": at(0), "info": INFO, "tasks": [{"id": "7", "ticket": SECRET}], "simulations": [SIMULATION] * 2}


def imported(path: Path, text: str) -> tuple[list[Transcript], list[ImportProblem]]:
    path.write_text(text)
    items = list(read_records([path], format=None))
    records = [item for item in items if isinstance(item, RawRecord)]
    assert {record.format for record in records} == {"tau2-bench"}
    return [parse_record(record, {}) for record in records], [i for i in items if isinstance(i, ImportProblem)]


def test_a_simulation_becomes_a_session_with_what_the_file_says_of_all(tmp_path: Path) -> None:
    (transcript, again), problems = imported(tmp_path / "results.json", json.dumps(RESULTS, indent=2))
    session = transcript.session
    assert (problems, transcript) == ([], again)
    assert (session.id, session.agent, session.agent_version, session.model) == (
        "sim-1", "llm_agent", "0123456789ab", "gpt-4.1"
    )  # fmt: skip
    assert (session.task_id, session.task_category) == ("tau2:telecom:7", "telecom")
    assert session.metadata == {
        "termination_reason": "user_stop", "trial": "1", "seed": "3", "user_cost": "0.5", "user_model": "gpt-4o"
    }  # fmt: skip
    assert set(transcript.scores) == {Score("reward", 0.5), Score("reward_db", 1.0), Score("reward_communicate", 0.5)}
    assert SECRET not in encode_line(transcript).decode()


def test_what_the_user_does_with_tools_is_a_thread_of_its_own(tmp_path: Path) -> None:
    (transcript, _), _ = imported(tmp_path / "results.json", json.dumps(RESULTS))
    assert [(event.type, event.thread_id, text_of(event)) for event in transcript.events] == [
        ("system.message", None, "Be kind."),
        ("agent.message", None, "Hi!"),
        ("user.message", None, "No signal."),
        ("agent.tool_use", None, ""),
        ("agent.tool_use", None, ""),
        ("span.model_request_end", None, ""),
        ("agent.tool_result", None, "paid"),
        ("agent.tool_result", None, "no line"),
        ("agent.message", None, "Toggle it."),
        ("session.thread_created", None, ""),
        ("agent.tool_use", "user", ""),
        ("agent.tool_result", "user", "on"),
        ("user.message", None, "It works."),
    ]
    results = [event.payload for event in transcript.events if event.type == "agent.tool_result"]
    assert [one["tool_use_id"] for one in results] == [event_id("sim-1", place) for place in (4, 3, 10)]
    assert [one["is_error"] for one in results] == [False, True, False]


def test_a_simulation_in_a_file_of_its_own_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "2026_telecom_llm_agent" / "simulations"
    folder.mkdir(parents=True)
    (transcript,), _ = imported(folder / "sim.json", json.dumps(SIMULATION))
    assert transcript.session.task_id == "tau2:telecom:7"
    assert transcript.events[0].type == "agent.message"


def test_of_results_that_break_off_the_whole_simulations_are_read(tmp_path: Path) -> None:
    transcripts, problems = imported(tmp_path / "results.json", json.dumps(RESULTS)[:-400])
    assert [transcript.session.model for transcript in transcripts] == ["gpt-4.1"]
    assert ["broken JSON" in problem.reason for problem in problems] == [True]


def test_a_run_by_voice_is_read_from_its_ticks() -> None:
    ticks = [
        {"tick_id": 0, "timestamp": at(1), "user_chunk": {"role": "user", "content": "hello"}},
        {"tick_id": 1, "timestamp": at(2), "agent_tool_calls": [call("a", "get_line")]},
        {"tick_id": 2, "timestamp": at(3), "agent_tool_results": [answered("a", "line", 3)]},
    ]
    data = json.dumps({**SIMULATION, "messages": [], "ticks": ticks}).encode()
    events = parse_record(RawRecord("f", 1, "tau2-bench", data), {}).events
    assert [event.type for event in events] == ["user.message", "agent.tool_use", "agent.tool_result"]


def test_a_simulation_that_was_not_graded_has_no_scores() -> None:
    data = json.dumps({**SIMULATION, "reward_info": None, "termination_reason": "infrastructure_error"}).encode()
    transcript = parse_record(RawRecord("f", 1, "tau2-bench", data), {})
    assert transcript.scores == ()
    assert transcript.session.metadata["termination_reason"] == "infrastructure_error"


@pytest.mark.skipif(not DATA.exists(), reason="set REVERIE_DATA to the folder of real sessions")
def test_every_real_simulation_is_read() -> None:
    records = [item for item in read_records([DATA], format=None) if isinstance(item, RawRecord)]
    transcripts = [parse_record(record, {}) for record in records]
    assert len(transcripts) == 40
    assert {transcript.session.task_category for transcript in transcripts} == {"airline"}
    assert all(score.metric.startswith("reward") for transcript in transcripts for score in transcript.scores)
