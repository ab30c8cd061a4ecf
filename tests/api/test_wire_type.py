"""How Reverie's own records are read from requests, and answers held against them."""

from typing import Any

import msgspec
import pytest

from reverie.api.records import (
    DreamRequestParams,
    EnvironmentKeyCreateParams,
    LessonListParams,
    MetricDefineParams,
    SegmentPreview,
    SegmentPreviewParams,
)
from reverie.api.wire_type import RecordType
from reverie.errors import InputError

STORE = {"type": "memory_store", "memory_store_id": "memstore_1"}
PREVIEW = {"where": None, "sessions": 1, "scored": 0, "mean_reward": None, "first_session_ids": ["sesn_1"]}


def read(record: type, body: Any) -> Any:
    return RecordType(record).read_json(msgspec.json.encode(body))


def test_a_body_holds_what_was_given_and_no_defaults() -> None:
    assert read(MetricDefineParams, {"name": "speed", "high": 60}) == {"name": "speed", "high": 60}
    assert read(SegmentPreviewParams, {}) == {}
    assert read(DreamRequestParams, {"inputs": [STORE]}) == {"inputs": [STORE]}


@pytest.mark.parametrize(
    ("record", "body", "problem"),
    [
        (MetricDefineParams, {}, "name: is needed"),
        (MetricDefineParams, {"name": ""}, "name: String should have at least 1 character"),
        (MetricDefineParams, {"name": "m", "direction": "up"}, "direction: 'up' is not allowed"),
        (MetricDefineParams, {"name": "m", "wieght": 1}, "wieght: there is no such field (did you mean 'weight'?)"),
        (EnvironmentKeyCreateParams, {"expires_in_days": 0}, "expires_in_days: should be greater than or equal to 1"),
        (DreamRequestParams, {"inputs": [{"type": "files"}]}, "inputs.0.type: 'files' is not allowed"),
        (DreamRequestParams, {"inputs": [{**STORE, "more": 1}]}, "inputs.0.more: there is no such field"),
        (DreamRequestParams, {"inputs": [STORE], "instructions": ""}, "instructions: String should have at least 1"),
        (DreamRequestParams, {"inputs": [STORE], "output_behavior": None}, "output_behavior: give an object, not null"),
    ],
)
def test_a_body_that_is_not_as_its_record_is_refused_by_field(record: type, body: Any, problem: str) -> None:
    with pytest.raises(InputError) as error:
        read(record, body)
    assert str(error.value).startswith(problem)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400"])
def test_a_number_is_finite(text: str) -> None:
    with pytest.raises(InputError, match="low: should be a finite number"):
        RecordType(MetricDefineParams).read_json(b'{"name": "m", "low": %b}' % text.encode())


def test_a_query_is_read_from_text() -> None:
    assert RecordType(LessonListParams).read_query([("limit", "7"), ("status", "adopted")]) == {
        "limit": 7,
        "status": "adopted",
    }
    with pytest.raises(InputError, match="limit: should be less than or equal to 100"):
        RecordType(LessonListParams).read_query([("limit", "101")])


def test_an_answer_says_exactly_what_its_record_says() -> None:
    answers = RecordType(SegmentPreview)
    assert answers.read_strictly({"type": "segment_preview", **PREVIEW}).sessions == 1
    for wrong in ({"sessions": "1"}, {"more": 1}, {"type": "other"}):
        with pytest.raises(InputError, match="SegmentPreview"):
            answers.read_strictly({"type": "segment_preview", **PREVIEW, **wrong})
