"""Few sessions, dates, users: what mining says where it cannot be sure. Whole worlds are in tests/evaluation."""

import dataclasses

import numpy as np

from reverie.mining.comparison_group import form_groups
from reverie.mining.doubt import doubt_zero
from reverie.mining.finding import Finding
from reverie.mining.mine import MiningResult, mine
from reverie.mining.policy import MiningPolicy
from reverie.mining.selection import evaluate_hypotheses
from reverie.statistics.corpus import Corpus, Flags, Floats, Origins, form_strata
from tests.statistics.simulated import Simulation

POLICY = MiningPolicy(placebo_runs=0)


def about(result: MiningResult, name: str = "call:b0") -> Finding:
    return next(finding for finding in result.findings if finding.hypothesis.name_text == name)


def small(seed: int, effect: float, *, tasks: int = 1, per_task: int = 100, behaviours: int = 12) -> Simulation:
    world = Simulation(seed, tasks=tasks, per_task=per_task, behaviours=behaviours)
    world.shown[:, 0] = world.generator.random(len(world.task)) < 0.5
    world.expected = np.full(len(world.task), 0.4)
    world.cause(0, effect)
    return world


def test_one_task_run_many_times_is_evidence_enough() -> None:
    result = mine(small(1, 0.5).corpus(), POLICY)
    found = about(result)
    assert found.verdict == "adopted"
    assert found.reason.startswith("beyond chance in all 100 sessions")
    assert result.split_by == "nothing"
    assert "run the task about" in result.note


def test_without_task_ids_the_same_is_a_candidate_that_says_why_and_what_to_do() -> None:
    corpus = small(1, 0.5).corpus()
    result = mine(dataclasses.replace(corpus, task=[None] * 100), POLICY)
    assert about(result).verdict == "candidate"
    assert "give the sessions task ids" in about(result).reason
    assert "give the sessions task ids" in result.note


def test_tasks_that_were_run_once_are_not_controlled_for() -> None:
    corpus = small(1, 0.5).corpus()
    result = mine(dataclasses.replace(corpus, task=[f"t{i}" for i in range(100)]), POLICY)
    assert about(result).verdict == "candidate"
    assert "run each task several times" in about(result).reason


def test_variants_of_one_task_are_compared_with_themselves() -> None:
    world = small(2, 0.0)
    world.variant = np.arange(100) % 2
    world.shown[:, 0] = world.generator.random(100) < np.where(world.variant, 0.9, 0.1)
    world.expected = np.where(world.variant, 0.9, 0.2)
    result = mine(world.corpus(), POLICY)
    assert result.strata_by == "task × agent variant"
    assert all(finding.verdict != "adopted" for finding in result.findings)


def test_equal_rewards_are_said_to_be_equal() -> None:
    result = mine(small(3, 0.0).corpus(rewards=np.ones(100)), POLICY)
    assert "all rewards are equal" in result.note


def dated(corpus: Corpus, days: Floats, users: list[str | None] | None = None) -> Corpus:
    size = len(corpus.reward)
    origins = Origins(["answered"] * size, ["message"] * size, [""] * size, users or [None] * size, [b""] * size)
    return dataclasses.replace(corpus, at=1.77e9 + 86_400 * days, origins=origins)


def released(seed: int, effect: float, better: float) -> tuple[Simulation, Floats]:
    """Behaviour 0 comes on day 20; everything else gets ``better`` on that day."""
    world = small(seed, 0.0, tasks=30, per_task=20)
    days = world.generator.uniform(0, 40, len(world.task))
    after: Flags = days > 20
    world.shown[:, 0] = after & (world.generator.random(len(days)) < 0.7)
    world.expected = 0.3 + better * after + effect * world.shown[:, 0]
    return world, days


def test_what_comes_on_the_day_everything_gets_better_is_a_candidate_that_names_the_day() -> None:
    world, days = released(4, 0.0, 0.4)
    found = about(mine(dated(world.corpus(), days), POLICY))
    assert found.verdict == "candidate"
    assert found.reason.startswith("cannot be told from a change of date: done in 0% of the sessions before ")


def test_what_comes_on_a_day_and_works_is_adopted() -> None:
    world, days = released(5, 0.4, 0.1)
    assert about(mine(dated(world.corpus(), days), POLICY)).verdict == "adopted"


def by_users(seed: int, effect: float) -> tuple[Corpus, float]:
    """Users differ in luck and in habits, and one of them brings two sessions in five."""
    world = small(seed, 0.0, tasks=20, per_task=20, behaviours=1)
    chance = world.generator
    user = np.where(chance.random(400) < 0.4, 0, chance.integers(1, 25, 400))
    habit, luck = chance.uniform(0.15, 0.85, 25), chance.normal(0, 0.2, 25)
    world.shown[:, 0] = chance.random(400) < habit[user]
    world.expected = np.clip(0.5 + luck[user] + effect * (world.shown[:, 0] - 0.5), 0, 1)
    return dated(world.corpus(), chance.uniform(0, 60, 400), [f"u{u}" for u in user]), effect


def test_intervals_hold_the_effect_when_one_user_brings_two_sessions_in_five() -> None:
    policy = MiningPolicy(placebo_runs=0, most_unsplit=1_000)
    held: list[bool] = []
    alone: list[bool] = []
    for seed in range(30):
        corpus, effect = by_users(seed, 0.5)
        for known, with_users in ((held, True), (alone, False)):
            sessions = corpus if with_users else dataclasses.replace(corpus, origins=None, at=None)
            quoted = about(mine(sessions, policy)).deciding
            assert quoted is not None
            known.append(quoted.low <= effect <= quoted.high)
    assert np.mean(held) >= 0.88
    assert np.mean(held) >= np.mean(alone)


def test_what_passes_its_test_with_an_interval_that_holds_zero_is_a_candidate() -> None:
    corpus, policy = small(1, 0.5, tasks=20, per_task=20).corpus(), MiningPolicy()
    strata = form_strata(corpus)
    results = evaluate_hypotheses(corpus, strata, form_groups(corpus, strata, policy), corpus.reward, policy)
    adopted = results.adopted()
    doubt_zero(results)
    assert adopted and results.adopted() == adopted
    results.widened[adopted] = 100.0
    doubt_zero(results)
    assert results.adopted() == []
    assert {results.verdicts[i][0] for i in adopted} == {"candidate"}
