"""The table behind a claim: what each stratum says about it."""

import dataclasses

import msgspec
import numpy as np

from reverie.digests.behaviour_name import BehaviourName, Situation
from reverie.mining.decision import choices_only
from reverie.mining.outcome import REWARD, Measures, Outcome
from reverie.statistics.corpus import Corpus, Flags, Strata, first_steps, situation_rows, sums


class StratumRow(msgspec.Struct, frozen=True):
    """One group of comparable sessions and what it says of a behaviour."""

    stratum: str
    sessions_with: int
    sessions_without: int
    reward_with: float
    reward_without: float
    share: float
    """Of the whole claim's weight, 0 to 1."""


def compared_on(corpus: Corpus, outcome: Outcome, measures: Measures) -> Corpus:
    """The scored sessions in which ``outcome`` is known, with it on its scale in place of the reward.

    Of an outcome that grows, only choices are kept, as they are what it is compared for.
    """
    known = corpus.scored_only()
    if outcome == REWARD:
        return known
    values = outcome.scaled(measures.at(np.flatnonzero(~np.isnan(corpus.reward))).values[outcome.name])
    known = choices_only(known) if outcome.grows else known
    return dataclasses.replace(known, reward=values).scored_only()


def break_down(
    corpus: Corpus,
    strata: Strata,
    *,
    category: str | None,
    situation: Situation,
    name: BehaviourName,
    within: Flags | None = None,
) -> list[StratumRow]:
    """Strata that hold sessions with and without the behaviour, the weightiest first.

    ``corpus`` holds scored sessions only, as ``strata`` does; its reward may be another outcome, on its scale.
    Empty when nothing of that name was seen. ``within`` flags the rows that may stand for the situation, where not all
    of them may.
    """
    code = next((i for i, n in enumerate(corpus.names) if (n.situation, n.name) == (situation, name)), None)
    if code is None:
        return []
    inside = situation_rows(corpus, situation)
    if within is not None:
        inside = inside & within
    if category is not None:
        inside &= np.array([label == category for label in corpus.category], np.bool_)
    sessions = np.flatnonzero(inside)
    shown = (first_steps(corpus, code)[sessions] >= 0).astype(np.float64)
    stratum, reward = strata.code[sessions], corpus.reward[sessions]
    n = sums(stratum, np.ones(len(sessions)), strata.count)
    n1 = sums(stratum, shown, strata.count)
    y, y1 = sums(stratum, reward, strata.count), sums(stratum, reward * shown, strata.count)
    n0 = n - n1
    both = np.flatnonzero((n1 > 0) & (n0 > 0))
    weight = n1[both] * n0[both] / n[both]
    order = np.argsort(-weight, kind="stable")
    return [
        StratumRow(
            stratum=strata.labels[i],
            sessions_with=int(n1[i]),
            sessions_without=int(n0[i]),
            reward_with=float(y1[i] / n1[i]),
            reward_without=float((y[i] - y1[i]) / n0[i]),
            share=float(weight[k] / weight.sum()),
        )
        for k, i in ((int(k), int(both[k])) for k in order)
    ]
