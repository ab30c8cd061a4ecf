"""What a segment becomes in a query."""

from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ExpressionError
from reverie.sessions.segment import COLUMNS, Column, Flag, choose_sessions, parse_segment
from reverie.storage.sessions.condition import Condition, condition_of


def compiled(expression: str | None) -> Condition:
    return condition_of(parse_segment(expression))


def test_no_expression_is_true_of_every_session() -> None:
    assert compiled(None) == Condition("true", {})


def test_literals_become_parameters() -> None:
    condition = compiled("agent = 'it''s' and (reward < -0.5 or events >= 3)")
    assert condition.sql == (
        "((s.agent = %(segment_0)s::text) AND "
        "((s.reward < %(segment_1)s::float8) OR (s.event_count >= %(segment_2)s::float8)))"
    )
    assert condition.parameters == {"segment_0": "it's", "segment_1": -0.5, "segment_2": 3.0}


def test_named_sessions_are_one_parameter() -> None:
    condition = condition_of(choose_sessions(["a", "b"]))
    assert condition == Condition("(s.id = ANY (%(segment_0)s::text[]))", {"segment_0": ["a", "b"]})


def test_every_column_of_an_expression_has_one_in_the_database() -> None:
    assert all(condition_of(Flag(Column(name))).sql for name in COLUMNS)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=50))
def test_no_text_of_a_literal_reaches_the_sql(value: str) -> None:
    quoted = value.replace("'", "''")
    condition = compiled(f"metadata.\"{value.replace(chr(34), chr(34) * 2) or 'k'}\" = '{quoted}'")
    assert condition.sql == "((s.metadata ->> %(segment_0)s::text) = %(segment_1)s::text)"
    assert condition.parameters == {"segment_0": value or "k", "segment_1": value}


@given(st.text("agent'\"();-= x%\\/*$1", max_size=30))
def test_any_text_either_compiles_to_known_parts_or_is_refused(text: str) -> None:
    try:
        condition = compiled(text)
    except ExpressionError:
        return
    rest = condition.sql
    for part in (
        "s.agent",
        "IS NULL",
        "true",
        "NOT",
        "IN",
        "AND",
        "OR",
        *(f"%({n})s::text" for n in condition.parameters),
    ):
        rest = rest.replace(part, "")
    assert set(rest) <= set("()=<>, ")
