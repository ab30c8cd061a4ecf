"""What others do: pooled comparison without strata, and counting what good sessions did often and lately."""

import numpy as np
from scipy import stats

from reverie.lessons.lesson import Lesson
from reverie.lessons.proposal import propose_lesson
from reverie.mining.comparison_group import form_groups, pooled_comparison
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import SITUATION_KIND, Corpus, Flags, form_strata, sums
from reverie.statistics.quantity import Estimate

POPULAR_LESSONS = 10
"""How many behaviours popularity scoring remembers."""
HALF_LIFE = 0.25
"""Age, as a share of all sessions, at which a session counts half."""


def pooled_lessons(corpus: Corpus, policy: MiningPolicy, fdr: float = 0.05) -> tuple[Lesson, ...]:
    """Every behaviour whose mean reward differs, over all sessions and tasks together, by Benjamini–Hochberg (1995).

    The same hypotheses as mining tests, and the same least effect; no strata, no confirmation, no joint fit.
    """
    corpus = corpus.scored_only()
    groups = form_groups(corpus, form_strata(corpus), policy)
    if not groups:
        return ()
    hypotheses = [h for group in groups for h in group.hypotheses]
    effect, z = pooled_comparison(groups, corpus.reward)
    q = stats.false_discovery_control(2 * stats.norm.sf(np.abs(z)))
    believed = np.flatnonzero((q <= fdr) & (np.abs(effect) >= policy.least_effect))
    return tuple(_adopted(hypotheses[i], float(effect[i]), float(z[i]), float(q[i])) for i in believed)


def popular_lessons(corpus: Corpus) -> tuple[Lesson, ...]:
    """The behaviours that successful sessions showed most, recent sessions counting more; each is advised.

    What memory without outcomes' strata amounts to: strength grows with use and fades with time. Without times,
    sessions are taken to be in order. Markers (errors, repeats) are left out, as nobody would advise them.
    """
    corpus = corpus.scored_only()
    count = len(corpus.reward)
    order = np.arange(count) if corpus.at is None else np.argsort(np.argsort(corpus.at, kind="stable"))
    age = 1.0 - (order + 1) / max(count, 1)
    weight = 0.5 ** (age / HALF_LIFE) * (corpus.reward > np.median(corpus.reward) if count else 0.0)
    if count and not weight.any():
        weight = 0.5 ** (age / HALF_LIFE) * (corpus.reward >= np.median(corpus.reward))
    strength = sums(corpus.entry_code, weight[corpus.entry_session], len(corpus.names))
    strength[~_advisable(corpus)] = 0.0
    best = np.argsort(-strength, kind="stable")[:POPULAR_LESSONS]
    total = float(weight.sum()) or 1.0
    return tuple(_adopted(_hypothesis(corpus, int(i)), float(strength[i]) / total, 0.0, 1.0) for i in best)


def _advisable(corpus: Corpus) -> Flags:
    return np.array([name.kind not in (SITUATION_KIND, "marker") for name in corpus.names], np.bool_)


def _hypothesis(corpus: Corpus, code: int) -> Hypothesis:
    name = corpus.names[code]
    return Hypothesis(None, name.situation.text, name.name.text, name.kind, code)


def _adopted(hypothesis: Hypothesis, effect: float, z: float, q: float) -> Lesson:
    half = 1.96 * abs(effect / z) if z else 1.0
    estimate = Estimate(effect, effect - half, effect + half, z, 0, 0, 0, float("nan"), float("nan"))
    finding = Finding(hypothesis, "adopted", "believed by a baseline", effect, True, estimate, None, q, None)
    return propose_lesson(finding, store_id="baseline", agent=None, split_by="session", proving={})
