from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.dreams.request import MOST_SESSIONS, TRUSTED, read_request
from reverie.errors import InputError
from reverie.sessions.segment import Absence, Membership
from reverie.teams.membership import UNTRUSTED, is_untrusted

STORE = {"type": "memory_store", "memory_store_id": "memstore_a"}


def body(*inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"inputs": [STORE, *inputs], "model": "m", **more}


@given(st.lists(st.text(min_size=1), min_size=1, max_size=MOST_SESSIONS, unique=True))
def test_sessions_are_named_in_sorted_order_whatever_order_they_were_given_in(ids: list[str]) -> None:
    request = read_request(body({"type": "sessions", "session_ids": ids}))
    assert request.session_ids == tuple(sorted(ids))
    assert (request.clone, request.model, request.where) == (True, "m", None)


def test_more_sessions_can_be_named_where_there_is_no_limit() -> None:
    many = {"type": "sessions", "session_ids": [f"s{i}" for i in range(MOST_SESSIONS + 1)]}
    with pytest.raises(InputError, match="101 ids; give 1 to 100"):
        read_request(body(many))
    assert len(read_request(body(many), most_sessions=None).session_ids or ()) == 101


def test_a_query_chooses_sessions_and_a_blank_one_all_of_them() -> None:
    assert read_request(body({"type": "session_query", "where": " agent = 'a' "})).where == "agent = 'a'"
    assert read_request(body({"type": "session_query", "where": " "})).where is None


def test_a_result_is_written_to_the_input_store_alone() -> None:
    sessions = {"type": "sessions", "session_ids": ["s"]}
    updating = {"type": "update_existing", "memory_store_id": "memstore_a"}
    assert read_request(body(sessions, output_behavior=updating)).clone is False
    with pytest.raises(InputError, match="must be the input store, memstore_a"):
        read_request(body(sessions, output_behavior={**updating, "memory_store_id": "memstore_b"}))


def test_two_choices_of_sessions_are_one_too_many() -> None:
    sessions = {"type": "sessions", "session_ids": ["s"]}
    with pytest.raises(InputError, match="2 entries that choose sessions"):
        read_request(body(sessions, {"type": "session_query", "where": ""}))


@given(st.text(max_size=6) | st.sampled_from(["OFF", "oFf", "FALSE", "False", "NO", "nO", "0", "", "true", "1"]))
def test_a_session_that_is_trusted_by_its_mark_is_one_that_dreams_read(mark: str) -> None:
    absent, among = TRUSTED.parts
    assert isinstance(absent, Absence) and isinstance(among, Membership)
    assert (mark in among.values) is not is_untrusted({UNTRUSTED: mark})
