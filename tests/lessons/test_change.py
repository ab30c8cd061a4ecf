import msgspec
import pytest

from reverie.lessons.conflicts import join_outcomes, settle_conflicts
from reverie.lessons.lesson import Lesson
from reverie.lessons.proposal import propose_lesson
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.outcome import REWARD, Outcome
from reverie.outcomes.metric import Metric
from reverie.statistics.quantity import Estimate

from .test_proposal import ESTIMATE, FINDING

ON_REWARD = msgspec.structs.replace(ESTIMATE, effect=0.01, low=-0.02, high=0.04)
TURNS = Outcome("turns", Metric("turns", direction="minimize", low=0, high=40))


def estimate(effect: float, low: float, high: float) -> Estimate:
    return msgspec.structs.replace(ESTIMATE, effect=effect, low=low, high=high)


def finding(told: Estimate, *, verdict: str = "adopted") -> Finding:
    return msgspec.structs.replace(
        FINDING,
        hypothesis=Hypothesis(None, "start", "call:lookup", "choice", 0),
        verdict=verdict,
        confirmation=told,
        on_reward=ON_REWARD,
    )


def lesson(outcome: Outcome, told: Estimate, *, verdict: str = "adopted") -> Lesson:
    found = finding(told, verdict=verdict)
    return propose_lesson(found, store_id="x", agent=None, split_by="task", proving={}, outcome=outcome)


SAVING = estimate(0.2, 0.12, 0.27)


@pytest.mark.parametrize(
    ("outcome", "told", "words"),
    [
        (Outcome("seconds"), SAVING, "took 20% less time than others of the same task (12% to 27%) without a worse"),
        (Outcome("tokens"), SAVING, "used 20% fewer tokens than others of the same task (12% to 27%) without a worse"),
        (Outcome("cost_usd"), SAVING, "cost 20% less than others of the same task (12% to 27%) without a worse"),
        (Outcome("seconds"), estimate(-0.25, -0.4, -0.1), "took 25% more time than others of the same task (10% to"),
        (TURNS, estimate(3.0, 1.0, 5.0), "had a `turns` 3.00 lower than others of the same task (-5.00 to -1.00)"),
    ],
)
def test_the_statement_says_what_is_saved_with_its_interval_and_at_what_reward(
    outcome: Outcome, told: Estimate, words: str
) -> None:
    assert words in lesson(outcome, told).statement


def test_what_takes_more_is_advised_against_and_said_to_earn_no_more() -> None:
    worse = lesson(Outcome("seconds"), estimate(-0.25, -0.4, -0.1))
    assert worse.statement.startswith("Do not first call `lookup`. ")
    assert worse.statement.endswith("(10% to 40%) without a better reward (+0.01, -0.02 to +0.04).")


def test_what_is_not_adopted_claims_nothing_about_its_reward() -> None:
    assert lesson(Outcome("seconds"), SAVING, verdict="refused").statement.endswith(
        "; their reward differed by +0.01, -0.02 to +0.04."
    )


def test_claims_about_different_outcomes_are_different_lessons_with_their_own_unit() -> None:
    seconds, reward = lesson(Outcome("seconds"), SAVING), lesson(REWARD, SAVING)
    assert seconds.id != reward.id
    assert (seconds.effect.unit, reward.effect.unit) == ("share of seconds saved", "reward")
    assert seconds.reward_with == ON_REWARD.reward_with


def test_advice_that_several_outcomes_give_is_one_lesson_with_all_numbers() -> None:
    lessons = [lesson(Outcome("seconds"), SAVING), lesson(Outcome("tokens"), SAVING)]
    (joined,) = join_outcomes(lessons)
    assert (joined.id, joined.outcome) == (lessons[0].id, "seconds")
    assert joined.statement.count("First call `lookup`") == 1
    assert "less time" in joined.statement
    assert "fewer tokens" in joined.statement


def test_a_warning_and_a_recommendation_are_not_joined_and_are_no_exceptions_to_each_other() -> None:
    saves, costs = lesson(Outcome("seconds"), SAVING), lesson(Outcome("tokens"), estimate(-0.25, -0.4, -0.1))
    special = msgspec.structs.replace(
        costs, scope=msgspec.structs.replace(costs.scope, task_family="refund"), id="lsn_other"
    )
    assert settle_conflicts(join_outcomes([saves, special])) == [saves, special]
