import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.cli.table import format_table
from reverie.digests.behaviour_name import SESSION, Situation, called, write_label
from reverie.digests.vocabulary import describe
from reverie.display_name import LONGEST_NAME, printable, shown_name
from reverie.reports.patterns import words_of
from reverie.reports.words import printable as printable_page
from reverie.reports.words import with_code

ODD = [
    "получить_заказ", "注文を取得", "احصل_على_الطلب", "a`b`c", "<script>alert(1)</script>", "x\x1b[31mred",
    "two\nlines", "ab\u202eevil\u202c", "zero\u200bwidth", "tag\U000e0041", "| cell |", "e\u0301" * 200, "n" * 300,
    "\x00", "`",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("situation", [SESSION, Situation("before", "x"), Situation("seen", "t.f=v")])
def test_an_odd_tool_name_is_one_short_span_of_code_in_every_sentence(name: str, situation: Situation) -> None:
    phrase = describe(situation, called(name))
    assert phrase.action.count("`") in (2, 4)
    assert printable(phrase.action, "") == phrase.action
    assert len(phrase.action) < 2 * LONGEST_NAME + 60
    label = words_of(write_label(situation, called(name)))
    assert "<script" not in str(with_code(label))


@given(st.text(max_size=400))
def test_a_shown_name_is_printable_short_and_never_empty(name: str) -> None:
    shown = shown_name(name)
    assert 0 < len(shown) <= LONGEST_NAME
    assert "`" not in shown
    assert "\n" not in shown
    assert printable(shown, "") == shown
    assert shown_name(shown) == shown


def test_a_long_name_keeps_both_ends_and_other_scripts_stay_as_they_are() -> None:
    shown = shown_name("begin_" + "x" * 300 + "_end")
    assert shown.startswith("begin_")
    assert shown.endswith("_end")
    assert shown_name("注文を取得") == "注文を取得"


def test_a_terminal_and_a_page_are_not_steered_by_names() -> None:
    table = format_table(("status", "lesson"), [["adopted", "call x\x1b[31m\u202ered"]])
    assert table.splitlines()[1] == "adopted  call x[31mred"
    assert printable_page("a\u202eb") == "ab"
