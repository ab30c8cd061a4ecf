"""Which patterns are plotted, what they are called, and how refusals are grouped."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reverie.dreams.dream import PatternRow
from reverie.reports.patterns import PLOTTED, choose_patterns, claim_in_words, claim_of, status_of, words_of
from reverie.reports.refusals import LISTED, group_refusals
from tests.reports.dream_samples import empty_dream, lesson, pattern

effects = st.none() | st.floats(-1, 1)
rows = st.builds(
    pattern,
    st.just("session"),
    st.just("ask"),
    effects,
    st.sampled_from(["adopted", "candidate", "no difference within tasks"]),
    st.floats(-1, 1),
)


@given(st.lists(rows, max_size=60))
def test_the_chart_holds_adopted_before_candidates_before_refused(patterns: list[PatternRow]) -> None:
    chosen = choose_patterns(patterns)
    assert len(chosen) == min(PLOTTED, len(patterns)) or any(map(_kept, patterns))
    assert [status_of(row) for row in chosen] == sorted(status_of(row) for row in chosen)


def _kept(row: PatternRow) -> bool:
    return status_of(row) != "refused"


def test_the_loudest_pooled_claims_stay_in_the_chart_beside_many_adopted_patterns() -> None:
    adopted = [pattern("session", f"call:tool_{n}", 0.2, "adopted", 0.2) for n in range(40)]
    refused = [pattern("session", f"call:decoy_{n}", 0.0, "no difference", n / 100) for n in range(40)]
    chosen = choose_patterns([*adopted, *refused])
    assert [row.behaviour for row in chosen[-8:]] == [f"call:decoy_{n}" for n in range(39, 31, -1)]


def test_candidates_are_ordered_by_effect_over_q() -> None:
    weak = pattern("session", "ask", 0.3, "candidate", 0.3)
    sure = replace(weak, behaviour="confirm", q_value=0.001)
    assert choose_patterns([weak, sure]) == (sure, weak)


def test_a_claim_is_told_in_words_with_its_condition() -> None:
    row = pattern("after error:timeout", "call:check_policy", 0.1, "adopted", 0.1)
    assert claim_of(row) == "after error:timeout | call:check_policy"
    assert words_of(claim_of(row)) == "call `check_policy`, when the last tool call failed with “timeout”"


def test_a_claim_about_one_task_category_is_told_in_words_and_names_it() -> None:
    anywhere = pattern("session (category refunds)", "call:check_policy", 0.1, "adopted", 0.1)
    before = pattern("before refund (category a | b)", "before refund | call:check_policy", 0.1, "adopted", 0.1)
    assert claim_of(anywhere) == "call:check_policy (category refunds)"
    assert claim_in_words(anywhere) == "call `check_policy` (category refunds)"
    assert claim_in_words(before) == "call `check_policy` before the first `refund` call (category a | b)"


def test_a_claim_in_an_unknown_vocabulary_is_left_as_it_is() -> None:
    assert words_of("after lunch | nap:twice") == "after lunch | nap:twice"


def test_reasons_that_differ_only_in_numbers_and_names_are_one_group() -> None:
    patterns = (
        pattern("session", "ask", 0.1, "a shadow of `confirm` (q 0.30)", 0.2),
        pattern("session", "plan", 0.2, "A shadow of `think` (q 0.41).", 0.1),
        pattern("session", "apology", 0.3, "a symptom", 0.1),
    )
    groups = group_refusals(replace(empty_dream(), patterns=patterns))
    assert [(group.reason, group.count) for group in groups] == [("a shadow of … (q …)", 2), ("a symptom", 1)]


def test_a_refused_lesson_stands_for_its_own_pattern() -> None:
    refused = lesson(0, status="refused", behaviour="start | ask", reason="not confirmed")
    own = pattern("start (category refund)", "start | ask", 0.1, "not confirmed", 0.2)
    patterns = (own, pattern("start", "plan", 0.1, "adopted", 0.2))
    (group,) = group_refusals(replace(empty_dream(), lessons=(refused,), patterns=patterns))
    assert [item.claim for item in group.refusals] == [refused.statement]


def test_long_groups_show_the_loudest_and_count_the_rest() -> None:
    patterns = tuple(pattern("session", f"call:t{n}", n / 1000, "no difference", 0.0) for n in range(LISTED + 30))
    (group,) = group_refusals(replace(empty_dream(), patterns=patterns))
    assert [item.claim for item in group.examples] == ["call `t129`", "call `t128`", "call `t127`"]
    assert (len(group.examples) + len(group.rest), group.unlisted) == (LISTED, 30)
