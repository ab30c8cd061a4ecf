import dataclasses

import msgspec
import numpy as np
import pytest

from reverie.mining.finding import Finding
from reverie.mining.mine import mine
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, form_strata
from reverie.statistics.placebo import shuffle_within_strata
from tests.statistics.simulated import Simulation

POLICY = MiningPolicy(placebo_runs=2)


def adopted(corpus: Corpus) -> dict[str, Finding]:
    result = mine(corpus, POLICY)
    return {f.hypothesis.name_text: f for f in result.findings if f.verdict == "adopted"}


def test_nothing_is_adopted_when_nothing_matters() -> None:
    assert sum(len(adopted(Simulation(seed, tasks=50).corpus())) for seed in range(10)) <= 1


def test_causes_are_adopted_with_intervals_that_hold_them() -> None:
    world = Simulation(1)
    world.cause(0, 0.2)
    world.cause(1, -0.2)
    found = adopted(world.corpus())
    assert {"call:b0", "call:b1"} <= found.keys()
    for name, effect in (("call:b0", 0.2), ("call:b1", -0.2)):
        confirmation = found[name].confirmation
        assert confirmation is not None
        assert confirmation.low < effect < confirmation.high


def test_what_goes_with_hard_tasks_is_refused_and_said_to_be_so() -> None:
    world = Simulation(2)
    world.confound(3)
    result = mine(world.corpus(), POLICY)
    decoy = next(f for f in result.findings if f.hypothesis.name_text == "call:b3")
    assert decoy.naive_significant
    assert decoy.naive_effect < -0.05
    assert decoy.verdict == "refused"
    assert "within the same task" in decoy.reason


def test_a_shadow_is_explained_by_what_it_goes_with() -> None:
    world = Simulation(3)
    world.shown[:, 5] = world.shown[:, 0] & (world.generator.random(len(world.task)) < 0.8)
    world.cause(0, 0.25)
    result = mine(world.corpus(), POLICY)
    by_name = {f.hypothesis.name_text: f for f in result.findings}
    assert by_name["call:b0"].verdict == "adopted"
    assert by_name["call:b5"].verdict == "refused"
    assert [h.name_text for h in by_name["call:b0"].shadows] == ["call:b5"]


def strong_in_the_second_part() -> Corpus:
    """Behaviour 0 helps in both parts, but too little in the first one to be found there."""
    world = Simulation(13, behaviours=150)
    kept = form_strata(world.corpus()).confirmation
    world.expected = world.expected + np.where(kept, 0.3, 0.08) * world.shown[:, 0]
    return world.corpus()


def test_what_only_the_second_part_finds_is_confirmed_and_quoted_on_the_first() -> None:
    quoted = adopted(strong_in_the_second_part())["call:b0"]
    assert quoted.discovery is not None
    assert quoted.confirmation is not None
    assert quoted.discovery.z > 6
    assert quoted.confirmation.z < 3


def test_what_was_thought_of_by_reading_the_first_part_is_never_confirmed_on_it() -> None:
    corpus = strong_in_the_second_part()
    names = [msgspec.structs.replace(name, from_reading=True) for name in corpus.names]
    assert "call:b0" not in adopted(dataclasses.replace(corpus, names=names))


def test_intervals_of_adopted_causes_keep_their_coverage() -> None:
    held = []
    for seed in range(12):
        world = Simulation(100 + seed, tasks=60)
        world.cause(0, 0.12)
        world.cause(1, -0.12)
        found = adopted(world.corpus())
        quoted = [
            (found[name].deciding, effect) for name, effect in (("call:b0", 0.12), ("call:b1", -0.12)) if name in found
        ]
        held += [each.low <= effect <= each.high for each, effect in quoted if each is not None]
    assert len(held) >= 10
    assert np.mean(held) >= 0.9


