import dataclasses

import msgspec
import numpy as np
import pytest

from reverie.digests.behaviour_name import START
from reverie.mining.finding import Finding
from reverie.mining.mine import MiningResult, OutcomeResult, mine
from reverie.mining.outcome import Measures, Outcome
from reverie.mining.policy import MiningPolicy
from reverie.outcomes.metric import Metric
from reverie.statistics.corpus import Corpus, reached
from tests.statistics.simulated import Simulation

from .simulated_length import LengthWorld

POLICY = MiningPolicy(placebo_runs=0)
FIRST_LOOKUP = ("start", "call:lookup")
MANY = 150, 30
"""Tasks, and sessions of each."""
FEW_RESULTS = ("session", "arg:search.limit=5")


def mined(world: LengthWorld, policy: MiningPolicy = POLICY) -> MiningResult:
    corpus, measures = world.draw()
    return mine(corpus, policy, measures=measures)


def of(result: MiningResult, name: str) -> OutcomeResult:
    return next(o for o in result.outcomes if o.outcome.name == name)


def adopted(result: OutcomeResult) -> dict[str, Finding]:
    found = [f for f in result.findings if f.verdict == "adopted"]
    return {f"{f.hypothesis.situation_text} | {f.hypothesis.name_text}": f for f in found}


def test_where_long_sessions_only_do_more_of_everything_nothing_is_adopted() -> None:
    everyone_succeeds = {("session", f"call:{action}"): 1.0 for action in ("search", "lookup", "ask")}
    for seed in range(6):
        result = mined(LengthWorld(seed, rewards=everyone_succeeds))
        assert {**adopted(of(result, "seconds")), **adopted(of(result, "tokens"))} == {}


def test_what_goes_with_long_sessions_is_listed_and_said_to_be_a_mark_of_them() -> None:
    found = of(mined(LengthWorld(0)), "seconds").findings
    marks = {f.hypothesis.name_text: f for f in found if "a mark of long or short sessions" in f.reason}
    assert {"call:search", "call:escalate", "error:timeout"} <= marks.keys()
    assert all(mark.verdict == "refused" and mark.confirmation is None for mark in marks.values())
    assert marks["call:escalate"].naive_effect < -0.2


def test_a_choice_that_shortens_sessions_is_adopted_with_the_share_it_saves_and_its_reward() -> None:
    result = mined(LengthWorld(1, *MANY, shortens={FIRST_LOOKUP: 0.7, FEW_RESULTS: 0.75}))
    found = adopted(of(result, "seconds"))
    assert set(found) == {"start | call:lookup", "given search.limit | arg:search.limit=5"}
    lookup = found["start | call:lookup"].confirmation
    reward = found["start | call:lookup"].on_reward
    assert lookup is not None and reward is not None
    assert 0.15 < lookup.low < lookup.effect < lookup.high < 0.4
    assert lookup.reward_with < lookup.reward_without
    assert -0.05 <= reward.low < reward.high < 0.1


def test_a_choice_that_saves_time_at_the_price_of_reward_is_refused_and_told_why() -> None:
    giving_up = ("start", "call:escalate")
    result = mined(LengthWorld(2, *MANY, shortens={giving_up: 0.6}, rewards={giving_up: -0.25}))
    assert adopted(of(result, "seconds")) == {}
    finding = next(f for f in of(result, "seconds").findings if f.hypothesis.situation_text == "start")
    assert finding.hypothesis.name_text == "call:escalate"
    assert "it is paid for with reward" in finding.reason


def test_savings_whose_price_cannot_be_told_are_refused_until_it_can() -> None:
    few = mined(LengthWorld(11, tasks=40, shortens={FIRST_LOOKUP: 0.5}))
    finding = next(f for f in of(few, "seconds").findings if f.hypothesis.name_text == "call:lookup")
    assert finding.verdict == "refused"
    assert "a loss of more than 0.05 reward is not excluded" in finding.reason


def test_where_rewards_never_differ_savings_are_adopted_once_a_loss_is_rare_enough() -> None:
    corpus, measures = LengthWorld(4, *MANY, shortens={FIRST_LOOKUP: 0.7}).draw()
    always = dataclasses.replace(corpus, reward=np.ones(len(corpus.reward)))
    found = adopted(of(mine(always, POLICY, measures=measures), "seconds"))
    effect = found["start | call:lookup"].on_reward
    assert effect is not None
    assert effect.low == pytest.approx(-3 / min(effect.sessions_with, effect.sessions_without))


