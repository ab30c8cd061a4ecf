"""Claims found on half of the tasks are measured on the other half."""

from evaluation.in_memory import digest_sessions, world_transcripts
from evaluation.replication import replicate

from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds import null_world, sizes_world

POLICY = MiningPolicy(placebo_runs=1)


def test_what_helps_replicates_on_tasks_never_mined() -> None:
    split = replicate(digest_sessions(world_transcripts(sizes_world(1, sessions=1_000, tasks=50))), POLICY)
    assert sum(split.tasks) == 50
    claims = {claim.behaviour: claim for claim in split.lessons}
    verify = claims["call:verify_identity"]
    assert verify.replicated
    assert verify.low is not None
    assert verify.high is not None
    assert verify.low < 0.3 < verify.high


def test_what_a_pooled_comparison_believes_in_a_null_world_does_not() -> None:
    split = replicate(digest_sessions(world_transcripts(null_world(2, sessions=1_000, tasks=50))), POLICY)
    assert split.lessons == ()
    assert {claim.behaviour for claim in split.pooled} >= {"call:search_kb"}
    assert sum(claim.replicated for claim in split.pooled) <= 0.2 * len(split.pooled)
