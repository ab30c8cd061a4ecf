"""Numbers with their nouns."""

import pytest

from reverie.display_name import numbered


@pytest.mark.parametrize(
    ("number", "noun", "plural", "said"),
    [
        (0, "session", None, "0 sessions"),
        (1, "session", None, "1 session"),
        (2, "other session", None, "2 other sessions"),
        (1, "memory", "memories", "1 memory"),
        (12_345, "memory", "memories", "12,345 memories"),
    ],
)
def test_a_noun_agrees_with_its_number(number: int, noun: str, plural: str | None, said: str) -> None:
    assert numbered(number, noun, plural) == said
