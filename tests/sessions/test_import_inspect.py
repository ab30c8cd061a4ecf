"""Logs of Inspect: archives and JSON, new and old events."""

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from backports.zstd import zipfile
from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, parse_record, read_records
from reverie.sessions.importers.named_numbers import WithoutNamedNumbers
from reverie.sessions.session import Score, Transcript

HEADER = {"eval_id": "ev1", "run_id": "r1", "task": "adding", "solver": "react", "model": "m/1", "created": "2026"}
LOG = {"version": 2, "status": "success", "eval": HEADER, "plan": {}}
KEY = "the-gold-answer"


def at(second: float) -> str:
    return f"2026-01-02T03:04:{second:09.6f}+00:00"


def told(transcript: Transcript) -> list[tuple[str | None, str, str]]:
    """Each event's thread and type, and what it says, after the tool's name."""
    return [
        (event.thread_id, event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events
    ]


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": f"call-{name}", "function": name, "arguments": arguments, "type": "function"}


def assistant(content: Any, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"id": "a", "role": "assistant", "content": content, "tool_calls": list(calls)}


def model(begin: float, heard: list[Any], answer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 3, "input_tokens_cache_read": 4, "total_tokens": 14}
    output = {"model": "m/1", "choices": [{"message": answer, "stop_reason": "stop"}], "usage": usage}
    ends = {"timestamp": at(begin), "completed": at(begin + 0.5)}
    return {"event": "model", "model": "m/1", "input": heard, "output": output, **ends, **fields}


def tool(begin: float, end: float, called: dict[str, Any], **fields: Any) -> dict[str, Any]:
    told = {"id": called["id"], "function": called["function"], "arguments": called["arguments"]}
    return {"event": "tool", "timestamp": at(begin), "completed": at(end), "events": [], **told, **fields}


def span(begin: float, name: str, kind: str, parent: str = "", called: str = "") -> dict[str, Any]:
    inner = {"id": name, "parent_id": parent or None, "type": kind, "name": called or name}
    return {"event": "span_begin", "timestamp": at(begin), "span_id": name, **inner}


TASK = {"id": "u", "role": "user", "content": "attachment://" + "0" * 32}
ADD, ASK = call("add", x=1, y=2), call("helper", input="and five?")
SAID = assistant([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "I add"}], ADD, ASK)
EVENTS = [
    span(1, "main", "agent", called="react"),
    model(1, [TASK], SAID, span_id="main"),
    tool(2, 2.5, ADD, span_id="main", result="", error={"type": "unknown", "message": "too large"}),
    span(3.1, "t1", "tool", "main", "helper"),
    tool(3, 5, ASK, span_id="main", result="seven"),
    span(3.2, "inner", "agent", "t1", "helper"),
    model(3.5, [{"id": "v", "role": "user", "content": "and five?"}], assistant("seven"), span_id="inner"),
    span(6, "scoring", "scorers"),
    span(6.1, "by model", "scorer", "scoring"),
    model(7, [{"id": "g", "role": "user", "content": f"Is it {KEY}?"}], assistant("GRADE: C"), span_id="by model"),
    {"event": "score", "timestamp": at(8), "span_id": "by model", "score": {"value": "C"}, "target": KEY},
]
SAMPLE: dict[str, Any] = {
    "id": "one", "epoch": 2, "input": "What is 1+2?", "target": KEY, "metadata": {"answer": KEY}, "store": {"k": KEY},
    "messages": [TASK, SAID], "output": {}, "events": EVENTS, "uuid": "sample-1", "started_at": at(0),
    "attachments": {"0" * 32: "What is 1+2?"},
    "scores": {"match": {"value": "I", "answer": KEY, "explanation": KEY}, "quality": {"value": {"tone": 0.25}}},
}  # fmt: skip


def archive(path: Path, samples: dict[str, Any], compression: int = zipfile.ZIP_ZSTANDARD) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("_journal/start.json", json.dumps({"version": 2, "eval": HEADER, "plan": {}}, indent=2))
        for name, sample in samples.items():
            text = sample if isinstance(sample, str) else json.dumps(sample, indent=2)
            made.writestr(f"samples/{name}.json", text)
        made.writestr("summaries.json", json.dumps([{"id": "one", "epoch": 2, "input": "…", "target": KEY}]))
        made.writestr("header.json", json.dumps(LOG))
    return path


