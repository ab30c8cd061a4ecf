"""What is said of trials on the SQL worlds is what happened in them."""

from random import Random

import pytest
from evaluation.live_desk import as_briefing, base_rate, open_desk, true_effects
from evaluation.live_proof import ADVICE, LIKE, RIGHT, WRONG, LessonRun, count, expectations, run_seed
from evaluation.sql_world import small_world

from reverie.storage.postgres.database import Database


def made(seed: int, lesson: str, state: str, *acts: str, effect: float = 0.0) -> LessonRun:
    """What became of a lesson."""
    decided = 100 + seed if acts else None
    return LessonRun("together", seed, lesson, state, decided, 600, effect, effect - 0.1, effect + 0.1, acts)


def test_looking_first_helps_this_agent_its_opposite_harms_and_refunds_do_nothing() -> None:
    with open_desk(small_world()) as desk:
        effects = true_effects(desk, ADVICE, 20, Random(1))
        assert base_rate(desk, 20) == pytest.approx(0.67, abs=0.05)
    assert effects[RIGHT].alone == pytest.approx(0.2, abs=0.05)
    assert effects[WRONG].alone == pytest.approx(-0.2, abs=0.05)
    assert effects["refunds"].alone == 0


def test_where_the_schema_may_not_be_read_looking_first_harms() -> None:
    with open_desk(small_world(), locked=True) as desk:
        assert true_effects(desk, {RIGHT: ADVICE[RIGHT]}, 20, Random(1))[RIGHT].alone < -0.08


def test_a_session_earns_the_same_whenever_it_is_run() -> None:
    with open_desk(small_world()) as desk, open_desk(small_world()) as other:
        cases = [(task, as_briefing([ADVICE[RIGHT]]), str(case)) for task in desk.tasks[:5] for case in range(20)]
        earned = [desk.earn(*case) for case in cases]
        assert earned == [other.earn(*case) for case in reversed(cases)][::-1]
        assert {0.0, 1.0} == set(earned)


def test_lessons_are_counted_over_seeds() -> None:
    runs = [
        made(1, WRONG, "rolled_back", "roll_back", effect=-0.3),
        made(2, WRONG, "trial", effect=-0.1),
        made(1, LIKE, "rejected", "reject"),
    ]
    wrong, like = count(runs)
    assert (wrong.states, wrong.median_decided, wrong.effect) == ({"rolled_back": 1, "trial": 1}, 101, -0.2)
    assert (like.lesson, like.states) == (LIKE, {"rejected": 1})


def test_expectations_hold_or_do_not_by_what_was_decided_ever() -> None:
    wrong = [made(seed, WRONG, "rolled_back", "roll_back") for seed in range(8)]
    wrong += [made(seed, WRONG, "trial") for seed in (8, 9)]
    like = [made(seed, LIKE, "trial") for seed in range(9)]
    right = [made(seed, RIGHT, "adopted", "adopt") for seed in range(10)]
    kept = expectations([*wrong, *like, made(9, LIKE, "adopted", "adopt"), *right])
    assert list(kept.values()) == [True, True, True, True]
    worse = [*wrong[1:], made(0, WRONG, "rejected", "reject"), *like, made(9, LIKE, "rejected", "adopt", "reject")]
    assert list(expectations([*worse, *right[1:], made(0, RIGHT, "rolled_back", "adopt", "roll_back")]).values()) == [
        False,
        True,
        True,
        False,
    ]


async def test_a_seed_gives_the_same_sessions_draws_and_decisions_again(database: Database) -> None:
    with open_desk(small_world()) as desk:
        first, second = [await run_seed(database, desk, "all at once", 3, 24) for _ in range(2)]
    assert first == second
    assert [run.lesson for run in first] == list(ADVICE)
    assert {run.sessions for run in first} == {24}
