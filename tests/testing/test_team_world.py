"""The planted team holds the truth that it claims: in its sessions, in a dream over them, and in its culprits."""

import pytest
from evaluation.in_memory import DigestedSession, digest_sessions, dream, make_corpus, world_transcripts

from reverie.lessons.lesson import Lesson
from reverie.mining.comparison_group import form_groups
from reverie.mining.policy import MiningPolicy
from reverie.sessions.event import text_of
from reverie.statistics.corpus import form_strata
from reverie.testing.worlds import null_team_world, score_lessons, team_failures, team_world
from reverie.testing.worlds.team import FAMILIES, SENTENCES, realised
from tests.digests.made_events import names

PARTS = {"done": {"done"}, "format": {"format"}, "long": {"constraints", "limits"}}


@pytest.fixture(scope="module")
def sessions() -> list[DigestedSession]:
    return digest_sessions(world_transcripts(team_world(1)))


@pytest.fixture(scope="module")
def lessons(sessions: list[DigestedSession]) -> dict[str, Lesson]:
    dreamt = dream(make_corpus(sessions), MiningPolicy(placebo_runs=0))
    return {lesson.behaviour: lesson for lesson in dreamt.lessons}


def test_a_brief_has_the_parts_that_were_drawn_for_it() -> None:
    for read in list(world_transcripts(team_world(3, sessions=40, tasks=8))):
        (brief,) = (text_of(e) for e in read.events if e.type == "agent.thread_message_sent" and "Write" in text_of(e))
        said = {"goal", "inputs"}.union(*(PARTS[name] for name, text in SENTENCES.items() if text in brief))
        (digested,) = digest_sessions([read])
        assert names(digested.digest, "delegating writer") == {f"brief:writer {part}" for part in said}


def test_what_a_brief_says_is_found_and_worded_so_that_a_coordinator_can_follow_it(lessons: dict[str, Lesson]) -> None:
    lesson = lessons["delegating writer | brief:writer done"]
    assert lesson.status == "adopted"
    assert lesson.advice == "When you call in `writer`, say when it is done and how it will be checked"
    assert lesson.effect.low > 0.05


def test_long_briefs_for_hard_tasks_look_harmful_and_are_refused(lessons: dict[str, Lesson]) -> None:
    lesson = lessons["delegating writer | brief:writer limits"]
    assert lesson.status == "refused"
    assert "within the same task" in lesson.reason


def test_briefs_are_compared_among_sessions_that_called_the_agent_in_and_in_each_family(
    sessions: list[DigestedSession],
) -> None:
    corpus = make_corpus(sessions)
    groups = form_groups(corpus, form_strata(corpus), MiningPolicy())
    families = {group.hypotheses[0].category for group in groups if group.situation.text == "delegating writer"}
    assert families == {None, *FAMILIES}


def test_work_that_two_threads_do_is_found_to_harm(lessons: dict[str, Lesson]) -> None:
    lesson = lessons["repeats another thread:search_sources"]
    assert (lesson.status, lesson.effect.estimate < -0.05) == ("adopted", True)


def test_a_dream_over_the_team_adopts_nothing_that_is_not_true(lessons: dict[str, Lesson]) -> None:
    assert score_lessons(team_world(1).truths, lessons.values()).false_adopted == 0


def test_where_nothing_is_planted_nothing_is_found_and_placebos_find_nothing() -> None:
    digested = digest_sessions(world_transcripts(null_team_world(101)))
    dreamt = dream(make_corpus(digested), MiningPolicy(placebo_runs=3))
    assert [lesson.behaviour for lesson in dreamt.lessons if lesson.status == "adopted"] == []
    assert dreamt.result.placebo_lessons == 0


def test_failures_are_known_by_who_erred_which_stands_in_no_session() -> None:
    failures = list(team_failures(2, sessions=400, tasks=20))
    assert {culprit for _, culprit in failures} == {"researcher", "writer", "coordinator"}
    assert all(line["scores"][0]["value"] == 0.0 for line, _ in failures)
    assert all("culprit" not in str(line) for line, _ in failures)


def test_whoever_changes_nothing_gains_nothing_and_whoever_says_when_it_is_done_gains() -> None:
    assert realised(1, lambda _, did: did, sessions=300) == 0.0
    assert realised(1, lambda _, did: {**did, "done": True}, sessions=300) > 0.05