def read(path: Path) -> list[RawRecord]:
    found = list(read_records([path], format=None))
    assert not [item for item in found if isinstance(item, ImportProblem | SkippedFile)]
    return [item for item in found if isinstance(item, RawRecord)]


def test_a_sample_is_told_by_its_events_with_its_agents_and_without_its_scorers(tmp_path: Path) -> None:
    (record,) = read(archive(tmp_path / "log.eval", {"one_epoch_2": SAMPLE}))
    transcript = parse_record(record, {})
    assert told(transcript) == [
        (None, "user.message", "What is 1+2?"),
        (None, "agent.thinking", "hm"),
        (None, "agent.message", "I add"),
        (None, "agent.tool_use", "add"),
        (None, "agent.tool_use", "helper"),
        (None, "span.model_request_end", ""),
        (None, "agent.tool_result", "addtoo large"),
        (None, "session.thread_created", ""),
        ("helper", "agent.thread_message_received", "and five?"),
        ("helper", "agent.message", "seven"),
        ("helper", "span.model_request_end", ""),
        (None, "agent.tool_result", "helperseven"),
    ]
    assert transcript.events[6].payload["is_error"] is True
    assert transcript.events[5].payload["model_usage"]["input_tokens"] == 7
    assert transcript.events[7].payload["tool_use_id"] == transcript.events[11].payload["tool_use_id"]
    assert KEY not in repr(transcript)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_ZSTANDARD])
def test_what_the_log_says_of_all_samples_is_each_samples(compression: int, tmp_path: Path) -> None:
    other = SAMPLE | {"uuid": None, "epoch": 3, "limit": {"type": "token", "limit": 100}}
    records = read(archive(tmp_path / "any name", {"one_epoch_2": SAMPLE, "one_epoch_3": other}, compression))
    first, second = (parse_record(record, {}) for record in records)
    assert (first.session.id, second.session.id) == ("sample-1", "ev1:one:3")
    assert (first.session.agent, first.session.model, first.session.source) == ("react", "m/1", "inspect")
    assert (first.session.task_id, first.session.task_category) == ("adding:one", "adding")
    assert first.scores == (Score("match", 0.0), Score("quality.tone", 0.25))
    assert second.session.metadata == {
        "epoch": "3", "eval_id": "ev1", "run_id": "r1", "termination_reason": "token limit"
    }  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2])
def test_a_log_in_json_gives_the_same_sessions_as_its_archive(indent: int | None, tmp_path: Path) -> None:
    log, packed = tmp_path / "log.json", archive(tmp_path / "log.eval", {"one_epoch_2": SAMPLE})
    log.write_text(json.dumps(LOG | {"samples": [SAMPLE, SAMPLE | {"uuid": "sample-2"}]}, indent=indent))
    records = read(log)
    assert [record.line for record in records] == [1, 2]
    assert parse_record(records[0], {}) == parse_record(read(packed)[0], {})


@given(st.integers(1, 400), st.text())
def test_numbers_that_json_does_not_have_become_text_in_indented_json_and_nothing_else_changes(
    size: int, said: str
) -> None:
    value = {"a": [math.nan, said, 1.5], "b: NaN,": {"c": -math.inf, "d": said + "\nNaN,\n"}, "e": "x" * size}
    text = json.dumps(value, indent=size % 3).encode()
    expected = json.loads(text, parse_constant=str)
    assert json.loads(WithoutNamedNumbers(io.BytesIO(text)).readall() or b"") == expected


def test_a_log_in_json_with_a_score_that_is_no_number_is_read(tmp_path: Path) -> None:
    unscored = SAMPLE | {"scores": {"match": {"value": math.nan}, "right": {"value": "C"}}}
    (tmp_path / "log.json").write_text(json.dumps(LOG | {"samples": [unscored, SAMPLE]}, indent=2))
    first, second = read(tmp_path / "log.json")
    assert parse_record(first, {}).scores == (Score("right", 1.0),)
    assert parse_record(second, {}).scores == (Score("match", 0.0), Score("quality.tone", 0.25))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_ZSTANDARD])
