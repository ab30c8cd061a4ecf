"""A placebo's count: doubts are asked only where confirmation adopts something, which changes no count."""

import numpy as np
import pytest
from evaluation.in_memory import digest_sessions, make_corpus, world_transcripts

from reverie.mining.comparison_group import form_groups
from reverie.mining.policy import MiningPolicy
from reverie.mining.selection import count_adopted, evaluate_hypotheses
from reverie.statistics.corpus import Corpus, form_strata
from reverie.statistics.placebo import shuffle_within_strata
from reverie.testing.worlds import support_desk


@pytest.fixture(scope="module")
def desk() -> Corpus:
    return make_corpus(digest_sessions(world_transcripts(support_desk(3, sessions=600, tasks=30)))).sorted_by_code()


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_counting_adopts_what_evaluating_adopts(desk: Corpus, lenient: bool, shuffled: bool, split: bool) -> None:
    # Lenient tests adopt some of what chance gives, so that doubts have something to take away.
    policy = MiningPolicy(discovery_fdr=0.9, confirmation_fdr=0.9, online_fdr=0.9) if lenient else MiningPolicy()
    strata = form_strata(desk)
    strata = strata if split else strata.unsplit()
    generator = np.random.default_rng(0)
    rewards = shuffle_within_strata(desk.reward, strata, generator) if shuffled else desk.reward
    groups = form_groups(desk, strata, policy)
    evaluated = evaluate_hypotheses(desk, strata, groups, rewards, policy).adopted()
    assert count_adopted(desk, strata, groups, rewards, policy) == len(evaluated)
