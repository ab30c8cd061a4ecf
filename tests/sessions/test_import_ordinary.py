"""The direct path for ordinary messages agrees with the path that reads every shape."""

import json
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.importers import RawRecord, messages, parse_record
from reverie.sessions.importers.draft import EventLog
from reverie.sessions.importers.open_calls import OpenCalls
from reverie.sessions.importers.ordinary import record_ordinary
from reverie.sessions.session import Transcript

TEXTS = st.one_of(st.none(), st.just(""), st.sampled_from(["hi", "é", "Error: no", '{"error": 1}', "x\ny"]))
IDS = st.one_of(st.none(), st.sampled_from(["", "c1", "c2", "c3"]))
NAMES = st.sampled_from(["find", "buy"])
ARGUMENTS = st.sampled_from(['{"id": 1}', "", "{}", "[1]", "broken", "{'a': 1}", None, {"id": 2}])
CALLS = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": NAMES}, optional={"arguments": ARGUMENTS})},
    optional={"id": IDS, "type": st.just("function"), "index": st.integers(0, 3)},
)
USAGES = st.dictionaries(
    st.sampled_from(["prompt_tokens", "completion_tokens", "input_tokens", "cost"]), st.integers(0, 99), max_size=3
)
MESSAGES = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": TEXTS}, optional={"name": NAMES}),
    st.fixed_dictionaries(
        {"role": st.just("assistant")},
        optional={
            "content": TEXTS,
            "tool_calls": st.one_of(st.none(), st.lists(CALLS, max_size=3)),
            "name": st.sampled_from(["", "planner", "coder"]),
            "usage": USAGES,
        },
    ),
    st.fixed_dictionaries({"role": st.just("tool"), "content": TEXTS}, optional={"tool_call_id": IDS, "name": NAMES}),
)
SCRAPS = st.one_of(st.none(), st.booleans(), st.integers(), st.just([]), st.just({}), st.just("x"), st.just([{"a": 1}]))
FIELDS = st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "name", "usage", "type", "timestamp", "id"])


def read(rows: list[Any]) -> tuple[Transcript, list[str]]:
    warnings: list[Any] = []
    data = json.dumps({"id": "s", "messages": [{"role": "user", "content": "start"}, *rows]}).encode()
    return parse_record(RawRecord("f", 1, "chat", data), {}, warnings), [warning.reason for warning in warnings]


def read_generally(rows: list[Any]) -> tuple[Transcript, list[str]]:
    with patch.object(messages, "record_ordinary", return_value=False):
        return read(rows)


@given(st.lists(MESSAGES, max_size=12))
def test_both_paths_give_the_same_events_and_warnings(rows: list[dict[str, Any]]) -> None:
    assert read(rows) == read_generally(rows)


@given(st.lists(st.tuples(MESSAGES, FIELDS, SCRAPS), max_size=8))
def test_both_paths_agree_on_messages_with_an_odd_value_in_them(rows: list[tuple[dict[str, Any], str, Any]]) -> None:
    odd = [{**message, field: scrap} for message, field, scrap in rows]
    assert read(odd) == read_generally(odd)


def test_what_the_direct_path_leaves_alone_it_leaves_untouched() -> None:
    log = EventLog()
    message = {"role": "assistant", "content": "so", "tool_calls": [{"function": {"name": "find"}}, {"function": {}}]}
    assert not record_ordinary(log, OpenCalls(), message, threaded=False)
    assert log.events == []
