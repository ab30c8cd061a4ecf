"""Rollouts of Codex CLI, of its first version to its latest, and what ``codex exec --json`` prints."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.ids import event_id
from reverie.sessions.event import Event, text_of
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, parse_record, read_records
from reverie.sessions.session import Transcript

PARENT, CHILD = "01a2-parent", "01a2-child"


def at(second: int) -> str:
    return f"2026-03-01T10:00:{second:02}.000Z"


def line(second: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": at(second), "type": kind, "payload": payload}


def meta(id: str = PARENT, second: int = 0, **fields: Any) -> dict[str, Any]:
    known = {"cwd": "/home/ada/shop", "originator": "codex_cli_rs", "cli_version": "0.98.0", "git": {"branch": "main"}}
    return line(second, "session_meta", id=id, **known, **fields)


def said(second: int, role: str, text: str) -> dict[str, Any]:
    part = {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    return line(second, "response_item", type="message", role=role, content=[part])


def called(second: int, call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return line(second, "response_item", type="function_call", call_id=call_id, name=name, arguments=arguments)


def returned(second: int, call_id: str, output: Any) -> dict[str, Any]:
    return line(second, "response_item", type="function_call_output", call_id=call_id, output=output)


def counted(second: int, last: int, total: int) -> dict[str, Any]:
    usage = [{"input_tokens": n, "cached_input_tokens": 1, "output_tokens": 2} for n in (last, total)]
    info = {"last_token_usage": usage[0], "total_token_usage": usage[1]}
    return line(second, "event_msg", type="token_count", info=info)


DONE = {"output": "Done", "metadata": {"exit_code": 0}}
ROLLOUT = [
    meta(base_instructions={"text": "You are Codex."}),
    line(1, "turn_context", cwd="/home/ada/shop", model="gpt-5.1-codex"),
    said(1, "developer", "<permissions instructions>all</permissions instructions>"),
    said(1, "user", "<environment_context>\n  <cwd>/home/ada/shop</cwd>\n</environment_context>"),
    said(2, "user", "mend the test"),
    line(2, "event_msg", type="user_message", message="mend the test"),
    line(3, "response_item", type="reasoning", summary=[{"type": "summary_text", "text": "Look."}], content=None),
    line(3, "event_msg", type="agent_reasoning", text="Look."),
    called(4, "c1", "exec_command", '{"cmd": "make test"}'),
    line(5, "event_msg", type="exec_command_end", call_id="c1", exit_code=2, status="failed"),
    returned(5, "c1", "1 failed"),
    counted(6, 10, 10),
    counted(6, 10, 10),
    line(7, "response_item", type="custom_tool_call", call_id="c2", name="apply_patch", input="*** Begin Patch"),
    line(7, "response_item", type="custom_tool_call_output", call_id="c2", output=json.dumps(DONE)),
    said(8, "assistant", "Mended."),
    line(8, "event_msg", type="agent_message", message="Mended."),
    counted(9, 15, 25),
    line(9, "event_msg", type="turn_aborted", reason="interrupted"),
]  # fmt: skip


def data(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def parse(lines: list[dict[str, Any]], warnings: list[ImportProblem] | None = None) -> Transcript:
    return parse_record(RawRecord("r.jsonl", 1, "codex", data(lines)), {}, warnings)


def shown(events: tuple[Event, ...]) -> list[tuple[str, str]]:
    return [(event.type, text_of(event) or event.payload.get("name", "")) for event in events]


def test_a_rollout_becomes_a_session_with_each_thing_told_once() -> None:
    transcript = parse(ROLLOUT)
    session = transcript.session
    assert (session.id, session.agent, session.agent_version, session.model) == (
        PARENT,
        "codex",
        "0.98.0",
        "gpt-5.1-codex",
    )
    assert session.metadata == {"cwd": "shop", "git_branch": "main", "originator": "codex_cli_rs"}
    assert shown(transcript.events) == [
        ("system.message", "You are Codex."),
        ("system.message", "<permissions instructions>all</permissions instructions>"),
        ("system.message", "<environment_context>\n  <cwd>/home/ada/shop</cwd>\n</environment_context>"),
        ("user.message", "mend the test"),
        ("agent.thinking", "Look."),
        ("agent.tool_use", "exec_command"),
        ("agent.tool_result", "1 failed"),
        ("span.model_request_end", ""),
        ("agent.tool_use", "apply_patch"),
        ("agent.tool_result", "Done"),
        ("agent.message", "Mended."),
        ("span.model_request_end", ""),
        ("user.interrupt", ""),
    ]  # fmt: skip


def test_calls_have_their_results_and_their_outcome_and_requests_their_tokens() -> None:
    events = parse(ROLLOUT).events
    results = [event.payload for event in events if event.type == "agent.tool_result"]
    assert [result["tool_use_id"] for result in results] == [event_id(PARENT, 5), event_id(PARENT, 8)]
    assert [result["is_error"] for result in results] == [True, False]
    usage = [event.payload["model_usage"] for event in events if event.type == "span.model_request_end"]
    assert [(one["input_tokens"], one["cache_read_input_tokens"]) for one in usage] == [(9, 1), (14, 1)]
    assert events[6].at is not None
    assert events[6].at.second == 5


@pytest.mark.parametrize(
    ("output", "text", "is_error"),
    [
        ("Exit code: 1\nWall time: 0 seconds\nOutput:\nno", "Exit code: 1\nWall time: 0 seconds\nOutput:\nno", True),
        ("Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n", None, False),
        ({"content": "no such file", "success": False}, "no such file", True),
        ([{"type": "input_text", "text": "seen"}], "seen", None),
        ('{"output":"bad","metadata":{"exit_code":101}}', "bad", True),
        ("aborted by user", "aborted by user", None),
    ],
)
def test_what_a_result_says_of_itself_is_kept(output: Any, text: str | None, is_error: bool | None) -> None:
    lines = [meta(), called(1, "c", "shell", "{}"), returned(2, "c", output)]
    result = parse(lines).events[-1]
    assert text_of(result) == (output if text is None else text)
    assert result.payload.get("is_error") == is_error


def test_bare_lines_of_early_versions_are_read() -> None:
    call = {"type": "function_call", "name": "shell", "arguments": '{"command":["ls"]}', "call_id": "k"}
    lines: list[dict[str, Any]] = [
        {"id": "old-1", "timestamp": at(0), "instructions": None, "git": {"branch": "dev"}},
        {"record_type": "state"},
        {"type": "message", "id": None, "role": "user", "content": [{"type": "input_text", "text": "list"}]},
        call,
        {"record_type": "state"},
        {"type": "function_call_output", "call_id": "k", "output": '{"output":"a b","metadata":{"exit_code":0}}'},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a and b"}]},
    ]
    transcript = parse(lines)
    assert (transcript.session.id, transcript.session.metadata) == ("old-1", {"git_branch": "dev"})
    assert [text for _, text in shown(transcript.events)] == ["list", "shell", "a b", "a and b"]


def test_the_one_object_of_the_first_codex_is_read(tmp_path: Path) -> None:
    items = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}]
    whole = {"session": {"id": "ts-1", "timestamp": at(0), "instructions": "Be brief."}, "items": items}
    (tmp_path / "rollout.json").write_text(json.dumps(whole, indent=2))
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    transcript = parse_record(record, {})
    assert transcript.session.id == "ts-1"
    assert shown(transcript.events) == [("system.message", "Be brief."), ("user.message", "hi")]


def test_events_are_read_where_a_file_holds_nothing_else() -> None:
    lines: list[dict[str, Any]] = [
        meta(),
        line(1, "event_msg", type="user_message", message="run it"),
        line(2, "event_msg", type="exec_command_end", call_id="c", command=["ls"], aggregated_output="x", exit_code=1),
        line(3, "event_msg", type="agent_message", message="done"),
    ]
    events = parse(lines).events
    assert [text for _, text in shown(events)] == ["run it", "exec_command", "x", "done"]
    assert events[2].payload["is_error"] is True


def test_what_an_event_told_before_its_item_is_told_once() -> None:
    lines = [
        meta(),
        line(1, "event_msg", type="user_message", message="run it\n"),
        said(1, "user", "run it"),
        line(2, "event_msg", type="agent_message", message="done"),
        said(2, "assistant", "done"),
        said(3, "user", "run it again"),
    ]
    assert [text for _, text in shown(parse(lines).events)] == ["run it\n", "done", "run it again"]


def test_what_codex_and_editors_put_in_is_not_the_users_word() -> None:
    note = {"type": "input_text", "text": "<subagent_notification>{}</subagent_notification>"}
    mixed = "# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nmend it\n"
    new = line(3, "response_item", type="message", role="user", content=[{"type": "input_text", "text": "<b>bold</b>"}])
    new["payload"]["internal_chat_message_metadata_passthrough"] = {"content_item_kinds": ["user.text"]}
    lines = [meta(), said(1, "user", mixed), line(2, "response_item", type="message", role="user", content=[note]), new]
    told = [kind for kind, _ in shown(parse(lines).events)]
    assert told == ["system.message", "user.message", "system.message", "user.message"]


def test_a_line_of_an_unknown_type_a_broken_and_a_repeated_one_cost_themselves(tmp_path: Path) -> None:
    odd = [line(1, "quantum_state", x=1), line(2, "response_item", type="novel_item", text="kept?")]
    text = data(ROLLOUT[:9]) + b'{"timestamp": "2026\n[1]\n' + data([ROLLOUT[8], *ROLLOUT[9:], *odd])
    (tmp_path / "r.jsonl").write_bytes(text)
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    warnings: list[ImportProblem] = []
    events = parse_record(record, {}, warnings).events
    assert [event for event in events if event.type != "agent.message"][:5] == list(parse(ROLLOUT).events[:5])
    assert [warning.line for warning in warnings] == [10, 11, 1]
    assert "quantum_state" in warnings[2].reason
    assert sum(event.type == "agent.tool_use" for event in events) == 2


@given(st.integers(0, len(data(ROLLOUT))))
def test_a_rollout_cut_anywhere_is_a_beginning_of_the_whole(end: int) -> None:
    whole = parse(ROLLOUT).events
    cut = data(ROLLOUT)[:end]
    if b"base_instructions" not in cut or b"\n" not in cut:
        return
    begun = parse_record(RawRecord("r.jsonl", 1, "codex", cut), {}).events
    assert begun == whole[: len(begun)]


SPAWN = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "depth": 1, "agent_role": "worker"}}}
SIDE = [
    meta(CHILD, 4, parent_thread_id=PARENT, source=SPAWN, agent_nickname="Ada"),
    said(5, "user", "count the files"),
    said(6, "assistant", "42"),
]
CALLING = [
    meta(),
    said(1, "user", "how many files?"),
    called(2, "s", "spawn_agent", '{"message": "count the files"}'),
    line(3, "event_msg", type="collab_agent_spawn_end", call_id="s", new_thread_id=CHILD),
    returned(9, "s", json.dumps({"agent_id": CHILD})),
    said(10, "assistant", "There are 42."),
]


def records_of(folder: Path, **files: list[dict[str, Any]]) -> list[Any]:
    for name, lines in files.items():
        (folder / f"{name}.jsonl").write_bytes(data(lines))
    return list(read_records([folder], format=None))


def test_a_side_agent_is_a_thread_of_the_session_that_called_it(tmp_path: Path) -> None:
    (record,) = records_of(tmp_path, a=SIDE, b=CALLING)
    transcript = parse_record(record, {})
    begun = next(event for event in transcript.events if event.type == "session.thread_created")
    aside = [event for event in transcript.events if event.thread_id == CHILD]
    assert transcript.session.id == PARENT
    assert begun.payload == {"session_thread_id": CHILD, "agent_name": "Ada", "tool_use_id": event_id(PARENT, 1)}
    assert [event.type for event in aside] == ["agent.thread_message_received", "agent.message"]


def test_a_side_agents_rollout_alone_is_a_session_that_names_the_other(tmp_path: Path) -> None:
    (record,) = records_of(tmp_path, a=SIDE)
    session = parse_record(record, {}).session
    assert session.id == CHILD
    assert (session.metadata["part_of"], session.metadata["agent_id"]) == (PARENT, "Ada")


def test_a_fork_keeps_its_own_lines_and_names_what_it_was_forked_from(tmp_path: Path) -> None:
    copied = [meta("fork"), meta(), *({**one, "timestamp": at(30)} for one in CALLING[1:])]
    own = said(40, "user", "and now without tests")
    parent, fork = records_of(tmp_path, a=CALLING, b=[*copied, own])
    assert parse_record(parent, {}).session.id == PARENT
    transcript = parse_record(fork, {})
    assert transcript.session.metadata["forked_from"] == PARENT
    assert shown(transcript.events) == [("user.message", "and now without tests")]


def test_a_copy_with_nothing_of_its_own_is_passed_over(tmp_path: Path) -> None:
    copied = [meta("fork"), meta(), *({**one, "timestamp": at(30)} for one in CALLING[1:])]
    parent, copy = records_of(tmp_path, a=CALLING, b=copied)
    assert isinstance(parent, RawRecord)
    assert isinstance(copy, SkippedFile)


def test_printed_lines_are_read(tmp_path: Path) -> None:
    run = {"type": "command_execution", "id": "i1", "command": "ls", "aggregated_output": "no", "exit_code": 2}
    lines: list[dict[str, Any]] = [
        {"type": "thread.started", "thread_id": "p-1"},
        {"type": "turn.started"},
        {"type": "item.started", "item": run},
        {"type": "item.completed", "item": {**run, "status": "failed"}},
        {"type": "item.completed", "item": {"id": "i2", "type": "agent_message", "text": "Not there."}},
        {"type": "turn.completed", "usage": {"input_tokens": 9, "cached_input_tokens": 4, "output_tokens": 2}},
    ]
    (record,) = records_of(tmp_path, printed=lines)
    transcript = parse_record(record, {})
    assert transcript.session.id == "p-1"
    assert shown(transcript.events)[:3] == [
        ("agent.tool_use", "command_execution"),
        ("agent.tool_result", "no"),
        ("agent.message", "Not there."),
    ]
    assert transcript.events[3].payload["model_usage"]["input_tokens"] == 5


def test_a_rollout_without_a_word_is_passed_over(tmp_path: Path) -> None:
    (notice,) = records_of(tmp_path, a=[meta(), line(1, "event_msg", type="task_started", turn_id="t")])
    assert isinstance(notice, SkippedFile)
