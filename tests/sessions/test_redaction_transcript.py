import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from reverie.sessions.event import Event, EventType, text_content, text_of
from reverie.sessions.redaction import Redactor
from reverie.sessions.session import Session, Transcript


def redact(*events: Event, **tags: Any) -> tuple[Transcript, Counter[str]]:
    session = Session(id="sesn_1", source="chat", **tags)
    return Redactor(b"key").transcript(Transcript(session, events))


def redact_payload(type: EventType, **payload: Any) -> dict[str, Any]:
    return redact(Event(type, payload))[0].events[0].payload


def redact_text(text: str) -> str:
    return Redactor(b"key").text(text, Counter())


def test_every_text_of_a_transcript_is_covered() -> None:
    transcript, counts = redact(
        Event("user.message", {"content": text_content("I am ada@example.com")}),
        Event("agent.tool_use", {"name": "find_user", "input": {"filter": [{"email": "ada@example.com"}]}}),
        user_id="ada@example.com",
        metadata={"contact": "ada@example.com"},
    )
    placeholder = redact_text("ada@example.com")
    assert text_of(transcript.events[0]) == f"I am {placeholder}"
    assert transcript.events[1].payload["input"] == {"filter": [{"email": placeholder}]}
    assert transcript.session.user_id == placeholder
    assert transcript.session.metadata == {"contact": placeholder}
    assert counts == {"EMAIL": 4}


def test_ids_types_tool_names_and_task_ids_stay() -> None:
    name = "8.8.8.8"
    event = Event(
        "agent.tool_use",
        {"name": name, "tool_call_id": name, "tool_use_id": name, "input": {}},
        at=datetime(2024, 5, 15, tzinfo=UTC),
        thread_id=name,
    )
    transcript, counts = redact(event, task_id=name)
    assert transcript.events == (event,)
    assert transcript.session.task_id == name
    assert not counts


def test_an_event_without_secrets_is_the_same_object() -> None:
    event = Event("user.message", {"content": text_content("Where is my order #W2378156?")})
    assert redact(event)[0].events[0] is event


def test_the_source_payload_is_not_changed() -> None:
    payload = {"content": text_content("I am ada@example.com")}
    redact(Event("user.message", payload))
    assert payload == {"content": text_content("I am ada@example.com")}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("password", "correct horse", "SECRET"),
        ("password", 12345678, "SECRET"),
        ("apiKey", "0123abcd4567efab", "SECRET"),
        ("phone_number", "5551234567", "PHONE"),
        ("phone_number", 5551234567, "PHONE"),
        ("card_number", 4111111111111111, "CARD"),
    ],
)
def test_the_name_of_a_field_tells_what_is_in_it(field: str, value: object, kind: str) -> None:
    redacted = redact_payload("agent.tool_use", input={field: value})["input"][field]
    assert redacted.startswith(f"[{kind}:")
    assert json.loads(redact_text(json.dumps({field: value}))) == {field: redacted}


def test_a_secret_in_the_name_of_a_field_is_replaced() -> None:
    placeholder = redact_text("ada@example.com")
    assert redact_payload("agent.tool_use", input={"ada@example.com": 1}) == {"input": {placeholder: 1}}
    assert redact_text('{"ada@example.com": 1}') == f'{{"{placeholder}": 1}}'


def test_json_text_keeps_everything_but_the_secret_as_it_was_written() -> None:
    text = '{ "n": 1.10,\n  "email" : "\\u00c4 \\n\\u0061da@example.com",\t"list": [1e5, null, "\\/"] }'
    expected = text.replace("\\u0061da@example.com", redact_text("ada@example.com"))
    assert redact_text(text) == expected


def test_json_inside_json_and_json_lines_stay_json() -> None:
    inner = json.dumps({"email": "x\nada@example.com", "card": 4111111111111111})
    email, card = redact_text("ada@example.com"), redact_text("4111 1111 1111 1111")
    expected = {"email": f"x\n{email}", "card": card}
    assert json.loads(json.loads(redact_text(json.dumps({"body": inner})))["body"]) == expected
    assert [json.loads(line) for line in redact_text(f"{inner}\n{inner}").splitlines()] == [expected] * 2


def test_json_in_the_middle_of_a_text_keeps_its_escapes() -> None:
    text = 'Result: {"a": "x\\nada@example.com", "b": "\\n(555) 123-4567", "password": "hunter2"} done'
    redacted = redact_text(text).removeprefix("Result: ").removesuffix(" done")
    parsed = json.loads(redacted)
    assert parsed["a"] == f"x\n{redact_text('ada@example.com')}"
    assert parsed["b"] == f"\n{redact_text('(555) 123-4567')}"
    assert parsed["password"] == redact_text("password=hunter2").removeprefix("password=")
