"""What advice on another outcome does to the reward: nothing is adopted that may cost any that matters.

The interval of the behaviour's effect on the reward must exclude a loss of more than the least effect that matters,
which is the test of non-inferiority (Piaggio et al. 2012).
"""

import msgspec
import numpy as np

from reverie.mining.policy import MiningPolicy
from reverie.mining.selection import NOT_ENOUGH
from reverie.mining.verdicts import Column, HypothesisResults
from reverie.statistics.corpus import Corpus, Strata, first_steps
from reverie.statistics.estimate import Estimates, estimate, single_design
from reverie.statistics.quantity import Estimate

_RULE_OF_THREE = 3.0


def refuse_costly(
    results: HypothesisResults, corpus: Corpus, strata: Strata, policy: MiningPolicy
) -> dict[int, Estimate | None]:
    """Refuse what would be adopted and may cost reward; by position, what each finding does to the reward."""
    effects: dict[int, Estimate | None] = {}
    for i, (verdict, _) in list(results.verdicts.items()):
        effects[i] = effect = _effect_on_reward(results.columns[i], corpus, strata)
        why = _cost(effect, float(np.sign(results.discovery.effect[i])), policy.least_effect)
        if verdict == "adopted" and why:
            results.verdicts[i] = ("refused", why)
    return effects


def _cost(effect: Estimate | None, direction: float, least_effect: float) -> str:
    """Why following the advice may cost reward, in words; empty where a loss that matters is excluded."""
    if effect is None:
        return f"{NOT_ENOUGH} what it does to the reward, and what may cost reward is no advice"
    low, high = sorted((direction * effect.low, direction * effect.high))
    if low >= -least_effect:
        return ""
    loss = f"{direction * effect.effect:+.2f} ({low:+.2f} to {high:+.2f})"
    if high < 0:
        return f"it is paid for with reward: following it changes the reward by {loss}"
    return f"a loss of more than {least_effect} reward is not excluded: following it changes the reward by {loss}"


def _effect_on_reward(column: Column, corpus: Corpus, strata: Strata) -> Estimate | None:
    """Of the behaviour, among the sessions it was compared in, of both parts: the outcome chose it, not the reward."""
    sessions = np.flatnonzero(column.group.sessions)
    shown = first_steps(corpus, column.hypothesis.code)[sessions] >= 0
    estimates = estimate(
        single_design(sessions, strata.code[sessions], strata.variant[sessions], shown), corpus.reward[sessions]
    )
    fewest = int(min(estimates.sessions_with[0], estimates.sessions_without[0]))
    effect = estimates.at(0) or _no_difference(estimates)
    if effect is None or fewest == 0:
        return None
    # What was never seen in n sessions may be as common as 3/n (Hanley & Lippman-Hand 1983): no interval is narrower.
    half = min(_RULE_OF_THREE / fewest, 1.0)
    low, high = min(effect.low, effect.effect - half), max(effect.high, effect.effect + half)
    return msgspec.structs.replace(effect, low=low, high=high)


def _no_difference(estimates: Estimates) -> Estimate | None:
    """The estimate where rewards never differ in the strata compared; None where it is something else that lacks."""
    if estimates.informative[0] > 0:
        return None
    counts = int(estimates.sessions_with[0]), int(estimates.sessions_without[0])
    rewards = float(estimates.reward_with[0]), float(estimates.reward_without[0])
    return Estimate(0.0, 0.0, 0.0, 0.0, 0, *counts, *rewards)
