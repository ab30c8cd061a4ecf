"""An id is named where it stands as a whole, and not where it begins, ends or is within another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.whole_ids import names_any

IDS = st.text("ab1_.:-", max_size=4).map(lambda text: f"a{text}1")


@pytest.mark.parametrize(
    "text",
    [
        *("writer-1", "session `writer-1`, event", "See writer-1.", "writer-1: as said", "(writer-1)", "-writer-1\n"),
        *("writer-101 and writer-1", "会话writer-1说", "/v1/sessions/writer-1/events", "writer-1's", "writer-1…"),
    ],
)
def test_a_whole_id_is_named(text: str) -> None:
    assert names_any(text, ["writer-1"])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "writer-101",
            "writer-1-2",
            "writer-1.b",
            "writer-1:2",
            "writer-1_x",
            "writer-1a",
            "writer-1é",
            "writer-1--2",
        ),
        *("ghostwriter-1", "a-writer-1", "a.writer-1", "a:writer-1", "a_writer-1", "éwriter-1", "writer", ""),
    ],
)
def test_a_longer_id_does_not_name_the_shorter_one(text: str) -> None:
    assert not names_any(f"session `{text}`", ["writer-1"])


def test_where_another_id_that_holds_it_stands_it_is_not_named() -> None:
    assert names_any("run 1 b, then run 1", ["run 1"], ["run 1 b"])
    assert not names_any("run 1 b", ["run 1"], ["run 1 b"])
    assert names_any("run 1 bc", ["run 1"], ["run 1 b"])


def test_texts_within_a_value_are_looked_through_with_their_keys() -> None:
    assert names_any({"a": [{"b": "line\nwriter-1"}]}, ["writer-1"])
    assert names_any({"writer-1": 3}, ["writer-1"])
    assert not names_any({"a": ["writer-10", 1, None]}, ["writer-1"])


def test_an_id_that_is_a_mere_word_or_number_is_named_where_it_is_called_a_session() -> None:
    assert not any(names_any("12 sessions were new, as in `new`", [plain]) for plain in ("12", "new", "were"))
    assert names_any("- session `12`, event `e`", ["12"])
    assert names_any({"evidence": [{"session_id": "new"}]}, ["new"])
    assert not names_any({"action": "new"}, ["new"])


@given(IDS, IDS)
def test_of_two_ids_side_by_side_each_is_named_and_of_a_quoted_one_that_alone(one: str, other: str) -> None:
    assert names_any(f"{other}, {one}.", [one])
    assert names_any(f"`{other}`", [one]) == (one == other)