def test_an_effect_with_opposite_signs_is_split_by_task_category() -> None:
    world = Simulation(4, tasks=120, per_task=25)
    refund = world.task % 3 != 0
    world.expected = world.expected + np.where(refund, 0.25, -0.25) * world.shown[:, 0]
    corpus = world.corpus()
    corpus.category[:] = ["refund" if r else "exchange" for r in refund]  # type: ignore[index]
    findings = mine(corpus, POLICY).findings
    verdicts = {f.hypothesis.category: f for f in findings if f.hypothesis.name_text == "call:b0"}
    assert verdicts["refund"].verdict == verdicts["exchange"].verdict == "adopted"
    assert verdicts["exchange"].discovery is not None
    assert verdicts["exchange"].discovery.effect < 0
    assert verdicts[None].verdict == "refused"


def test_one_run_per_task_and_variant_is_adjusted_for_both() -> None:
    world = Simulation(5, tasks=400, per_task=8)
    world.variant = np.tile(np.arange(8), 400)
    world.expected = world.expected + np.linspace(-0.2, 0.2, 8)[world.variant]
    world.shown[:, 9] = world.generator.random(len(world.task)) < np.linspace(0.05, 0.95, 8)[world.variant]
    world.cause(0, 0.2)
    result = mine(world.corpus(), POLICY)
    assert result.strata_by == "task, adjusted for agent variant"
    verdicts = {f.hypothesis.name_text: f.verdict for f in result.findings}
    assert verdicts["call:b0"] == "adopted"
    assert verdicts["call:b9"] == "refused"


@pytest.mark.parametrize("variants", [1, 3])
def test_few_tasks_show_a_strong_effect_to_one_agent_and_to_several(variants: int) -> None:
    world = Simulation(8, tasks=20, per_task=75, behaviours=20)
    world.variant = world.generator.integers(0, variants, len(world.task))
    world.cause(0, 0.35)
    assert set(adopted(world.corpus())) == {"call:b0"}


def test_several_agents_on_few_tasks_learn_nothing_where_nothing_matters() -> None:
    def learned(seed: int) -> int:
        world = Simulation(seed, tasks=20, per_task=30, behaviours=20)
        world.variant = world.generator.integers(0, 3, len(world.task))
        return len(adopted(world.corpus()))

    assert sum(learned(seed) for seed in range(10)) == 0


def test_sessions_without_a_score_are_left_out_and_never_count_as_failures() -> None:
    world = Simulation(6)
    world.cause(0, 0.2)
    corpus = world.corpus()
    corpus.reward[world.shown[:, 0] & (world.generator.random(len(world.task)) < 0.5)] = np.nan
    result = mine(corpus, POLICY)
    assert result.scored == int((~np.isnan(corpus.reward)).sum())
    finding = next(f for f in result.findings if f.hypothesis.name_text == "call:b0")
    assert finding.verdict == "adopted"
    assert finding.confirmation is not None
    assert finding.confirmation.effect > 0.1


def test_too_few_repeats_are_said_to_be_too_few() -> None:
    result = mine(Simulation(7, tasks=12, per_task=4).corpus(), POLICY)
    assert result.note.startswith("not enough repeats to tell")
    assert not [f for f in result.findings if f.verdict == "adopted"]


def test_no_scored_session_is_an_answer_not_an_error() -> None:
    corpus = Simulation(8, tasks=3).corpus(rewards=np.full(60, np.nan))
    result = mine(corpus, POLICY)
    assert (result.scored, result.tested, result.findings) == (0, 0, ())


def test_mining_twice_gives_the_same() -> None:
    corpus = Simulation(9, tasks=30).corpus()
    assert mine(corpus, POLICY) == mine(corpus, POLICY)


def test_shuffling_keeps_every_stratum_and_part_as_it_was() -> None:
    corpus = Simulation(10, tasks=30).corpus()
    strata = form_strata(corpus)
    shuffled = shuffle_within_strata(corpus.reward, strata, np.random.default_rng(0))
    group = strata.code * 2 + strata.confirmation
    assert np.bincount(group, shuffled) == pytest.approx(np.bincount(group, corpus.reward))
    assert (shuffled != corpus.reward).any()
