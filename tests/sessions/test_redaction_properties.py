import json
import re
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.event import Event, text_content
from reverie.sessions.redaction import Redactor
from reverie.sessions.redaction.credentials import credentials
from reverie.sessions.redaction.detector import Gate
from reverie.sessions.redaction.personal import PERSONAL as PERSONAL_DETECTORS
from reverie.sessions.session import Session, Transcript
from tests.sessions.test_redaction import DENYLIST, HARMLESS, NAMED, PERSONAL, SECRETS

REDACTOR = Redactor(b"key")
DETECTORS = credentials() + PERSONAL_DETECTORS
GATE = Gate(DETECTORS)
PLACEHOLDER = re.compile(r"\[[A-Z_]+:[0-9a-f]{8}\]")

VALUES = [value for _, value in SECRETS + PERSONAL]
EXAMPLES = VALUES + [text for _, text, _ in NAMED]
GLUE = [
    "",
    " ",
    "\n",
    "\t",
    "\\n",
    "\\u0040",
    '"',
    "'",
    ",",
    ":",
    "=",
    "[",
    "]",
    "(",
    "@",
    ".",
    "-",
    "+",
    "/",
    "0",
    "é",
    "\x1b[",
]
WORDS = ["password", "phone", "tel", "token", "secret", "api_key", "[EMAIL:0123abcd]", "[PHONE:12345678]", "555", "v"]

PHONES = [
    f"{word}{joint}{number}"
    for word in (
        "Phone number",
        "mobile",
        "WhatsApp",
        "fax",
        "(tel",
        "my tel",
        "tel:",
        'tel"',
        "cell:",
        "cell number",
        'cell"',
    )
    for joint in (" ", ". ", ': "', '\\": \\"')
    for number in ("5551234567", "07700 900123", "01.42.68.53.00", "+(44) 20 7946 0958")
]
OTHERS = [
    *("passphrase=hunter2", "cell_number: 5551234567", '"cell\\": \\"5551234567', "+(44)2079460958"),
    *(
        "555 123 4567",
        "555\u00a0123\u00a04567",
        "555.123.4567",
        "4111 1111 1111 1111",
        "MT84MALT011000012345MTLCAST001S",
    ),
    *(f"{name.replace('_?', joint)}=hunter2hunter2hunter2" for name in DENYLIST for joint in ("", "_")),
]

pieces = st.sampled_from(EXAMPLES + GLUE + WORDS + HARMLESS)
texts = st.lists(pieces | st.text(max_size=8), max_size=8).map("".join)
numbers = st.integers(-(10**17), 10**17) | st.sampled_from([4111111111111111, 5551234567]) | st.floats(allow_nan=False)
names = st.sampled_from(["password", "phone", "api_key", "note", "tel", "ada@example.com"]) | st.text(max_size=4)
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
).filter(lambda document: isinstance(document, dict | list))


def redact(text: str) -> str:
    return REDACTOR.text(text, Counter())


def shape(document: Any) -> Any:
    """The document without what redaction may change: texts, whole numbers and names."""
    if isinstance(document, dict):
        return [shape(value) for value in document.values()]
    if isinstance(document, list):
        return [shape(value) for value in document]
    return "value" if isinstance(document, str | int) and not isinstance(document, bool) else document


@given(texts)
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)
    counts: Counter[str] = Counter()
    assert REDACTOR.text(once, counts) == once
    assert not counts


@given(documents, st.sampled_from([None, 1]), st.booleans())
def test_json_stays_json_of_the_same_shape(document: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    redacted = redact(text)
    if any(PLACEHOLDER.search(key) for key in re.findall(r'"([^"]*)":', redacted)):
        return  # two names may have become one
    assert shape(json.loads(redacted)) == shape(document)
    assert redact(redacted) == redacted


def kept_out(text: str) -> list[str]:
    """The kinds that detectors find in the text though the gate lets them not see it, in any of its encodings."""
    found = [detector for detector in DETECTORS if any(detector.find(text))]
    encodings = (text.encode(), msgspec.json.encode({"field": text}), msgspec.json.encode([json.dumps([text])]))
    return [detector.kind for detector in found for text in encodings if detector not in GATE.detectors(text)]


def test_the_gate_lets_the_examples_of_every_detector_pass() -> None:
    texts = EXAMPLES + PHONES + OTHERS
    assert [text for text in texts if kept_out(text)] == []
    assert [text for text in EXAMPLES + OTHERS if not any(any(detector.find(text)) for detector in DETECTORS)] == []


@given(texts)
def test_the_gate_lets_every_detector_see_what_it_would_find(text: str) -> None:
    assert kept_out(text) == []


@given(names, texts | st.integers(1000, 10**16).map(str))
def test_the_gate_lets_every_detector_see_the_field_it_would_know(name: str, value: str) -> None:
    found = [d for d in DETECTORS if d.key and d.whole and d.key.search(name) and d.whole(value) is not None]
    for document in ({name: value}, [json.dumps({name: value})]):
        seen = GATE.detectors(msgspec.json.encode(document))
        assert [detector.kind for detector in found if detector not in seen] == []


@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4), st.sampled_from([" ", "\n", "; ", " and "]))
def test_nothing_that_was_planted_is_left(values: list[str], joint: str) -> None:
    redacted = redact(joint.join(values))
    assert PLACEHOLDER.sub("", redacted).replace(joint, "") == ""


@given(st.lists(st.sampled_from(HARMLESS), max_size=4).map(" ".join))
def test_harmless_text_stays_in_any_company(text: str) -> None:
    assert redact(text) == text


@given(st.lists(texts, max_size=4), st.dictionaries(names, texts, max_size=3))
def test_a_transcript_is_redacted_as_its_texts_are(contents: list[str], arguments: dict[str, str]) -> None:
    events = [Event("user.message", {"content": text_content(text)}) for text in contents]
    events.append(Event("agent.tool_use", {"name": "act", "input": arguments}))
    transcript, _ = REDACTOR.transcript(Transcript(Session("sesn_1", "chat"), tuple(events)))
    assert [event.payload["content"][0]["text"] for event in transcript.events[:-1]] == list(map(redact, contents))
    again, counts = REDACTOR.transcript(transcript)
    assert again == transcript
    assert not counts
