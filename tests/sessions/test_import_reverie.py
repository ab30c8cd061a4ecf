"""Reverie's own lines: export and import round-trip."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ImportFormatError
from reverie.ids import event_id
from reverie.sessions.event import Event, EventType
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers import RawRecord, encode_line, parse_record
from reverie.sessions.session import Score, Session, Transcript

EVENT_TYPES: tuple[EventType, ...] = EventType.__args__  # type: ignore[attr-defined]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
times = st.none() | st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))
payloads = st.fixed_dictionaries(
    {"name": texts, "input": st.dictionaries(texts, texts | st.integers(0, 9) | st.none())},
    optional={"content": st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}), max_size=2)},
)
transcripts = st.builds(
    Transcript,
    session=st.builds(
        Session,
        id=st.from_regex(r"[A-Za-z0-9_.:-]{1,128}", fullmatch=True),
        source=st.sampled_from(["chat", "claude-code"]),
        agent=st.none() | texts,
        started_at=times,
        metadata=st.dictionaries(texts, texts, max_size=3),
    ),
    events=st.lists(st.builds(Event, st.sampled_from(EVENT_TYPES), payloads, times, st.none() | texts), max_size=5).map(
        tuple
    ),
    scores=st.lists(st.builds(Score, texts, st.floats(0, 1)), max_size=3).map(tuple),
)


def parse(line: bytes, overrides: dict[str, str] | None = None) -> Transcript:
    return parse_record(RawRecord("f", 1, "reverie", line, {"stem": "s"}), overrides or {})


def line(**fields: Any) -> bytes:
    return msgspec.json.encode({"session": {"id": "s", "source": "api"}, "events": [], **fields})


@given(transcripts)
def test_what_is_exported_is_imported_the_same(transcript: Transcript) -> None:
    exported = encode_line(transcript)
    assert exported.count(b"\n") == 1
    assert parse(exported.strip()) == transcript


def test_an_id_that_cannot_be_kept_is_derived_and_tool_results_follow() -> None:
    old = "order 17"
    use = {"type": "agent.tool_use", "payload": {"name": "f", "input": {}}}
    ours = {"type": "agent.tool_result", "payload": {"tool_use_id": event_id(old, 0)}}
    foreign = {"type": "agent.tool_result", "payload": {"tool_use_id": "sevt_elsewhere-"}}
    transcript = parse(line(session={"id": old, "source": "api"}, events=[use, ours, foreign]))
    assert transcript.session.id.startswith("sesn_")
    assert transcript.events[1].payload["tool_use_id"] == event_id(transcript.session.id, 0)
    assert transcript.events[2].payload["tool_use_id"] == "sevt_elsewhere-"


def test_the_user_may_set_fields_and_metadata() -> None:
    session = parse(line(), {"agent": "desk", "batch": "{stem}-1"}).session
    assert (session.id, session.agent, session.metadata) == ("s", "desk", {"batch": "s-1"})


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    event = {"type": "user.interrupt", "payload": {"note": "a\0b"}}
    assert parse(line(events=[event])).events[0].payload == {"note": "a\ufffdb"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"events": []}', "missing required field `session`"),
        (line(session={"id": "", "source": "api"}), "session.id is empty"),
        (line(events=[{"type": "agent.dance", "payload": {}}]), r"\$\.events\[0\]\.type"),
        (line(events=[{"type": "agent.tool_use", "payload": {}}]), r"events\[0\]\.payload must have name"),
        (line(events=[{"type": "user.message", "payload": {"content": [1]}}]), "content that is a list of blocks"),
        (
            line(events=[{"type": "user.message", "payload": {"content": [{"type": "text"}]}}]),
            "has a text block without text",
        ),
    ],
)
def test_what_cannot_be_used_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(ImportFormatError, match=reason):
        parse(data)


def test_a_reward_out_of_bounds_costs_itself_and_a_warning() -> None:
    data = line(scores=[{"metric": "reward", "value": 2}, {"metric": "csat", "value": 4}])
    warnings: list[ImportProblem] = []
    transcript = parse_record(RawRecord("a.jsonl", 3, "reverie", data), {}, warnings)
    assert transcript.scores == (Score("csat", 4),)
    (warning,) = map(str, warnings)
    assert warning.startswith("a.jsonl:3: scores[0] ") and "is outside 0 to 1; give it another name" in warning
