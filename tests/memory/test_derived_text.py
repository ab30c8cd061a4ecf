"""Lines that came from elsewhere are taken out of a document, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from reverie.memory.derived_text import lines_of, telling_lines, without_lines

WORDS = st.text("abcdefghij ", min_size=14, max_size=30).map(lambda text: f"w{text.strip()}w")
LINES = st.lists(WORDS, unique=True, max_size=6)


def test_a_line_that_holds_a_long_one_is_cut_and_a_short_one_is_cut_only_where_it_stands_alone() -> None:
    text = "# Notes\n\n- The blue key is here.\nok, fine\nok\nOpen at nine.\n"
    assert without_lines(text, ["The blue key is here.", "ok"], []) == "# Notes\n\nok, fine\nOpen at nine.\n"


def test_what_is_indented_below_a_line_that_names_an_erased_session_goes_with_it() -> None:
    text = "Do this.\n\nFor example, in session `s-1`:\n\n    the move itself\n    goes on\n\nWhy: it helps.\n"
    assert without_lines(text, [], ["s-1"]) == "Do this.\n\nWhy: it helps.\n"


def test_nothing_is_left_of_a_document_of_which_only_headings_are() -> None:
    assert without_lines("# Keys\n\n## Blue\n\nThe blue key is here.\n", ["The blue key is here."], []) == ""


@given(LINES, LINES)
def test_no_line_that_is_gone_is_left_and_every_other_one_is(kept: list[str], gone: list[str]) -> None:
    text = "\n".join([*kept, *gone])
    left = lines_of(without_lines(text, gone, []))
    assert left == [line for line in lines_of("\n".join(kept)) if not any(one in line for one in gone)]


@given(LINES, LINES)
def test_taking_out_twice_takes_out_no_more(kept: list[str], gone: list[str]) -> None:
    once = without_lines("\n".join([*kept, *gone]), gone, [])
    assert without_lines(once, gone, []) == once


def test_headings_and_short_lines_are_known_again_nowhere() -> None:
    assert telling_lines(["# What the customer wants", "ok", "The blue key is here."]) == ["The blue key is here."]
