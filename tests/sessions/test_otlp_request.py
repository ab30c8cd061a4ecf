"""Requests of OTLP in both encodings, and what is kept of them."""

import json
import secrets
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from reverie.errors import ImportFormatError
from reverie.sessions.importers.otlp.assembly import assemble
from reverie.sessions.importers.otlp.request import encoded_answer, encoded_status, read_request
from reverie.sessions.importers.otlp.trace_part import redacted_span, spans_of, trace_parts
from reverie.sessions.redaction import Redactor
from reverie.sessions.session import Transcript
from tests.sessions.otlp_spans import TRACE, as_protobuf, chat, desk, request, span, text

TEXTS = st.text(st.characters(codec="utf-8"))
SCALARS = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(attributes=st.dictionaries(TEXTS, VALUES, max_size=4), error=TEXTS)
def test_both_encodings_of_a_request_tell_the_same(attributes: dict[str, Any], error: str) -> None:
    told = request([span(1, 0, 1, attributes, parent=2, events=[("said", 1, attributes)], error=error)], attributes)
    as_json = read_request("traces", "json", json.dumps(told).encode())
    assert read_request("traces", "protobuf", as_protobuf(told)) == as_json
    assert len(as_json.spans) == 1


def test_bodies_of_log_records_are_read_whatever_they_hold() -> None:
    sent: Any = ExportLogsServiceRequest()
    records = sent.resource_logs.add().scope_logs.add().log_records
    for number in range(3):
        record = records.add(trace_id=bytes.fromhex(TRACE), span_id=b"12345678", event_name=f"event {number}")
        record.time_unix_nano = 7
    records[0].body.kvlist_value.values.add(key="role").value.string_value = "user\0"
    records[1].body.array_value.values.add().kvlist_value.values.add(key="n").value.int_value = 3
    records[2].body.bytes_value = b"\0\1"
    read = read_request("logs", "protobuf", sent.SerializeToString())
    found = [one.records[0].attributes for one in read.spans]
    assert found == [{"role": "user\ufffd"}, {"body": [{"n": 3}]}, {"body": "AAE="}]


@pytest.mark.parametrize("rejected", [0, 1, 127, 128, 300_000])
def test_answers_are_what_exporters_read(rejected: int) -> None:
    answer = ExportTraceServiceResponse.FromString(encoded_answer("traces", "protobuf", rejected, "ohne Größe"))
    assert answer.partial_success.rejected_spans == rejected
    assert answer.partial_success.error_message == ("ohne Größe" if rejected else "")
    logs = ExportLogsServiceResponse.FromString(encoded_answer("logs", "protobuf", rejected, "odd"))
    assert logs.partial_success.rejected_log_records == rejected
    in_json = json.loads(encoded_answer("logs", "json", rejected, "odd"))
    assert in_json == (
        {"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": "odd"}} if rejected else {}
    )


def test_a_status_is_a_code_and_a_message() -> None:
    assert encoded_status("protobuf", 16, "key") == b"\x08\x10\x12\x03key"
    assert json.loads(encoded_status("json", 16, "key")) == {"code": 16, "message": "key"}


@pytest.mark.parametrize("content", [b"[]", b"7", b'"a"', b'{"resourceSpans": {}}', b'{"resource_logs": []}'])
def test_json_that_is_no_request_of_traces_is_refused(content: bytes) -> None:
    with pytest.raises(ImportFormatError, match="no resourceSpans"):
        read_request("traces", "json", content)


def test_names_as_in_the_proto_files_are_read() -> None:
    given = json.dumps(request(desk())).replace("resourceSpans", "resource_spans").replace("scopeSpans", "scope_spans")
    assert len(read_request("traces", "json", given.encode()).spans) == len(desk())


def test_a_session_of_redacted_spans_is_the_redacted_session() -> None:
    secret, redactor = f"ghp_{secrets.token_hex(18)}", Redactor(b"k" * 32)
    where = text("user", f"my key {secret}, mail ann@example.org")
    more = {"user.id": "ann@example.org", "session.id": "ann@example.org"}
    given = [
        chat(1, 0, 1, [where], [text("assistant", "ok")], more=more),
        chat(2, 2, 3, [where, text("assistant", "ok"), text("user", f"again {secret}")], [], error=f"bad {secret}"),
    ]
    read = read_request("traces", "json", json.dumps(request(given)).encode()).spans
    counts: Counter[str] = Counter()
    kept = spans_of(part.spans for part in trace_parts(redacted_span(one, redactor, counts) for one in read))

    def redacted(spans: Any) -> Transcript:
        draft = assemble("ann@example.org", spans)
        return redactor.transcript(Transcript(draft.session, tuple(draft.log.events)))[0]

    assert redacted(kept) == redacted(read)
    assert secret not in str(kept)
    assert (counts["GITHUB_TOKEN"], kept[0].attributes["session.id"]) == (4, "ann@example.org")
    assert "ann@example.org" not in str(kept).replace("'session.id': 'ann@example.org'", "")


def test_names_of_spans_attributes_and_events_are_redacted_too() -> None:
    secret, counts = f"ghp_{secrets.token_hex(18)}", Counter[str]()
    odd = {f"of {secret}": 1, "deep": {f"in {secret}": [secret]}}
    given = span(1, 0, 1, odd, events=[(f"event {secret}", 1, odd)]) | {"name": f"call {secret}"}
    (read,) = read_request("traces", "json", json.dumps(request([given], odd)).encode()).spans
    kept = redacted_span(read, Redactor(b"k" * 32), counts)
    assert secret in str(read) and secret not in str(kept)
    assert list(kept.attributes["deep"]) != [] and kept.events[0].name.startswith("event [GITHUB_TOKEN:")


def test_a_trace_is_rooted_by_a_span_without_a_parent_and_named_by_what_its_spans_call_their_conversation() -> None:
    named = {"gen_ai.conversation.id": "a", "session.id": "b", "langfuse.session.id": "c" * 501}
    given = [span(1, 0, 1, named, parent=7), span(2, 0, 1, {}, trace="1" * 32)]
    first, second = trace_parts(read_request("traces", "json", json.dumps(request(given)).encode()).spans)
    assert (first.trace_id, first.rooted, first.conversations) == (TRACE, False, ("a", "b"))
    assert (second.trace_id, second.rooted, second.conversations) == ("1" * 32, True, ())
