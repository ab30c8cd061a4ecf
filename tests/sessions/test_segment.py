"""Which expressions choose sessions, and which are refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ExpressionError
from reverie.sessions.segment import compile_segment


@pytest.mark.parametrize("expression", [None, "", "  "])
def test_no_expression_is_every_session(expression: str | None) -> None:
    assert compile_segment(expression).sql == "true"


def test_literals_become_parameters() -> None:
    segment = compile_segment("agent = 'it''s' and (reward < -0.5 or events >= 3)")
    assert segment.sql == (
        "((s.agent = %(segment_0)s::text) AND "
        "((s.reward < %(segment_1)s::float8) OR (s.event_count >= %(segment_2)s::float8)))"
    )
    assert segment.parameters == {"segment_0": "it's", "segment_1": -0.5, "segment_2": 3.0}


def test_a_time_without_a_zone_is_utc() -> None:
    segment = compile_segment("started_at >= '2026-01-02'")
    assert segment.parameters == {"segment_0": datetime(2026, 1, 2, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("agent = = 'x'", "at column 9, near '='"),
        ("agent = 'x", "cannot read"),
        ("colour = 'red'", "'colour' is not a column"),
        ("s.agent = 'x'", "'s.agent' is not a column"),
        ("upper(agent) = 'x'", "is not a column"),
        ("agent = model", "'model' is not a literal text"),
        ("agent = 3", "'3' is not a literal text; put the value in quotes"),
        ("metadata.trial > 3", "put the value in quotes"),
        ("reward = 'high'", "is not a literal number"),
        ("started_at > 'yesterday'", "is not a literal time"),
        ("reward", "is not a condition by itself"),
        ("scored = 'yes'", "is not a literal boolean"),
        ("reward is true", "'is' is for null"),
        ("agent in (select id from sessions)", "is not a list of literals"),
        ("reward like '1%'", "compares a number with a pattern"),
        ("agent like 'a\\'", "lone backslash"),
        ("agent ~ 'x'", "is not allowed"),
        ("reward between symmetric 1 and 0", "symmetric"),
        ("(" * 3000 + "scored" + ")" * 3000, "nested too deeply"),
        ("scored or " * 2000 + "scored", "at most 10000 characters"),
        ("agent = 'a\0b'", "must be text"),
    ],
)
def test_a_refused_expression_says_what_is_wrong(expression: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_segment(expression)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "expression",
    [
        "agent = 'x'; DROP TABLE sessions",
        "agent = 'x' UNION SELECT redaction_key FROM installation",
        "scored) OR (SELECT true",
        "1 = 1",
        "pg_sleep(10) is null",
        "agent = $1",
        "agent = E'\\x27'",
        "agent = 'x' || current_user",
        "agent = (SELECT redaction_key::text FROM installation)",
        "case when scored then true end",
        "exists (select 1)",
        "agent::text = 'x'",
        "agent = 'x' collate \"C\"",
        "metadata.\"k\" -> 1 = 'x'",
        "s.* is null",
        "agent = 'x' escape '\\'",
        "agent like 'x' escape 'y'",
        "agent = any(array['x'])",
        "(agent, model) = ('a', 'b')",
        "interval '1 day' = agent",
        "true",
    ],
)
def test_sql_beyond_comparisons_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError, match="allowed are the columns"):
        compile_segment(expression)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=50))
def test_no_text_of_a_literal_reaches_the_sql(value: str) -> None:
    quoted = value.replace("'", "''")
    segment = compile_segment(f"metadata.\"{value.replace(chr(34), chr(34) * 2) or 'k'}\" = '{quoted}'")
    assert segment.sql == "((s.metadata ->> %(segment_0)s::text) = %(segment_1)s::text)"
    assert segment.parameters == {"segment_0": value or "k", "segment_1": value}


@given(st.text("agent'\"();-= x%\\/*$1", max_size=30))
def test_any_text_either_compiles_to_known_parts_or_is_refused(text: str) -> None:
    try:
        segment = compile_segment(text)
    except ExpressionError:
        return
    rest = segment.sql
    for part in (
        "s.agent",
        "IS NULL",
        "true",
        "NOT",
        "IN",
        "AND",
        "OR",
        *(f"%({n})s::text" for n in segment.parameters),
    ):
        rest = rest.replace(part, "")
    assert set(rest) <= set("()=<>, ")