def test_a_session_that_ended_at_a_moment_made_no_choice_in_it() -> None:
    corpus, measures = LengthWorld(5, *MANY, ends_on_error=0.6).draw()
    result = of(mine(corpus, msgspec.structs.replace(POLICY, least_effect=0.5), measures=measures), "seconds")
    assert not [name for name in adopted(result) if name.startswith("after error")]


def test_the_reward_is_mined_as_if_there_were_no_other_outcome() -> None:
    corpus, measures = LengthWorld(6, shortens={FIRST_LOOKUP: 0.7}, rewards={FIRST_LOOKUP: 0.2}).draw()
    alone, beside = mine(corpus, POLICY), mine(corpus, POLICY, measures=measures)
    assert beside.findings == alone.findings
    assert msgspec.structs.replace(beside.wealth, outcomes={}) == alone.wealth
    assert beside.wealth.outcomes.keys() == {"seconds", "tokens"}


def test_the_policy_says_which_outcomes_and_without_it_those_that_half_of_the_sessions_have() -> None:
    corpus, measures = LengthWorld(7, tasks=20).draw()
    rare = measures.values["tokens"].copy()
    rare[: len(rare) * 6 // 10] = np.nan
    known = Measures({"seconds": measures.values["seconds"], "tokens": rare})

    def names(policy: MiningPolicy) -> list[tuple[str, int]]:
        return [(o.outcome.name, o.sessions) for o in mine(corpus, policy, measures=known).outcomes]

    assert names(POLICY) == [("seconds", 400)]
    assert names(MiningPolicy(placebo_runs=0, outcomes=("tokens", "reward"))) == [("tokens", 160)]
    assert names(MiningPolicy(placebo_runs=0, outcomes=())) == []
    unknown = mine(corpus, MiningPolicy(outcomes=("csat",)), measures=known).outcomes[0]
    assert (unknown.sessions, unknown.note) == (0, "no scored session has a value of csat")


def test_a_metric_is_compared_like_the_reward_and_told_in_its_own_unit() -> None:
    world = Simulation(8)
    stars = 1 + 4 * np.clip(world.difficulty + 0.2 * world.shown[:, 0] + world.generator.normal(0, 0.1, 2_000), 0, 1)
    corpus = world.corpus()
    measures = Measures({"stars": stars}, (Metric("stars", low=1, high=5),))
    result = mine(corpus, MiningPolicy(placebo_runs=1, outcomes=("stars",)), measures=measures).outcomes[0]
    found = adopted(result)["session | call:b0"].confirmation
    assert (result.outcome, result.placebo_lessons) == (Outcome("stars", measures.metrics[0]), 0)
    assert found is not None
    assert found.low < 0.8 < found.high
    assert found.reward_with - found.reward_without == pytest.approx(0.8, abs=0.2)


def at_the_start(corpus: Corpus) -> Corpus:
    """The same behaviours, as what sessions began with."""
    every = np.arange(len(corpus.session_ids), dtype=np.int32)
    names = [msgspec.structs.replace(name, situation=START) for name in corpus.names]
    return dataclasses.replace(
        corpus,
        entry_session=np.concatenate([corpus.entry_session, every]),
        entry_code=np.concatenate([corpus.entry_code, np.full_like(every, len(names))]),
        entry_step=np.zeros(len(corpus.entry_session) + len(every), np.int32),
        names=[*names, reached(START)],
    )


def test_the_interval_of_a_share_saved_holds_the_planted_share_whatever_the_tails() -> None:
    generator = np.random.default_rng(1)
    world = Simulation(9, behaviours=3)
    seconds = np.exp(generator.normal(4, 1, 100)[world.task] + generator.standard_t(4, 2_000) / 3)
    seconds[world.shown[:, 0]] *= 0.8
    corpus = at_the_start(world.corpus(np.ones(2_000)))
    found = adopted(of(mine(corpus, POLICY, measures=Measures({"seconds": seconds})), "seconds"))
    assert set(found) == {"start | call:b0"}
    estimate = found["start | call:b0"].confirmation
    assert estimate is not None
    assert estimate.low < 0.2 < estimate.high
