"""Finding sessions in files, folders and archives, and naming what cannot be read."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from reverie.errors import ImportFormatError
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, parse_record, read_records, registry
from reverie.sessions.importers import reader as reading_module
from reverie.sessions.importers.detection import detect

CHAT = {"id": "c-1", "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]}
TAU = {"task_id": 3, "trial": 0, "reward": 1.0, "traj": [{"role": "user", "content": "cancel it"}], "info": {}}
EPISODE = {"environment": "ic_sql", "query": "how many?", "turn_history": {"actions": ["SELECT 1"]}, "task_id": 7}
CLAUDE = [
    {"type": "summary", "summary": "a chat", "leafUuid": "u2"},
    {"type": "user", "uuid": "u1", "sessionId": "s-1", "message": {"role": "user", "content": "hello"}},
    {"type": "assistant", "uuid": "u2", "sessionId": "s-1", "message": {"role": "assistant", "content": "hi"}},
]
INSPECT = {"id": 1, "epoch": 1, "input": "hi", "target": "hello", "messages": [{"role": "user", "content": "hi"}]}
GEMINI = [
    {"sessionId": "g-1", "projectHash": "p", "startTime": "2026-01-02T03:04:05Z", "lastUpdated": "x", "kind": "main"},
    {"id": "1", "timestamp": "2026-01-02T03:04:05Z", "type": "user", "content": "hello"},
    {"id": "2", "timestamp": "2026-01-02T03:04:06Z", "type": "gemini", "content": "hi", "model": "m"},
]
AUTOGEN = {"id": "m1", "source": "user", "models_usage": None, "content": "hello", "type": "TextMessage"}
LETTA = {
    "name": "ida", "agent_type": "letta_v1_agent", "llm_config": {}, "in_context_message_ids": [],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}], "tool_calls": None}],
}  # fmt: skip
AG_UI = [
    {"type": "RUN_STARTED", "threadId": "t-1", "runId": "r-1"},
    {"type": "TEXT_MESSAGE_CHUNK", "messageId": "m", "role": "assistant", "delta": "hi"},
]
TOLD = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["hello"]}}
CHATGPT = {"title": "t", "mapping": {"n": {"id": "n", "message": TOLD, "parent": None, "children": []}},
           "current_node": "n"}  # fmt: skip
MLFLOW = {
    "info": {"trace_id": "tr-1", "trace_metadata": {}, "tags": {}},
    "data": {"spans": [{"trace_id": "x", "span_id": "s", "name": "a", "start_time_unix_nano": 1767323045000000000,
                        "attributes": {"mlflow.spanType": '"LLM"', "mlflow.spanInputs": '"hello"'}}]},
}  # fmt: skip
PHOENIX: dict[str, Any] = {
    "name": "a", "context": {"trace_id": "t", "span_id": "s"}, "span_kind": "LLM", "parent_id": None, "events": [],
    "start_time": "2026-01-02T03:04:05Z", "end_time": "2026-01-02T03:04:06Z", "status_code": "OK",
    "attributes": {"input.value": "hello"},
}  # fmt: skip
CODEX = [
    {"timestamp": "2026-03-01T10:00:00Z", "type": "session_meta", "payload": {"id": "x-1", "cwd": "/a"}},
    {"timestamp": "2026-03-01T10:00:01Z", "type": "event_msg", "payload": {"type": "user_message", "message": "hi"}},
]
BARE_CODEX = [
    {"id": "x-2", "timestamp": "2025-08-01T10:00:00Z", "instructions": None},
    {"record_type": "state"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
]
TRACE = {"id": "t", "timestamp": "2026-03-01T10:00:00Z", "name": "n", "sessionId": None, "userId": None, "input": "hi"}
LANGFUSE: dict[str, Any] = {**TRACE, "public": False, "environment": "default", "observations": [], "scores": []}
LANGSMITH = {
    "id": "r",
    "trace_id": "r",
    "run_type": "chain",
    "start_time": "2026-03-01T10:00:00",
    "inputs": {"q": "hi"},
}
AGENTS_SPAN = {"object": "trace.span", "id": "s", "trace_id": "t", "span_data": {"type": "function", "name": "f"}}
SWE_AGENT = {"environment": "main", "trajectory": [], "history": [{"role": "user", "content": "hi"}], "info": {}}
MINI = {"info": {"mini_version": "2"}, "messages": [{"role": "user", "content": "hi"}], "trajectory_format": "mini-1"}
SIMULATION = {"id": "i", "task_id": "1", "termination_reason": "user_stop", "trial": 0, "messages": CHAT["messages"]}
OPENHANDS = {
    "id": 1,
    "timestamp": "2026-03-01T10:00:00",
    "source": "user",
    "action": "message",
    "args": {"content": "hi"},
}
OPENHANDS_KIND = {
    "id": "e1", "timestamp": "2026-03-01T10:00:00", "source": "user", "kind": "MessageEvent",
    "llm_message": {"role": "user", "content": [{"type": "text", "text": "hi"}]},
}  # fmt: skip
EVALUATED = {"instance_id": "i", "test_result": {}, "metrics": {}, "history": [OPENHANDS]}
REVERIE = {"session": {"id": "r-1", "source": "chat"}, "events": [{"type": "user.interrupt", "payload": {}}]}


def lines(values: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def tar_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            information = tarfile.TarInfo(name)
            information.size = len(data)
            archive.addfile(information, io.BytesIO(data))
    return buffer.getvalue()


def noise(size: int) -> str:
    """Text that does not compress, so that cutting a gzip file cuts the text."""
    return random.Random(size).randbytes(size).hex()


def read(path: Path, format: str | None = None) -> tuple[list[RawRecord], list[ImportProblem], list[SkippedFile]]:
    found = list(read_records([path], format=format))
    return (
        [item for item in found if isinstance(item, RawRecord)],
        [item for item in found if isinstance(item, ImportProblem)],
        [item for item in found if isinstance(item, SkippedFile)],
    )


FILES = {
    "chat lines": ("chat", lines([CHAT, CHAT | {"id": "c-2"}]), 2),
    "chat document": ("chat", json.dumps(CHAT, indent=2).encode(), 1),
    "chat document, lightly indented": ("chat", json.dumps(CHAT).replace("[", "[\n").replace("},", "},\n").encode(), 1),
    "tau-bench lines": ("tau-bench", lines([TAU, TAU | {"trial": 1}]), 2),
    "tau-bench list": ("tau-bench", json.dumps([TAU, TAU | {"trial": 1}], indent=1).encode(), 2),
    "intercode object": ("intercode", json.dumps({"0": EPISODE, "2": EPISODE}).encode(), 2),
    "intercode object, indented": ("intercode", json.dumps({"0": EPISODE, "2": EPISODE}, indent=4).encode(), 2),
    "intercode logs": ("intercode", json.dumps({"meta": {"env": "sql"}, "logs": {"0": EPISODE}}).encode(), 1),
    "claude-code session": ("claude-code", lines(CLAUDE), 1),
    "inspect log": ("inspect", json.dumps({"version": 2, "eval": {}, "samples": [INSPECT, INSPECT]}).encode(), 2),
    "gemini-cli lines": ("gemini-cli", lines(GEMINI), 1),
    "gemini-cli document": ("gemini-cli", json.dumps(GEMINI[0] | {"messages": GEMINI[1:]}, indent=2).encode(), 1),
    "autogen result": ("autogen", json.dumps({"messages": [AUTOGEN], "stop_reason": None}, indent=2).encode(), 1),
    "autogen messages": ("autogen", lines([AUTOGEN, AUTOGEN | {"id": "m2"}]), 1),
    "letta agents": ("letta", json.dumps({"agents": [LETTA, LETTA], "blocks": []}).encode(), 2),
    "ag-ui lines": ("ag-ui", lines(AG_UI), 1),
    "chatgpt list": ("chatgpt", json.dumps([CHATGPT, CHATGPT | {"conversation_id": "c"}]).encode(), 2),
    "mlflow lines": ("mlflow", lines([MLFLOW, MLFLOW]), 1),
    "phoenix list": ("phoenix", json.dumps([PHOENIX], indent=1).encode(), 1),
    "inspect sample": ("inspect", json.dumps(INSPECT, indent=2).encode(), 1),
    "codex rollout": ("codex", lines(CODEX), 1),
    "codex rollout of bare lines": ("codex", lines(BARE_CODEX), 1),
    "langfuse trace": ("langfuse", lines([LANGFUSE]), 1),
    "langfuse list": ("langfuse", json.dumps([LANGFUSE], indent=1).encode(), 1),
    "langsmith run": ("langsmith", lines([LANGSMITH]), 1),
    "openai-agents span": ("openai-agents", lines([AGENTS_SPAN]), 1),
    "swe-agent trajectory": ("swe-agent", json.dumps(SWE_AGENT, indent=2).encode(), 1),
    "mini-swe-agent trajectory": ("swe-agent", json.dumps(MINI, indent=2).encode(), 1),
    "tau2-bench results": (
        "tau2-bench",
        json.dumps({"info": {}, "tasks": [], "simulations": [SIMULATION]}).encode(),
        1,
    ),
    "tau2-bench simulation": ("tau2-bench", lines([SIMULATION]), 1),
    "openhands event": ("openhands", lines([OPENHANDS]), 1),
    "openhands event of a kind": ("openhands", json.dumps(OPENHANDS_KIND, indent=1).encode(), 1),
    "openhands output": ("openhands", lines([EVALUATED, {**EVALUATED, "instance_id": "j"}]), 2),
    "reverie lines": ("reverie", lines([REVERIE]), 1),
    "byte order mark and Windows line ends": ("chat", b"\xef\xbb\xbf" + lines([CHAT]).replace(b"\n", b"\r\n"), 1),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_a_files_format_is_found_by_its_content_whatever_its_name(name: str, compressed: bool, tmp_path: Path) -> None:
    format, data, sessions = FILES[name]
    path = tmp_path / "sessions.log"
    path.write_bytes(gzip.compress(data) if compressed else data)
    records, problems, notices = read(path)
    assert [record.format for record in records] == [format] * sessions
    assert not problems
    assert not notices
    for record in records:
        assert parse_record(pickle.loads(pickle.dumps(record)), {}).session.source in (format, "chat")


_ALSO_CHAT = {
    *("mini-swe-agent trajectory", "tau2-bench simulation"),
    *("gemini-cli document", "inspect sample", "autogen result"),
}
"""Whose messages are chat messages, which is why chat is asked after them."""


@pytest.mark.parametrize("name", FILES)
def test_no_format_claims_a_file_of_another(name: str) -> None:
    format, data, _ = FILES[name]
    claims = set()
    for importer in registry.OURS:
        layout = detect(data.removeprefix(b"\xef\xbb\xbf"), [importer])
        if layout is not None and layout.importer is not None:
            claims.add(importer.name)
    assert claims == {format} | ({"chat"} if name in _ALSO_CHAT else set())


def test_folders_and_archives_are_walked_and_other_files_noticed(tmp_path: Path) -> None:
    inner = {
        "./.cache/x.jsonl": lines([CHAT]),
        "run/a.jsonl": lines([CHAT]),
        "run/b.jsonl.gz": gzip.compress(lines([TAU])),
        "run/notes.txt": b"notes",
    }
    (tmp_path / "deep" / ".git").mkdir(parents=True)
    (tmp_path / "deep" / ".git" / "c.jsonl").write_bytes(lines([CHAT]))
    (tmp_path / "deep" / "runs.tar.gz").write_bytes(gzip.compress(tar_of(inner)))
    (tmp_path / "deep" / "plain.tar").write_bytes(tar_of(inner))
    (tmp_path / "README.md").write_text("# About\n")
    records, problems, notices = read(tmp_path)
    expected = [f"{tmp_path}/deep/{archive}/run/{name}" for archive in ("plain.tar", "runs.tar.gz") for name in "ab"]
    assert [record.path.removesuffix(".gz") for record in records] == [f"{path}.jsonl" for path in expected]
    assert [(record.context["stem"], record.context["folder"]) for record in records[:2]] == [
        ("a", "run"),
        ("b", "run"),
    ]
    assert not problems
    assert [Path(notice.path).name for notice in notices] == ["README.md", "notes.txt", "notes.txt"]


def test_a_list_of_rows_without_messages_is_noticed_as_scores(tmp_path: Path) -> None:
    (tmp_path / "eval_results.json").write_text(json.dumps([{"task_id": "0", "db_match": True}]))
    records, problems, (notice,) = read(tmp_path)
    assert (records, problems) == ([], [])
    assert notice.reason.endswith(f"--scores {tmp_path}/eval_results.json")


def test_a_broken_line_is_a_problem_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"messages": [tru\n\n' + lines([CHAT]) + b'{"messages": "\xff"}\n')
    records, problems, _ = read(path)
    assert ([record.line for record in records], problems) == ([1, 3, 4], [])
    with pytest.raises(ImportFormatError, match="broken JSON at character 15"):
        parse_record(records[0], {})
    assert parse_record(records[1], {}).session.id == "c-1"
    with pytest.raises(ImportFormatError, match="not UTF-8: invalid start byte at byte 15"):
        parse_record(records[2], {})


def test_a_broken_line_of_a_claude_code_session_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(lines(CLAUDE[:2]) + b'{"type": "assis\n' + lines(CLAUDE[2:]))
    (record,), problems, _ = read(path)
    warnings: list[ImportProblem] = []
    transcript = parse_record(record, {}, warnings)
    assert not problems
    assert [str(warning) for warning in warnings] == [
        f"{path}:3: broken JSON at character 10: Unterminated string starting at; the line is left out"
    ]
    assert [event.type for event in transcript.events] == ["user.message", "agent.message"]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    good, empty, binary = tmp_path / "good.jsonl", tmp_path / "empty.jsonl", tmp_path / "model.bin"
    good.write_bytes(lines([CHAT]))
    empty.touch()
    binary.write_bytes(bytes(range(256)))
    found = list(read_records([tmp_path / "missing.jsonl", empty, binary, good], format=None))
    reasons = [str(item) for item in found if isinstance(item, ImportProblem)]
    assert reasons[:2] == [f"{tmp_path}/missing.jsonl: no such file or folder", f"{empty}: the file is empty"]
    assert reasons[2].startswith(f"{binary}: no session format found in it; known are ")
    assert " chat, " in reasons[2]
    assert isinstance(found[-1], RawRecord)


def test_a_truncated_gzip_file_gives_what_came_before_and_the_line_reached(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(lines(CHAT | {"padding": noise(2_000 + number)} for number in range(10)))
    path.write_bytes(whole[: len(whole) // 2])
    records, (problem,), _ = read(path)
    assert records
    assert problem.line == len(records) + 1
    assert "truncated" in problem.reason


def test_a_truncated_archive_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "runs.tar"
    whole = tar_of({"a.jsonl": lines([CHAT]), "b.jsonl": lines([CHAT | {"padding": noise(20_000)}])})
    path.write_bytes(whole[:20_000])
    records, problems, _ = read(path)
    assert [record.path for record in records] == [f"{path}/a.jsonl"]
    assert {problem.path for problem in problems} == {f"{path}/b.jsonl", str(path)}


def test_a_damaged_member_does_not_stop_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "runs.tar"
    path.write_bytes(tar_of({"a.jsonl.gz": b"\x1f\x8bnonsense", "b.jsonl": lines([CHAT])}))
    records, (problem,), _ = read(path)
    assert [record.path for record in records] == [f"{path}/b.jsonl"]
    assert (problem.path, problem.line) == (f"{path}/a.jsonl.gz", 0)


def test_of_a_truncated_claude_code_session_the_whole_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl.gz"
    whole = gzip.compress(lines([*CLAUDE, {"type": "progress", "data": noise(5_000)}]))
    path.write_bytes(whole[:-2_000])
    (record,), problems, _ = read(path)
    assert (record.data, problems) == (lines(CLAUDE), [])
    assert "truncated" in record.context["broken_off"]


def test_a_format_is_known_though_the_first_line_is_longer_than_what_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([CHAT | {"padding": "x" * (2 << 20)}, CHAT]))
    records, problems, _ = read(path)
    assert ([record.format for record in records], problems) == (["chat", "chat"], [])


def test_a_list_that_breaks_off_gives_the_elements_before(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(json.dumps([TAU, TAU])[:-30])
    records, (problem,), _ = read(path)
    assert [record.line for record in records] == [1]
    assert problem.line == 2
    assert problem.reason.startswith("broken JSON")


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "LONGEST_LINE", 1_000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([CHAT, CHAT | {"padding": "x" * 5_000}, CHAT]))
    records, problems, _ = read(path)
    assert ([record.line for record in records], [problem.line for problem in problems]) == ([1, 3], [2])


def test_a_named_format_must_fit_the_named_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([TAU]))
    _, (problem,), _ = read(path, "chat")
    assert str(problem) == f"{path}: looks like tau-bench, not chat; leave out --format, or name tau-bench"


def test_a_named_format_chooses_among_the_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([TAU]))
    (tmp_path / "b.jsonl").write_bytes(lines([CHAT]))
    records, problems, notices = read(tmp_path, "chat")
    assert [record.context["stem"] for record in records] == ["b"]
    assert not problems
    assert [notice.reason for notice in notices] == ["holds tau-bench sessions; only chat was asked for"]


def test_a_named_format_is_believed_where_the_content_does_not_say(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines([{"dialogue": []}]))
    (record,), problems, _ = read(path, "chat")
    assert not problems
    with pytest.raises(ImportFormatError, match="messages must be a list with at least one message"):
        parse_record(record, {})


def test_an_unknown_format_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match=r"format 'csv' is unknown; known are .*chat"):
        read(tmp_path, "csv")


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


PACKED = {
    "bz2": bz2.compress(lines([CHAT])),
    "xz": lzma.compress(lines([CHAT])),
    "zst": zstd.compress(lines([CHAT])),
    "UTF-16": lines([CHAT]).decode().encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + lines([CHAT]).decode().encode("utf-16-be"),
    "UTF-16 in gzip": gzip.compress(lines([CHAT]).decode().encode("utf-16")),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_file_is_read_however_it_is_packed(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.packed"
    path.write_bytes(PACKED[name])
    (record,), problems, _ = read(path)
    assert problems == []
    assert json.loads(record.data) == CHAT


def test_zip_archives_are_walked_as_tar_archives_are(tmp_path: Path) -> None:
    path = tmp_path / "runs.zip"
    inner = zip_of({"b.jsonl": lines([CHAT])})
    path.write_bytes(zip_of({"run/a.jsonl": lines([CHAT]), "deep.zip": inner, "c.jsonl.xz": PACKED["xz"]}))
    records, problems, _ = read(path)
    assert [record.path for record in records] == [
        f"{path}/run/a.jsonl",
        f"{path}/deep.zip/b.jsonl",
        f"{path}/c.jsonl.xz",
    ]
    assert [record.context["stem"] for record in records] == ["a", "b", "c"]
    assert problems == []


@pytest.mark.parametrize("name", ["bz2", "xz", "zst"])
def test_a_damaged_packed_file_is_a_problem_of_its_own(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACKED[name][:20])
    records, problems, _ = read(path)
    assert (records, len(problems)) == ([], 1)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ([{"uuid": "u", "chat_messages": []}], "a Claude.ai export"),
        ({"qa": [], "conversation": {"session_1": []}, "sample_id": "1"}, "a LoCoMo conversation"),
        ([{"qa": [], "conversation": {"session_1": []}}], "a LoCoMo conversation"),
        ([{"sample_id": "1", "conversation": {"speaker_a": "A", "speaker_b": "B"}}], "a LoCoMo conversation"),
    ],
)
def test_a_format_that_is_not_read_is_named(content: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    reason = f"looks like {name}; not supported yet: see docs/import.md#formats-that-are-not-read"
    assert [str(problem) for problem in read(path)[1]] == [f"{path}: {reason}"]
    assert [notice.reason for notice in read(tmp_path)[2]] == [reason]


def test_sharegpt_files_are_chat(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"id": "g", "conversations": [{"from": "human", "value": "hi"}]}]))
    (record,), _, _ = read(path)
    assert (record.format, parse_record(record, {}).session.id) == ("chat", "g")


def test_indented_objects_one_after_the_other_are_one_session_each(tmp_path: Path) -> None:
    path = tmp_path / "appended.json"
    one, two = ({"id": name, "messages": [{"role": "user", "content": name}]} for name in ("one", "two"))
    path.write_text(json.dumps(one, indent=2) + "\n" + json.dumps(two, indent=2) + "\n")
    ids = [
        parse_record(record, {}).session.id
        for record in read_records([path], format=None)
        if isinstance(record, RawRecord)
    ]
    assert ids == ["one", "two"]


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
@pytest.mark.parametrize("values", [[CHAT, CHAT | {"id": "c-2"}], [REVERIE], [TAU]])
def test_lines_that_end_in_carriage_returns_alone_are_lines(
    tmp_path: Path, values: list[Any], packed: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(packed(lines(values).replace(b"\n", b"\r")))
    records, problems, _ = read(path)
    assert ([json.loads(record.data) for record in records], problems) == (values, [])
    assert [record.line for record in records] == list(range(1, len(values) + 1))


def test_a_claude_code_file_of_carriage_returns_is_one_session(tmp_path: Path) -> None:
    path = tmp_path / "s-1.jsonl"
    path.write_bytes(lines(CLAUDE).replace(b"\n", b"\r"))
    (record,), problems, _ = read(path)
    assert (record.format, record.data, problems) == ("claude-code", lines(CLAUDE), [])


def test_messages_in_an_object_are_no_chat_lines(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(lines([{"messages": {"first": "hello"}}]))
    assert [problem.reason[:25] for problem in read(path)[1]] == ["no session format found i"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ci.csv", "id,resolved\ns1,1\n", "if it holds scores, reverie import SESSIONS --scores FILE"),
        ("ci.csv", "\ufeffid;resolved\ns1;1\n", "if it holds scores, reverie import SESSIONS --scores FILE"),
        ("ci.tsv", "id\tresolved\ns1\t1\n", "if it holds scores, reverie import SESSIONS --scores FILE"),
        ("report.xml", "<?xml version='1.0'?>\n<testsuites>", "reverie score SESSION --from-junit FILE"),
    ],
)
def test_scores_that_are_taken_for_sessions_are_told_what_to_do_with(
    name: str, content: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    (problem,) = read(path)[1]
    assert str(problem).startswith(f"{path}: no session format found in it") and said in problem.reason
    assert said in read(tmp_path)[2][0].reason
