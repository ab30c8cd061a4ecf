"""Each special world holds what it is there to test, seen from the messages alone."""

import numpy as np
from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts

from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds import (
    World,
    confounded_world,
    drift_world,
    flips_world,
    hand_off_world,
    incident_desk_world,
    pipeline_world,
    rare_world,
    score_lessons,
    shadows_world,
    tutor_world,
    wording_world,
)
from tests.testing.test_worlds import Seen, Session, by_task, calls, pooled, within

SESSIONS = 6_000


def told(world: World) -> list[Session]:
    return [Session(line) for line in world.lines]


def near(sessions: list[Session], did: Seen, truth: float) -> bool:
    """Whether the difference within tasks is the truth, as far as these sessions can tell."""
    estimate, error = within(sessions, did, by_task)
    return abs(estimate - truth) < 3.5 * error < 0.15


def test_a_helpful_act_in_hard_tasks_shows_only_within_tasks() -> None:
    sessions = told(confounded_world(7, SESSIONS))
    assert near(sessions, calls("verify_identity"), 0.20)
    assert abs(pooled(sessions, calls("verify_identity"))) < 0.1
    assert pooled(sessions, calls("get_customer_profile")) > 0.08
    assert near(sessions, calls("get_customer_profile"), 0.0)


def test_a_search_helps_with_refunds_and_harms_with_accounts() -> None:
    sessions = told(flips_world(7, SESSIONS))
    families = {name: [s for s in sessions if s.task.startswith(name)] for name in ("refund", "account")}
    assert near(families["refund"], calls("search_kb"), 0.22)
    assert near(families["account"], calls("search_kb"), -0.22)
    assert near(sessions, calls("search_kb"), 0.0)


def test_shadows_look_helpful_until_their_cause_is_held_fixed() -> None:
    sessions = told(shadows_world(7, SESSIONS))
    estimate, error = within(sessions, calls("track_shipment"), by_task)
    assert estimate > 5 * error
    verified = [s for s in sessions if s.has("verify_identity")]
    assert near(verified, calls("track_shipment"), 0.0)


def test_the_drifting_cause_works_in_the_first_half_of_the_time_only() -> None:
    sessions = told(drift_world(7, SESSIONS))
    half = SESSIONS // 2
    assert near(sessions[:half], calls("offer_voucher"), 0.30)
    assert near(sessions[half:], calls("offer_voucher"), 0.0)


def test_the_strong_cause_is_rare_and_the_common_one_weak() -> None:
    sessions = told(rare_world(7, SESSIONS))
    rare, common = (np.mean([s.has(tool) for s in sessions]) for tool in ("search_kb", "get_customer_profile"))
    assert 0.03 < rare < 0.05
    assert 0.55 < common < 0.65
    assert near(sessions, calls("search_kb"), 0.35)
    assert near(sessions, calls("get_customer_profile"), 0.06)


def test_saying_that_one_understands_helps() -> None:
    def understands(session: Session) -> bool:
        said = [m["content"] or "" for m in session.messages if m["role"] == "assistant"]
        return any("frustrating" in text for text in said)

    assert near(told(wording_world(7, SESSIONS)), understands, 0.18)


def test_a_second_agent_takes_over_once_and_for_good() -> None:
    def speakers(session: Session) -> list[str]:
        return [m["name"] for m in session.messages if m["role"] == "assistant"]

    sessions = told(hand_off_world(7, SESSIONS))
    assert all(speakers(s) == sorted(speakers(s)) for s in sessions)
    assert near(sessions, lambda s: "specialist" in speakers(s), 0.18)


def test_each_trade_has_a_dream_that_tells_its_effects_in_their_best_words_and_nothing_else() -> None:
    for make in (incident_desk_world, pipeline_world, tutor_world):
        world = make(2)
        dreamt = dream(make_corpus(digest_sessions(world_transcripts(world))), MiningPolicy(placebo_runs=0))
        score = score_lessons(world.truths, dreamt.lessons)
        assert (score.false_adopted, score.recall) == (0, 1.0)
        assert score.described == (4, 4)
