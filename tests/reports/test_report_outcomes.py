"""What the report says of outcomes besides the reward."""

import msgspec

from reverie.dreams.dream import OutcomeSummary, PatternRow, PlaceboCounts
from reverie.lessons.lesson import Effect
from reverie.reports.html import render_report
from reverie.reports.patterns import PLOTTED, claim_of, words_of
from tests.reports.dream_samples import NOON, empty_dream, lesson

UNIT = "share of seconds saved"


def row(behaviour: str, verdict: str, effect: Effect, on_reward: Effect | None = None) -> PatternRow:
    situation = behaviour.rpartition(" | ")[0] or "session"
    return PatternRow(situation, behaviour, "choice", effect, 0.001, 30, 200, 180, verdict, -0.4, on_reward)


LOOKUP = row("start | call:lookup", "adopted", Effect(0.2, 0.12, 0.27, UNIT), Effect(0.01, -0.02, 0.04))
MARK = row("call:search", "seconds: a mark of long sessions: who has more time", Effect(-0.5, -0.6, -0.4, UNIT))


def page_of(*outcomes: OutcomeSummary) -> str:
    return render_report(msgspec.structs.replace(empty_dream(), outcomes=outcomes), {}, generated_at=NOON)


def seconds(*patterns: PatternRow) -> OutcomeSummary:
    return OutcomeSummary("seconds", UNIT, 1_500, 40, PlaceboCounts(5, 0), 0.08, patterns)


def test_an_outcome_is_told_with_its_placebo_its_effects_and_the_reward_beside_them() -> None:
    page = page_of(seconds(LOOKUP, MARK))
    assert "40 patterns tested in 1,500 sessions, 1 adopted; the placebo found no lessons in 5 runs." in page
    assert "first call <code>lookup</code>" in page
    assert "<td>+0.20</td><td>+0.12 to +0.27</td><td>+0.01 (−0.02 to +0.04)</td>" in page
    assert "<td>a mark of long sessions: who has more time</td>" in page


def test_an_outcome_without_values_says_so_and_a_dream_without_outcomes_has_no_section() -> None:
    nothing = OutcomeSummary(
        "csat", "csat", 0, 0, PlaceboCounts(5, 0), None, (), "no scored session has a value of csat"
    )
    assert "no scored session has a value of csat" in page_of(nothing)
    assert 'id="outcomes"' not in page_of()


def test_the_title_counts_the_placebo_of_every_outcome() -> None:
    chance = msgspec.structs.replace(seconds(LOOKUP), placebo=PlaceboCounts(5, 2))
    dreamt = msgspec.structs.replace(empty_dream(read=9, scored=9), placebo=PlaceboCounts(5, 1), outcomes=(chance,))
    assert "the placebo found 3 lessons in 5 runs." in render_report(dreamt, {}, generated_at=NOON)


def test_many_patterns_are_cut_off_and_counted() -> None:
    page = page_of(
        seconds(*[row(f"start | call:t{n}", "adopted", LOOKUP.effect or Effect(0, 0, 0)) for n in range(40)])
    )
    assert f"And {40 - PLOTTED} more" in page


def test_a_card_on_another_outcome_names_its_unit_and_its_effect_on_the_reward() -> None:
    saves = msgspec.structs.replace(
        lesson(0), outcome="seconds", effect=Effect(0.2, 0.12, 0.27, UNIT), on_reward=Effect(0.01, -0.02, 0.04)
    )
    page = render_report(msgspec.structs.replace(empty_dream(), lessons=(saves,)), {}, generated_at=NOON)
    assert "<b>+0.20</b> share of seconds saved" in page
    assert "Effect on the reward: +0.01 (−0.02 to +0.04)" in page


def test_a_pattern_that_names_its_situation_is_not_given_it_twice() -> None:
    assert claim_of(LOOKUP) == "start | call:lookup"
    assert words_of(claim_of(LOOKUP)) == "first call `lookup`"
