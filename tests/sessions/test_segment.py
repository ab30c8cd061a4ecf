"""Which expressions choose sessions, and which are refused."""

from datetime import UTC, datetime

import pytest

from reverie.errors import ExpressionError
from reverie.sessions.segment import (
    Absence,
    Column,
    Comparison,
    Conjunction,
    Disjunction,
    EverySession,
    Flag,
    Membership,
    MetadataEntry,
    MetricScore,
    Negation,
    Range,
    parse_segment,
)


@pytest.mark.parametrize("expression", [None, "", "  "])
def test_no_expression_is_every_session(expression: str | None) -> None:
    assert parse_segment(expression) == EverySession()


def test_a_condition_is_read_as_records() -> None:
    assert parse_segment("agent = 'it''s' and (-0.5 > reward or tag.x in ('a', 'b')) and score.q between 1 and 2") == (
        Conjunction(
            (
                Comparison(Column("agent"), "=", "it's"),
                Disjunction(
                    (
                        Comparison(Column("reward"), "<", -0.5),
                        Membership(MetadataEntry("x"), ("a", "b")),
                    )
                ),
                Range(MetricScore("q"), 1.0, 2.0),
            )
        )
    )


@pytest.mark.parametrize("expression", ["not scored", "scored"])
def test_a_boolean_column_is_a_condition_by_itself(expression: str) -> None:
    scored = Flag(Column("scored"))
    assert parse_segment(expression) == (Negation(scored) if "not" in expression else scored)


@pytest.mark.parametrize(
    "expression", ["category is not null", "not task_category is null", "not (Task_Category is null)"]
)
def test_other_spellings_of_one_condition_are_the_same_record(expression: str) -> None:
    assert parse_segment(expression) == Negation(Absence(Column("task_category")))


def test_a_long_chain_is_flat() -> None:
    segment = parse_segment(" or ".join(f"events = {i}" for i in range(500)))
    assert segment == Disjunction(tuple(Comparison(Column("events"), "=", float(i)) for i in range(500)))


def test_a_time_without_a_zone_is_utc() -> None:
    expected = Comparison(Column("started_at"), ">=", datetime(2026, 1, 2, tzinfo=UTC))
    assert parse_segment("started_at >= '2026-01-02'") == expected


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
        parse_segment(expression)
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
        parse_segment(expression)
