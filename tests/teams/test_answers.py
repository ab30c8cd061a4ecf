"""Answers that are the same, and those that most gave."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.teams.answers import is_same, normalised, tally

words = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=8).filter(str.strip)
phrases = st.lists(words, min_size=1, max_size=5).map(" ".join)
numbers = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Paris", "  paris. "),
        ("“Paris”", "**Paris**"),
        ("```python\nx = 1\n```", "x = 1"),
        ("1.234,56", "1,234.56"),
        ("1 234", "1'234"),
        ("3 km", "3000 metres"),
        ("2 hours", "120 min"),
        ("50%", "50 percent"),
        ("$1,234.50", "1234.5 dollars"),
        ("−5", "-5.0"),
        ("3 million", "3e6"),
        ("\\boxed{42}", "The final answer is 42."),
        ("Antwort: 42", "答案是42"),
        ("'４２'", "42"),
        ("- a\n- b", '["A", "B"]'),
        ('{"a": 1, "b": "X"}', '```json\n{"b": "x", "a": 1.00}\n```'),
        ("don't", "Don’t!"),
    ],
)
def test_the_same_answer_in_another_form_is_the_same(first: str, second: str) -> None:
    assert is_same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1", "-1"),
        ("1.5", "15"),
        ("0.5", "5"),
        ("42", "42 km"),
        ("3 m", "3 min"),
        ("1.234", "1,234"),
        ("10.0.0.1", "10001"),
        ("2024-01-01", "2024"),
        ("1 2 3", "123"),
        ("config.py", "configpy"),
        ("-rf", "rf"),
        ("C#", "C"),
        ("[1, 2]", "[2, 1]"),
        ("[]", "{}"),
        ("true", "1"),
        ("", ""),
        ("...", "!"),
    ],
)
def test_other_answers_and_no_answers_are_told_apart(first: str, second: str) -> None:
    assert not is_same(first, second)


@given(phrases, st.sampled_from(["{}", " {}.", '"{}"', "“{}”", "`{}`", "**{}**", "```\n{}\n```", "Answer: {}", "({})"]))
def test_what_stands_around_a_text_does_not_matter(text: str, form: str) -> None:
    assert is_same(form.format(text), text)


@given(st.text("aäzñé9 ", min_size=1).filter(str.strip))
def test_case_and_spaces_do_not_matter(text: str) -> None:
    assert normalised(text.upper().lower()) == normalised(f"\t{text.lower().replace(' ', '   ')}\n")


@given(numbers, st.sampled_from(["", " kg", " %", " widgets"]))
def test_a_number_is_the_same_with_separators_and_zeros(number: int, unit: str) -> None:
    assert is_same(f"{number}{unit}", f"{number:,}.00{unit}")


@given(numbers, numbers)
def test_other_numbers_are_other_answers(first: int, second: int) -> None:
    assert is_same(str(first), f"{second:,}") == (first == second)


json_values = st.recursive(
    st.none() | st.booleans() | numbers | phrases,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(words, inside, max_size=4),
    max_leaves=12,
).filter(lambda value: isinstance(value, list | dict))


@given(json_values)
def test_json_is_compared_by_value_whatever_its_layout(value: object) -> None:
    assert is_same(json.dumps(value), json.dumps(value, indent=3, sort_keys=True))


@given(st.text())
def test_any_text_at_all_can_be_compared(text: str) -> None:
    assert is_same(text, text) == (normalised(text) != "")


@given(st.lists(st.sampled_from(["a", "A.", "b", "c", "", None]), max_size=6), st.randoms())
def test_the_majority_does_not_depend_on_the_order(answers: list[str | None], order: random.Random) -> None:
    shuffled = order.sample(answers, len(answers))
    first, second = tally(answers), tally(shuffled)
    assert (first.winner, sorted(map(len, first.groups))) == (second.winner, sorted(map(len, second.groups)))
    if first.winner is not None and second.winner is not None:
        assert is_same(answers[first.groups[0][0]] or "", shuffled[second.groups[0][0]] or "")


def test_more_than_half_of_all_who_were_asked_settle_a_question() -> None:
    assert tally(["a", "A", "b"]).winner == 0
    assert tally(["a", "a", "b", "b"]).winner is None
    assert tally(["a", None]).winner is None
    assert tally([None, "", "..."]).groups == ()
    assert tally(["b", "a", "a", None]).winner is None
