"""Claude Code's sessions as they really lie on a disk: several files, odd values, injected texts, printed runs."""

import gzip
import itertools
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.clock import SystemClock
from reverie.sessions.event import Event, text_of
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, parse_record, read_records
from reverie.sessions.session import Transcript
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportCounts, ImportOptions, ImportSummary
from reverie.storage.sessions.ingest import import_sessions

USAGE = {"input_tokens": 10, "output_tokens": 5}


def entry(uuid: str, parent: str | None, role: str, content: Any, session: str = "s", **rest: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        message |= {"id": f"msg-{uuid}", "model": "claude-x", "usage": USAGE}
    at = f"2026-03-01T10:00:{int(uuid[1:]):02}.000Z"
    named = {"uuid": uuid, "parentUuid": parent, "sessionId": session, "timestamp": at}
    return {**named, "isSidechain": False, "type": role, "message": message, **rest}


def use(call: str, name: str = "Bash", **arguments: Any) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": call, "name": name, "input": arguments}]


def result(call: str, content: Any) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": call, "content": content}]


HISTORY = [
    entry("u1", None, "user", "list the files"),
    entry("u2", "u1", "assistant", use("t1", command="ls")),
    entry("u3", "u2", "user", result("t1", "a.txt")),
    entry("u4", "u3", "assistant", [{"type": "text", "text": "There is a.txt"}]),
]
KINDS = ["user.message", "agent.tool_use", "agent.tool_result", "agent.message"]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def read(*paths: Path) -> tuple[list[Transcript], list[ImportProblem], list[Any]]:
    """The sessions, their warnings, and what else was told."""
    items, warnings = list(read_records(paths, format=None)), list[ImportProblem]()
    transcripts = [parse_record(item, {}, warnings) for item in items if isinstance(item, RawRecord)]
    return transcripts, warnings, [item for item in items if not isinstance(item, RawRecord)]


def parse(lines: list[dict[str, Any]]) -> tuple[list[Event], list[ImportProblem]]:
    """The events besides those that count tokens, and the warnings."""
    warnings = list[ImportProblem]()
    data = "\n".join(json.dumps(line) for line in lines).encode()
    transcript = parse_record(RawRecord("s.jsonl", 1, "claude-code", data, {"stem": "s"}), {}, warnings)
    return [event for event in transcript.events if not event.type.startswith("span.")], warnings


def tokens(transcripts: list[Transcript]) -> int:
    spans = (event for transcript in transcripts for event in transcript.events if event.type.startswith("span."))
    return sum(span.payload["model_usage"]["output_tokens"] for span in spans)


@pytest.mark.parametrize("odd", ["", "noon", 7, [], {}, True, "0001-01-01T00:00:00+14:00"])
def test_an_odd_time_is_left_out_with_its_place_and_the_event_keeps_its_place(odd: Any) -> None:
    events, warnings = parse([*HISTORY[:1], HISTORY[1] | {"timestamp": odd}, *HISTORY[2:]])
    assert ([event.type for event in events], events[1].at) == (KINDS, None)
    assert [str(warning).partition(" ")[0] for warning in warnings] == ["s.jsonl:2:"]
    assert "timestamp" in warnings[0].reason


ODD = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.just([1]), st.just({"a": 1}), st.booleans())
PLACES = [(position, name) for position, line in enumerate(HISTORY) for name in line]


@given(st.dictionaries(st.sampled_from(PLACES), ODD, max_size=4))
def test_odd_values_never_stop_an_import_nor_touch_other_lines(odd: dict[tuple[int, str], Any]) -> None:
    bystander = entry("u9", None, "user", "untouched", timestamp="2026-03-01T11:00:00Z")
    lines = [dict(line) for line in HISTORY]
    for (position, name), value in odd.items():
        lines[position][name] = value
    untouched = {text_of(parse([line])[0][0]) for n, line in enumerate(HISTORY) if n not in {p for p, _ in odd}}
    events, _ = parse([*lines, bystander])
    assert untouched - {""} <= {text_of(event) for event in events}
    assert [text_of(event) for event in events].count("untouched") == 1


def test_results_follow_their_calls_whatever_the_order_of_the_lines() -> None:
    straight, _ = parse(HISTORY)
    for shuffled in itertools.permutations(HISTORY):
        assert parse(list(shuffled))[0] == straight


