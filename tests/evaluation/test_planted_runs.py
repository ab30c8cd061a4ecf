"""A dream over a small planted world is marked as it deserves, and so are the baselines."""

import pytest
from evaluation.baselines import POPULAR_LESSONS, popular_lessons
from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts
from evaluation.planted import WorldRun, run_drift, run_world
from evaluation.summary import overall_coverage, recall_by_size, summarise_world, truth_rows

from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds import plain_world

POLICY = MiningPolicy(placebo_runs=1)


@pytest.fixture(scope="module")
def plain() -> WorldRun:
    return run_world("plain", 1, POLICY, sessions=1_200)


@pytest.fixture(scope="module")
def null() -> WorldRun:
    return run_world("null", 1, POLICY, sessions=400)


def test_the_strong_causes_of_a_plain_world_are_found(plain: WorldRun) -> None:
    found = {truth.words for truth in plain.truths if "reverie" in truth.by}
    assert {"session | call:verify_identity", "session | call:search_kb"} <= found
    assert plain.marks["reverie"].false_words == ()


def test_intervals_hold_most_planted_effects(plain: WorldRun) -> None:
    covered, known = plain.covered_planted
    assert known == 2 * len(plain.truths)
    assert covered >= known - 1


def test_whatever_is_adopted_in_a_null_world_is_false(null: WorldRun) -> None:
    assert null.truths == ()
    assert all(marks.right == 0 for marks in null.marks.values())
    assert null.marks["pooled"].adopted > null.marks["reverie"].adopted == 0
    covered, known = null.covered_zero
    assert known > 100
    assert 0.9 < covered / known < 1.0


def test_popularity_advises_what_is_common_whether_it_helps_or_not(plain: WorldRun) -> None:
    corpus = make_corpus(digest_sessions(world_transcripts(plain_world(1, sessions=80, tasks=8))))
    lessons = popular_lessons(corpus)
    assert len(lessons) == POPULAR_LESSONS
    assert all(lesson.status == "adopted" and lesson.effect.estimate > 0 for lesson in lessons)
    assert "session | call:lookup_order" in plain.marks["popular"].false_words


def test_the_same_sessions_in_another_order_give_the_same_lessons() -> None:
    sessions = digest_sessions(world_transcripts(plain_world(2, sessions=160, tasks=8)))
    there, back = (dream(make_corpus(each), POLICY) for each in (sessions, sessions[::-1]))
    assert there.lessons == back.lessons


def test_runs_add_up(plain: WorldRun, null: WorldRun) -> None:
    summary = summarise_world([plain, plain])
    assert summary.precision.whole == 2 * plain.marks["reverie"].adopted
    assert [row.seeds for row in truth_rows([plain, plain])] == [2] * len(plain.truths)
    assert sum(row.recall["reverie"].whole for row in recall_by_size([plain])) == len(plain.truths)
    planted, zero = overall_coverage([plain, null])
    assert planted.whole == plain.covered_planted[1]
    assert zero.whole == plain.covered_zero[1] + null.covered_zero[1]


def test_a_fading_lesson_is_learnt_while_it_holds_and_not_kept_when_it_no_longer_does() -> None:
    run = run_drift(1, POLICY, sessions=1_000)
    assert (run.learnt, run.kept) == (True, False)


@pytest.mark.parametrize("seed", [12, 21])
def test_what_is_done_instead_of_looking_first_is_no_lesson_of_its_own(seed: int) -> None:
    run = run_world("early-stop", seed, POLICY)
    assert "reverie" in run.truths[0].by
    assert run.marks["reverie"].false_words == ()
