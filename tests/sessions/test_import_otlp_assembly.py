"""A session of spans is the same in whichever order, however often and in whichever pieces they come."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript
from tests.sessions.otlp_spans import answers, asks, chat, desk, request, span, text


def imported(folder: Path, files: list[list[list[dict[str, Any]]]]) -> list[Transcript]:
    """The sessions of files of requests of spans."""
    for old in folder.iterdir():
        old.unlink()
    for number, requests in enumerate(files):
        lines = [json.dumps(request(spans)) for spans in requests]
        (folder / f"{number}.jsonl").write_text("\n".join(lines) + "\n")
    read = read_records([folder], format="otlp")
    return [parse_record(item, {}) for item in read if isinstance(item, RawRecord)]


def session(folder: Path, *spans: dict[str, Any]) -> Transcript:
    (found,) = imported(folder, [[list(spans)]])
    return found


def said(transcript: Transcript) -> list[str]:
    """What was said, called and answered, in order."""
    return [event.payload.get("name", "") or text_of(event) for event in transcript.events]


OTHER = chat(20, 2, 3, [text("user", "hello")], [text("assistant", "hi")], trace="3" * 32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.data())
def test_order_repetition_and_division_make_no_difference(tmp_path: Path, data: st.DataObject) -> None:
    spans = [*desk(), OTHER]
    begun = [one | {"endTimeUnixNano": "0", "attributes": one["attributes"][:1]} for one in spans]  # sent at its start
    again = data.draw(st.lists(st.sampled_from([*spans, *begun]), max_size=6))
    shuffled = data.draw(st.permutations([*spans, *again]))
    files: list[list[list[dict[str, Any]]]] = [[[]]]
    for one in shuffled:
        match data.draw(st.sampled_from(("same request", "next request", "next file"))):
            case "next request":
                files[-1].append([])
            case "next file":
                files.append([[]])
        files[-1][-1].append(one)
    whole = imported(tmp_path, [[spans]])
    assert [one.session.id for one in whole] == ["conv-1", "3" * 32]
    assert imported(tmp_path, files) == whole


@st.composite
def talks(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Turns, each the messages that came in since the last answer; words are few, so that they are often the same."""
    words = st.sampled_from(("yes", "no", "ok"))
    turns, calls = [[text("user", draw(words))]], 0
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            calls += 1
            turns.append([asks(f"c{calls}", "look", {"at": draw(words)}), answers(f"c{calls}", draw(words))])
        else:
            turns.append([text("assistant", draw(words)), text("user", draw(words))])
    return turns


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(talks())
def test_of_repeated_histories_each_message_is_told_once(tmp_path: Path, turns: list[list[dict[str, Any]]]) -> None:
    history: list[dict[str, Any]] = []
    spans = []
    for number, turn in enumerate(turns):
        answer = turns[number + 1][0] if number + 1 < len(turns) else text("assistant", "bye")
        history = history + (turn if number == 0 else turn[1:])
        spans.append(chat(number + 1, number, number + 0.5, history, [answer]))
        history = [*history, answer]
    parts = [message["parts"][0] for message in history]
    wanted = [part.get("content") or "look" for part in parts]
    assert said(session(tmp_path, *spans)) == wanted


def test_a_history_that_was_summed_up_is_not_told_again(tmp_path: Path) -> None:
    first, answer, more = text("user", "one"), text("assistant", "two"), text("user", "three")
    summary = text("user", "Summary: one was said.")
    found = session(
        tmp_path,
        chat(1, 1, 2, [first], [answer]),
        chat(2, 3, 4, [summary, answer, more], [text("assistant", "four")]),
    )
    assert [(event.type, text_of(event)) for event in found.events][2:] == [
        ("system.message", "Summary: one was said."),
        ("user.message", "three"),
        ("agent.message", "four"),
    ]