def test_a_call_has_one_result() -> None:
    events, warnings = parse([*HISTORY, entry("u5", None, "user", result("t1", "again"))])
    assert [event.type for event in events] == [*KINDS, "system.message"]
    assert (text_of(events[-1]), warnings[0].line) == ("again", 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<system-reminder>\nuse this\n</system-reminder>\nreal question", ["real question"]),
        ("real question\n<ide_opened_file>a.py</ide_opened_file>", ["real question"]),
        ("<bash-stdout>a</bash-stdout><bash-stderr></bash-stderr>", []),
        ("<command-name>/x</command-name>\n<command-args></command-args>", []),
        ("<local-command-stdout>cut off", []),
        ("what does <bash-input>ls</bash-input> mean?", ["what does <bash-input>ls</bash-input> mean?"]),
        ("[Request interrupted by user for tool use]", []),
    ],
)
def test_only_what_a_person_wrote_is_the_users(text: str, words: list[str]) -> None:
    events, _ = parse([entry("u1", None, "user", text)])
    assert [text_of(event) for event in events if event.type == "user.message"] == words


def test_an_abandoned_branch_is_a_thread_of_its_own_and_parallel_calls_are_not() -> None:
    calls = [
        entry("u5", "u4", "assistant", use("t2")),
        entry("u6", "u5", "assistant", use("t3")),
        entry("u7", "u5", "user", result("t2", "x")),
        entry("u8", "u6", "user", result("t3", "y")),
        entry("u9", "u7", "user", "first try"),
        entry("u10", "u9", "assistant", [{"type": "text", "text": "tried"}]),
        entry("u11", "u7", "user", "second try"),
    ]
    threads = {text_of(event) or event.type: event.thread_id for event in parse([*HISTORY, *calls])[0]}
    assert (threads["first try"], threads["tried"]) == ("rewound-1", "rewound-1")
    assert {thread for text, thread in threads.items() if text not in ("first try", "tried")} == {None}


FORK = [line | {"sessionId": "f", "forkedFrom": {"sessionId": "s", "messageUuid": line["uuid"]}} for line in HISTORY]
OWN = [entry("u20", "u4", "user", "another way", "f"), entry("u21", "u20", "assistant", "otherwise", "f")]


@pytest.mark.parametrize("names", [("s", "f"), ("f", "s")])
@pytest.mark.parametrize("told", [True, False])
def test_a_fork_holds_its_own_and_names_its_parent(tmp_path: Path, names: tuple[str, str], told: bool) -> None:
    copied = FORK if told else [{k: v for k, v in line.items() if k != "forkedFrom"} for line in FORK]
    paths = {"s": write(tmp_path / "s.jsonl", HISTORY), "f": write(tmp_path / "f.jsonl", [*copied, *OWN])}
    transcripts, _, _ = read(*(paths[name] for name in names))
    parent, fork = transcripts
    assert (parent.session.id, fork.session.id, fork.session.metadata["forked_from"]) == ("s", "f", "s")
    assert [text_of(event) for event in fork.events][:2] == ["another way", "otherwise"]
    assert tokens(transcripts) == 15


def team(folder: Path) -> list[Path]:
    asked = [entry("u5", "u4", "assistant", use("t5", "Task", prompt="look", subagent_type="Explore"))]
    answered = [entry("u9", "u5", "user", result("t5", "found"), toolUseResult={"agentId": "a7"})]
    side: dict[str, Any] = {"isSidechain": True, "agentId": "a7"}
    looked = [entry("u6", None, "user", "look", **side), entry("u7", "u6", "assistant", "found", **side)]
    return [
        write(folder / "s.jsonl", [*HISTORY, *asked, *answered]),
        write(folder / "s" / "subagents" / "agent-a7.jsonl", looked),
    ]


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("archived", ["", "tar", "zip", "gztar"])
def test_side_agents_files_are_threads_of_their_session(tmp_path: Path, flat: bool, archived: str) -> None:
    source = tmp_path / "project"
    _, side = team(source)
    if flat:
        side.rename(source / side.name)
    if archived:
        source = Path(shutil.make_archive(str(tmp_path / "p"), archived, source))
    (transcript,), warnings, others = read(source)
    created = next(event for event in transcript.events if event.type == "session.thread_created")
    assert (created.payload["session_thread_id"], created.payload["agent_name"]) == ("a7", "Explore")
    calls = [event for event in transcript.events if event.payload.get("name") == "Task"]
    assert created.payload["tool_use_id"] == calls[-1].payload["tool_use_id"]
    assert [text_of(event) for event in transcript.events if event.thread_id == "a7"][:2] == ["look", "found"]
    assert (warnings, others) == ([], [])


def test_books_are_passed_over_and_do_not_hide_what_follows(tmp_path: Path) -> None:
    books = [{"type": "file-history-snapshot", "messageId": f"m{n}", "snapshot": {}} for n in range(80)]
    write(tmp_path / "books.jsonl", books)
    write(tmp_path / "s.jsonl", [*books, *HISTORY])
    (transcript,), _, (notice,) = read(tmp_path)
    assert (transcript.session.id, isinstance(notice, SkippedFile)) == ("s", True)


