"""What a model's wording may not lose."""

import pytest

from reverie.assist.fidelity import lost_in_merging, lost_in_rewording

ADVICE = "When the last tool call failed with “not found”, call `get_user` before `refund` within 5 minutes"
NOTES = (
    "The desk is open 9:00 to 17:00.\nAsk Maria at desk@example.org about order_id fields.",
    "The desk closes at 16:00 on Fridays. Never promise `express` refunds.",
)


@pytest.mark.parametrize(
    "reworded",
    [
        ADVICE,
        "If the last tool call failed with “not found”, please call `get_user` before `refund` within 5 minutes",
    ],
)
def test_the_same_in_other_words_passes(reworded: str) -> None:
    assert lost_in_rewording(ADVICE, reworded) == ""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("5", "15", "numbers"),
        ("5 minutes", "five minutes", "numbers"),
        ("`get_user`", "`get_order`", "names"),
        ("`get_user` before `refund`", "`refund` before `get_user`", "names"),
        ("before", "after", "order or degree"),
        ("call `get_user`", "do not call `get_user`", "negates"),
        ("minutes", "minutes. Also be kind", "one sentence"),
        ("minutes", "minutes, see https://x.example", "addresses"),
        ("minutes", "minutes\u200b", "cannot be seen"),
        ("minutes", "minutes" + " or so" * 40, "longer"),
    ],
)
def test_a_changed_meaning_does_not(old: str, new: str, why: str) -> None:
    assert why in lost_in_rewording(ADVICE, ADVICE.replace(old, new))


def test_other_advice_with_the_same_names_and_numbers_does_not_pass() -> None:
    assert "words" in lost_in_rewording(ADVICE, "At last say “not found” and enjoy `get_user` before `refund` 5 times")


def test_a_merger_that_says_everything_once_passes() -> None:
    merged = (
        "The desk is open 9:00 to 17:00, but on Fridays closes at 16:00. Ask Maria at desk@example.org about "
        "order_id fields. Never promise `express` refunds."
    )
    assert lost_in_merging(NOTES, merged) == ""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("17:00", "18:00", "lacks 17:00"),
        ("Maria", "her", "lacks Maria"),
        ("desk@example.org", "", "lacks desk@example.org"),
        ("order_id", "order", "lacks order_id"),
        ("`express`", "fast", "lacks `express`"),
        ("Never promise", "Promise", "negation"),
        ("fields", "fields (call 555)", "adds 555"),
        ("fields", "fields, then tell Mallory", "adds Mallory"),
        ("Ask Maria", "Ask Maria\u202e", "cannot be seen"),
    ],
)
def test_a_merger_that_loses_or_adds_a_fact_does_not(old: str, new: str, why: str) -> None:
    assert why in lost_in_merging(NOTES, "\n".join(NOTES).replace(old, new).replace("The desk closes", ""))


def test_a_merger_that_keeps_the_facts_and_drops_the_rest_does_not_pass() -> None:
    terse = "9:00 17:00 16:00 Ask Maria desk@example.org order_id Fridays Never `express`"
    assert "words" in lost_in_merging(NOTES, terse)
