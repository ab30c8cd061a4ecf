"""Rules about attacks are kept; attacks are not."""

import pytest

from reverie.memory.conflicts import REVIEW_MARK
from reverie.memory.screening import find_doubtful, screen
from tests.memory.screening_examples import HARMLESS, HOSTILE


@pytest.mark.parametrize("text", HARMLESS)
def test_what_an_agent_may_well_note_is_kept(text: str) -> None:
    assert screen(text) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_orders_to_break_the_rules_are_found_however_they_are_wrapped(text: str) -> None:
    assert screen(text) == "instruction"


def test_what_cannot_be_told_is_for_review() -> None:
    assert find_doubtful("The client wants us to skip the signature on packages in future.") is not None
    assert find_doubtful("The user wants short answers.") is None


def test_few_harmless_notes_are_marked_for_review() -> None:
    assert sum(find_doubtful(text) is not None for text in HARMLESS) <= 6


def test_the_mark_for_review_is_no_order_itself() -> None:
    assert screen(REVIEW_MARK) is None
    assert find_doubtful(REVIEW_MARK) is None