RUN = [
    {"type": "system", "subtype": "init", "session_id": "r", "model": "claude-x", "cwd": "/home/dev/shop"},
    {"type": "assistant", "session_id": "r", "message": {"id": "m1", "content": use("t1"), "usage": USAGE}},
    {"type": "user", "session_id": "r", "message": {"content": result("t1", "a.txt")}},
    {"type": "result", "subtype": "success", "session_id": "r", "is_error": False, "num_turns": 2, "result": "done"}
    | {"total_cost_usd": 0.25, "usage": {"input_tokens": 10, "output_tokens": 20}},
]


@pytest.mark.parametrize("shape", ["stream-json", "json, verbose"])
def test_what_a_printed_run_says_is_read_and_its_sum_counts_once(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "out.json"
    path.write_text(json.dumps(RUN) if "verbose" in shape else "\n".join(json.dumps(line) for line in RUN))
    (transcript,), _, _ = read(path)
    assert (transcript.session.id, transcript.session.model) == ("r", "claude-x")
    assert transcript.session.metadata == {"cwd": "shop", "num_turns": "2"}
    assert [text_of(event) for event in transcript.events if event.type == "agent.message"] == ["done"]
    assert (tokens([transcript]), transcript.events[-1].payload["cost_usd"]) == (20, 0.25)


async def test_a_fork_of_a_stored_session_holds_its_own_and_importing_again_adds_nothing(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    async def run(path: Path) -> ImportSummary:
        return await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)

    await run(write(tmp_path / "s.jsonl", HISTORY))
    fork = await run(write(tmp_path / "f.jsonl", [*FORK, *OWN]))
    assert (fork.sessions, fork.events) == (ImportCounts(created=1), 3)
    again = await run(tmp_path)
    assert (again.sessions, again.warnings) == (ImportCounts(unchanged=2), [])


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    paths = [*team(tmp_path), write(tmp_path / "f.jsonl", [*FORK, *OWN])]
    straight = {transcript.session.id: transcript for transcript in read(*paths)[0]}
    random.Random(7).shuffle(paths)
    assert {transcript.session.id: transcript for transcript in read(*paths)[0]} == straight


def test_of_a_compressed_session_that_breaks_off_the_whole_lines_are_kept_with_a_warning(tmp_path: Path) -> None:
    noise = random.Random(3)
    long = [entry(f"u{n}", f"u{n - 1}", "user", noise.randbytes(4_000).hex()) for n in range(5, 50)]
    packed = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in [*HISTORY, *long]))
    (tmp_path / "s.jsonl.gz").write_bytes(packed[: len(packed) * 3 // 4])
    (transcript,), warnings, _ = read(tmp_path)
    said = [event for event in transcript.events if not event.type.startswith("span.")]
    assert [event.type for event in said[:5]] == [*KINDS, "user.message"]
    assert 20 < len(said) < len([*HISTORY, *long])
    assert [text_of(event) for event in said[4:]] == [line["message"]["content"] for line in long][: len(said) - 4]
    assert [warning.reason for warning in warnings] == [
        "the compressed data breaks off: the file is truncated; what came before was read"
    ]


def test_a_file_of_system_lines_that_say_nothing_is_passed_over(tmp_path: Path) -> None:
    lines = [{"type": "system", "subtype": "turn_duration", "sessionId": "s", "uuid": "u1", "durationMs": 5}]
    _, warnings, others = read(write(tmp_path / "s.jsonl", lines))
    assert (warnings, [type(other) for other in others]) == ([], [SkippedFile])


def test_a_warning_of_a_side_agents_line_names_its_file(tmp_path: Path) -> None:
    _, side = team(tmp_path)
    side.write_text(side.read_text() + "{broken\n")
    _, warnings, _ = read(tmp_path)
    assert [str(warning).rpartition(": broken")[0] for warning in warnings] == [f"{side}:3"]


def test_where_a_conversation_was_summed_up_is_kept_in_its_place() -> None:
    boundary = {"type": "system", "subtype": "compact_boundary", "content": "Conversation compacted", "uuid": "u5"}
    linked = {"parentUuid": None, "logicalParentUuid": "u4", "sessionId": "s", "timestamp": "2026-03-01T10:00:05Z"}
    after = entry("u6", "u5", "user", "go on")
    events, warnings = parse([*HISTORY, boundary | linked, after])
    assert [event.type for event in events] == [*KINDS, "system.message", "user.message"]
    assert (text_of(events[4]), warnings) == ("Conversation compacted", [])