def test_of_an_archive_that_breaks_off_the_whole_samples_are_read(compression: int, tmp_path: Path) -> None:
    whole = archive(tmp_path / "log.eval", {"one_epoch_2": SAMPLE, "two_epoch_2": SAMPLE}, compression)
    data = whole.read_bytes()
    whole.write_bytes(data[: data.index(b"samples/two_epoch_2") + 40])
    record, problem = read_records([whole], format=None)
    assert isinstance(record, RawRecord)
    assert isinstance(problem, ImportProblem)
    assert parse_record(record, {}).session.task_id == "adding:one"
    assert "truncated or damaged" in problem.reason


def test_a_log_without_samples_is_passed_over_with_a_notice(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps(LOG))
    (notice,) = read_records([tmp_path / "log.json"], format=None)
    assert str(notice) == f"{tmp_path}/log.json: inspect: it holds no sessions"


def test_an_unpacked_archive_is_read_as_the_archive_is(tmp_path: Path) -> None:
    packed = archive(tmp_path / "log.eval", {"one_epoch_2": SAMPLE})
    with zipfile.ZipFile(packed) as held:
        held.extractall(tmp_path / "log")
    (record,) = read(tmp_path / "log")
    assert parse_record(record, {}) == parse_record(read(packed)[0], {})


def test_a_broken_sample_costs_itself_alone(tmp_path: Path) -> None:
    broken, whole = read(archive(tmp_path / "log.eval", {"a": '{"id": 1, "epoch": 1, "input": "x", "target": "y", '
                                                         '"messages": [tru', "b": SAMPLE}))  # fmt: skip
    assert parse_record(whole, {}).session.id == "sample-1"
    with pytest.raises(Exception, match="broken JSON"):
        parse_record(broken, {})


def test_events_of_older_logs_lie_within_steps_and_tools() -> None:
    def step(action: str, kind: str) -> dict[str, Any]:
        return {"event": "step", "action": action, "type": kind, "name": kind, "timestamp": at(0)}

    inner = model(3, [{"role": "user", "content": "and five?"}], assistant("seven"))
    events = [
        step("begin", "solver"), model(1, [TASK], assistant("", ASK)), tool(2, 2, ASK, result="seven", events=[inner]),
        step("end", "solver"), step("begin", "scorer"), model(6, [], assistant(KEY)), step("end", "scorer"),
    ]  # fmt: skip
    row = {
        "id": 5,
        "epoch": 1,
        "input": "x",
        "target": KEY,
        "messages": [TASK],
        "events": events,
        "score": {"value": 1},
    }
    transcript = parse_record(RawRecord("f", 1, "inspect", json.dumps(row).encode()), {})
    assert [line[1:] for line in told(transcript) if line[1] != "span.model_request_end"] == [
        ("user.message", TASK["content"]), ("agent.tool_use", "helper"), ("agent.tool_result", "helperseven"),
        ("user.message", "and five?"), ("agent.message", "seven"),
    ]  # fmt: skip
    assert (transcript.session.task_id, transcript.scores) == ("5", (Score("score", 1.0),))


def test_a_sample_without_events_is_told_by_its_messages_and_its_error() -> None:
    answer = {"role": "tool", "tool_call_id": "call-add", "function": "add", "content": "", "error": {"message": "no"}}
    row = {
        "id": 5, "epoch": 1, "input": "x", "target": KEY, "messages": [TASK, assistant("", ADD), answer],
        "error": {"message": "gave up", "traceback": KEY}, "model_usage": {"m/1": {"input_tokens": 9}},
    }  # fmt: skip
    transcript = parse_record(RawRecord("f", 1, "inspect", json.dumps(row).encode()), {})
    assert [event.type for event in transcript.events] == [
        "user.message", "agent.tool_use", "agent.tool_result", "span.model_request_end", "session.error"
    ]  # fmt: skip
    assert (text_of(transcript.events[2]), transcript.events[2].payload["is_error"]) == ("no", True)
    assert transcript.events[4].payload["error"]["message"] == "gave up"
    assert KEY not in repr(transcript)
