"""Conversations of a ChatGPT export."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript

BEGIN = 1_767_323_045.5
"""2026-01-02T03:04:05.5Z in seconds."""


def text(*parts: Any) -> dict[str, Any]:
    return {"content_type": "text", "parts": list(parts)}


def message(role: str, content: Any, recipient: str = "all", **fields: Any) -> dict[str, Any]:
    author = {"role": role, "name": fields.pop("name", None), "metadata": {}}
    return {"author": author, "content": content, "recipient": recipient, "metadata": {"model_slug": "gpt-9"}, **fields}


def conversation(tree: dict[str, tuple[str | None, Any]], current: str) -> dict[str, Any]:
    """A conversation of messages by name, each with its parent's."""
    mapping: dict[str, Any] = {}
    for second, (name, (parent, said)) in enumerate(tree.items()):
        held = None if said is None else {"id": name, "create_time": BEGIN + second, **said}
        mapping[name] = {"id": name, "message": held, "parent": parent, "children": []}
        if parent in mapping:
            mapping[parent]["children"].append(name)
    return {
        "title": "Sums",
        "create_time": BEGIN,
        "mapping": mapping,
        "current_node": current,
        "conversation_id": "cv-1",
    }


CODE = {"content_type": "code", "language": "python", "text": "print(1 + 2)"}
PRINTED = {"content_type": "execution_output", "text": "3"}
TREE: dict[str, tuple[str | None, Any]] = {
    "root": (None, None),
    "s": ("root", message("system", text(""))),
    "about": ("s", message("user", {"content_type": "user_editable_context", "user_profile": "A teacher."})),
    "u1": ("about", message("user", text("What is 1+1?"))),
    "a1": ("u1", message("assistant", text("2"))),
    "u2": ("about", message("user", {"content_type": "multimodal_text",
                                     "parts": [{"content_type": "image_asset_pointer"}, "What is 1+2?"]})),
    "t": ("u2", message("assistant", {"content_type": "thoughts",
                                      "thoughts": [{"summary": "Add", "content": "run it"}]})),
    "c": ("t", message("assistant", CODE, "python")),
    "r": ("c", message("tool", PRINTED, name="python", metadata={"aggregate_result": {"status": "success"}})),
    "bad": ("r", message("assistant", text("It is 4."))),
    "good": ("r", message("assistant", text("It is 3."))),
}  # fmt: skip
EXPECTED = [
    (None, "system.message", "A teacher."),
    ("branch-1", "user.message", "What is 1+1?"),
    ("branch-1", "agent.message", "2"),
    (None, "user.message", "[image_asset_pointer]\nWhat is 1+2?"),
    (None, "agent.thinking", "Add\nrun it"),
    (None, "agent.tool_use", "python"),
    (None, "agent.tool_result", "python3"),
    ("branch-2", "agent.message", "It is 4."),
    (None, "agent.message", "It is 3."),
]


def told(transcript: Transcript) -> list[tuple[str | None, str, str]]:
    """Each event's thread and type, and what it says, after the tool's name."""
    return [
        (event.thread_id, event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events
    ]


def parse(row: dict[str, Any]) -> Transcript:
    return parse_record(RawRecord("f", 1, "chatgpt", json.dumps(row).encode()), {})


def test_the_current_branch_is_the_session_and_others_are_threads(tmp_path: Path) -> None:
    (tmp_path / "conversations.json").write_text(json.dumps([conversation(TREE, "good"), conversation(TREE, "bad")]))
    first, second = (item for item in read_records([tmp_path], format=None) if isinstance(item, RawRecord))
    transcript = parse_record(first, {})
    assert told(transcript) == EXPECTED
    assert transcript.events[5].payload["input"] == {"code": "print(1 + 2)"}
    assert transcript.events[6].payload["is_error"] is False
    session = transcript.session
    assert (session.id, session.model, session.metadata) == ("cv-1", "gpt-9", {"title": "Sums"})
    assert str(transcript.events[3].at) == "2026-01-02 03:04:10.500000+00:00"
    assert told(parse_record(second, {}))[-2:] == [
        ("branch-2", "agent.message", "It is 3."), (None, "agent.message", "It is 4.")
    ]  # fmt: skip


@pytest.mark.parametrize("current", ["lost", ""])
def test_without_a_current_message_the_latest_one_is(current: str) -> None:
    assert told(parse(conversation(TREE, current))) == EXPECTED


def test_a_conversation_that_goes_on_extends_its_session() -> None:
    longer = TREE | {"u3": ("good", message("user", text("Thanks")))}
    assert told(parse(conversation(longer, "u3"))) == [*EXPECTED, (None, "user.message", "Thanks")]


def test_a_tool_that_failed_says_so_and_json_is_its_arguments() -> None:
    tree = {
        "root": (None, message("user", text("draw"))),
        "c": ("root", message("assistant", text('{"prompt": "a cat"}'), "dalle.text2im")),
        "r": ("c", message("tool", {"content_type": "system_error", "name": "x", "text": "no"}, name="dalle.text2im")),
    }
    call, answer = parse(conversation(tree, "r")).events[1:]
    assert (call.payload["input"], answer.payload["is_error"], text_of(answer)) == ({"prompt": "a cat"}, True, "no")


def test_odd_nodes_cost_themselves_and_loops_end() -> None:
    row = conversation(TREE, "good")
    row["mapping"]["good"]["children"] = ["about", "lost", 7]
    row["mapping"]["odd"] = 3
    assert told(parse(row)) == EXPECTED
    with pytest.raises(ImportFormatError, match="no message"):
        parse({"mapping": {}, "current_node": None})