def test_a_call_without_history_adds_what_it_says(tmp_path: Path) -> None:
    instructions = text("system", "Be kind.")
    found = session(
        tmp_path,
        chat(1, 1, 2, [instructions, text("user", "one")], [text("assistant", "two")]),
        chat(2, 3, 4, [instructions, text("user", "three")], [text("assistant", "four")]),
    )
    assert said(found) == ["Be kind.", "one", "two", "three", "four"]


def test_a_side_question_does_not_break_the_talk(tmp_path: Path) -> None:
    first, answer = text("user", "one"), text("assistant", "two")
    found = session(
        tmp_path,
        chat(1, 1, 2, [first], [answer]),
        chat(2, 3, 4, [text("user", "Title?")], [text("assistant", "Numbers")]),
        chat(3, 5, 6, [first, answer, text("user", "three")], [text("assistant", "four")]),
    )
    assert said(found) == ["one", "two", "Title?", "Numbers", "three", "four"]


def test_a_call_that_two_libraries_tell_of_is_told_once(tmp_path: Path) -> None:
    heard, answer = [text("user", "one")], [text("assistant", "two")]
    usage = {"gen_ai.usage.input_tokens": 5}
    nested = session(
        tmp_path, chat(1, 1, 4, heard, answer, more=usage), chat(2, 2, 3, heard, answer, parent=1, more=usage)
    )
    beside = session(tmp_path, chat(1, 1, 4, heard, answer), chat(2, 5, 6, heard, answer))
    assert said(nested) == ["one", "two", ""]
    assert said(beside) == ["one", "two"]


def test_tool_spans_without_ids_are_joined_to_their_calls_by_name_and_arguments(tmp_path: Path) -> None:
    def ran(number: int, at: float, order: int) -> dict[str, Any]:
        return span(number, at, at + 0.1, {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.arguments": json.dumps({"id": order}),
            "gen_ai.tool.call.result": f"order {order}",
        })  # fmt: skip

    both = {
        "role": "assistant",
        "parts": [asks("a", "find", {"id": 1})["parts"][0], asks("b", "find", {"id": 2})["parts"][0]],
    }
    found = session(tmp_path, chat(1, 1, 2, [text("user", "both")], [both]), ran(2, 3, 2), ran(3, 4, 1))
    linked = {event.payload["tool_use_id"]: text_of(event) for event in found.events if "tool_use_id" in event.payload}
    assert list(linked.values()) == ["order 2", "order 1"]
    assert sorted(linked) != list(linked)
    assert len(found.events) == 5


@pytest.mark.parametrize("named", ["gen_ai.conversation.id", "session.id"])
def test_two_conversations_in_one_trace_are_two_sessions(named: str, tmp_path: Path) -> None:
    root = span(1, 0, 9, {"http.route": "/"})
    one = chat(2, 1, 2, [text("user", "one")], [], parent=1, more={named: "a"})
    two = chat(3, 3, 4, [text("user", "two")], [], parent=1, more={named: "b"})
    assert [(found.session.id, said(found)) for found in imported(tmp_path, [[[two], [one, root]]])] == [
        ("a", ["one"]),
        ("b", ["two"]),
    ]


def test_the_same_agent_within_itself_is_one_thread(tmp_path: Path) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
    found = session(
        tmp_path,
        span(1, 0, 9, agent),
        span(2, 1, 8, agent, parent=1),
        chat(3, 2, 3, [text("user", "one")], [], parent=2),
    )
    assert [event.thread_id for event in found.events] == [None]


def test_a_workflow_that_calls_itself_an_agent_and_does_nothing_is_none(tmp_path: Path) -> None:
    agent = {"openinference.span.kind": "AGENT"}
    found = session(
        tmp_path,
        span(1, 0, 9, agent, name="Agent workflow"),
        span(2, 1, 8, agent, parent=1, name="desk"),
        chat(3, 2, 3, [text("user", "one")], [], parent=2),
    )
    assert (found.session.agent, [event.thread_id for event in found.events]) == ("desk", [None])
