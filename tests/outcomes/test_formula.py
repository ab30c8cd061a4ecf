"""The grader that computes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import InputError, MetricError
from reverie.outcomes.formula import evaluate, grade_by_formula
from reverie.outcomes.grader import Grade, GradedSession
from reverie.outcomes.graders import grader_named, read_graders
from reverie.outcomes.session_facts import SessionFacts

FACTS = SessionFacts(turns=2, steps=6, tool_calls=4, errors=1, input_tokens=900, output_tokens=100, seconds=30.0)
SESSION = GradedSession(FACTS, ())


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("1", 1.0),
        ("errors / tool_calls", 0.25),
        ("1 - min(1, errors / max(tool_calls, 1))", 0.75),
        ("1 if errors == 0 else 0.5", 0.5),
        ("0 < turns <= 2 and not errors > 1", 1.0),
        ("turns > 5 or seconds < 60", 1.0),
        ("-(input_tokens + output_tokens) ** 0.5 % 7", 7 - 1000**0.5 % 7),
        ("exp(-log(sqrt(tool_calls)))", 0.5),
        ("0.2 if turns > 5 else cost_usd if turns > 3 else abs(-0.3)", 0.3),
    ],
)
def test_a_formula_is_arithmetic_over_facts(formula: str, value: float) -> None:
    assert evaluate(formula, FACTS) == pytest.approx(value)


@pytest.mark.parametrize(
    ("formula", "fault"),
    [
        ("__import__('os')", "calls what is no function"),
        ("errors.real", "has Attribute"),
        ("[1][0]", "has Subscript"),
        ("(lambda: 1)()", "calls what is no function"),
        ("'a' * 9", "holds 'a'"),
        ("True", "holds True"),
        ("1j", "holds 1j"),
        ("reward", "names 'reward'"),
        ("max", "without calling it"),
        ("max(*turns)", "calls what is no function"),
        ("sqrt(1, 2)", "sqrt 2 numbers"),
        ("turns := 1", "cannot be read"),
        ("turns is 1", "has Is"),
        ("1 +", "cannot be read"),
        ("", "cannot be read"),
        ("1" + "+1" * 250, "501 characters"),
    ],
)
def test_what_is_no_formula_is_refused_with_the_part_at_fault(formula: str, fault: str) -> None:
    with pytest.raises(InputError, match="formula") as refused:
        evaluate(formula, FACTS)
    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("formula", "fault"),
    [
        ("1 / (turns - 2)", "division by zero"),
        ("9 ** 9 ** 9 ** 9", "has no value here"),
        ("(-1) ** 0.5", "below 0"),
        ("log(-1)", "has no value here"),
        ("1e308 * 10", "not a finite number"),
        ("cost_usd / turns", "cost_usd is not known of this session"),
    ],
)
def test_a_formula_without_a_value_for_a_session_gives_no_grade(formula: str, fault: str) -> None:
    with pytest.raises(MetricError, match="the formula") as refused:
        evaluate(formula, FACTS)
    assert fault in str(refused.value)


@given(st.text(alphabet="0123456789+-*/%()<>=. turnsmaxlogetifel,", max_size=60))
def test_whatever_is_written_gives_a_finite_number_or_a_named_error(formula: str) -> None:
    try:
        value = evaluate(formula, FACTS)
    except (InputError, MetricError):
        return
    assert isinstance(value, float) and value - value == 0


def test_the_grade_is_a_score_or_the_value_of_the_metric_that_is_named() -> None:
    formula = grader_named("formula")
    assert formula(SESSION, {"formula": "1 - errors / 4"}) == Grade(0.75, {}, "1 - errors / 4 = 0.75")
    per_turn = formula(SESSION, {"formula": "seconds / turns", "metric": "seconds_per_turn"})
    assert per_turn == Grade(None, {"seconds_per_turn": 15.0}, "seconds / turns = 15")
    with pytest.raises(MetricError, match=r"15\.0 is not between 0 and 1"):
        formula(SESSION, {"formula": "seconds / turns"})


@pytest.mark.parametrize(
    "params", [{}, {"formula": 1}, {"formula": "1", "metric": ""}, {"formula": "1", "rubric": "x"}]
)
def test_parameters_that_the_formula_grader_does_not_take_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the formula grader"):
        grade_by_formula(SESSION, params)


def test_an_unknown_grader_is_refused_with_those_that_are_known() -> None:
    assert "formula" in read_graders()
    with pytest.raises(InputError, match="grader 'taste' is unknown; known are formula"):
        grader_named("taste")
