"""Numbers, times and names in words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.reports.words import clipped, counted, duration, moment, printable, q_words, signed, with_code


@pytest.mark.parametrize(
    ("value", "words"), [(0.194, "+0.19"), (-0.08, "−0.08"), (0.001, "0.00"), (-0.001, "0.00"), (-1.0, "−1.00")]
)
def test_effects_have_a_sign_unless_they_are_nought(value: float, words: str) -> None:
    assert signed(value) == words


@pytest.mark.parametrize(("number", "words"), [(0, "no lessons"), (1, "1 lesson"), (2000, "2,000 lessons")])
def test_counts_agree_with_their_noun(number: int, words: str) -> None:
    assert counted(number, "lesson") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_read_like_a_clock(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("q", "words"), [(0.0004, "< 0.001"), (0.0214, "0.021"), (float("nan"), "not computed")])
def test_small_q_values_are_bounded_rather_than_rounded_to_nought(q: float, words: str) -> None:
    assert q_words(q) == words


def test_times_are_told_in_utc() -> None:
    at = datetime(2026, 3, 5, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert moment(at) == "4 March 2026, 23:30 UTC"
    assert moment(at.astimezone(UTC).replace(tzinfo=None)) == "4 March 2026, 23:30 UTC"


def test_only_text_between_backticks_becomes_code() -> None:
    assert with_code("call `a<b` or `c` <i>") == "call <code>a&lt;b</code> or <code>c</code> &lt;i&gt;"


@given(st.text(), st.integers(1, 50))
def test_clipped_text_is_never_longer_than_asked_for(text: str, length: int) -> None:
    assert len(clipped(text, length)) <= max(length, 1)


@given(st.text(st.characters(codec=None)))
def test_printable_text_can_be_encoded_and_keeps_its_length(text: str) -> None:
    assert len(printable(text).encode()) >= len(text)
    assert len(printable(text)) == len(text)
