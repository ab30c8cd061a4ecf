"""Is it the behaviour, or the day? What comes with a release, when everything else changes too, cannot be told from it.

A behaviour that was commoner after some date than before, beyond chance, is compared again, within its strata, among
sessions of the same stretches of time, whose effects are fitted beside those of tasks, as those of agent variants are.
"""

from datetime import UTC, datetime

import numpy as np

from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Flags, Floats, Ints, Strata, first_steps
from reverie.statistics.estimate import Estimates, estimate, single_design

_LEAST_DATED = 0.5
_LEAST_SHIFT_Z = 3.0
_LEAST_SIDE = 0.05
_STRETCHES_A_SIDE = 3
_FEW_STRATA = 10
_LEAST_SHARE_KEPT = 0.5
_LEAST_Z = 2.326


def doubt_dates(results: HypothesisResults, corpus: Corpus, strata: Strata, values: Floats) -> None:
    """Make candidates of findings that cannot be told from a change of date; only dated sessions say anything of it."""
    if corpus.at is None or not corpus.dated().any():
        return
    for i in results.surviving():
        group = results.columns[i].group.sessions
        sessions = np.flatnonzero(group & corpus.dated())
        if sessions.size < _LEAST_DATED * group.sum():
            continue
        shown = first_steps(corpus, results.columns[i].hypothesis.code)[sessions] >= 0
        began = _shift(corpus.at[sessions], shown)
        if began is None:
            continue
        effect = float(results.discovery.effect[i])
        within = _within_stretches(strata, sessions, shown, values[sessions], corpus.at[sessions], began)
        left, z = float(np.nan_to_num(within.effect[0])), float(within.z[0])
        if left * np.sign(effect) >= _LEAST_SHARE_KEPT * abs(effect) and z * np.sign(effect) >= _LEAST_Z:
            continue
        results.by_date.add(i)
        results.verdicts[i] = "candidate", _reason(results, shown, corpus.at[sessions] >= began, began, (left, effect))


def _reason(results: HypothesisResults, shown: Flags, after: Flags, began: float, effects: tuple[float, float]) -> str:
    """``effects``: among sessions of the same time, and among all."""
    day = f"{datetime.fromtimestamp(began, UTC):%Y-%m-%d}"
    left, whole = (results.outcome.format_effect(effect) for effect in effects)
    return (
        f"cannot be told from a change of date: done in {shown[~after].mean():.0%} of the sessions before {day} and in "
        f"{shown[after].mean():.0%} since; among sessions of the same time the difference is {left} instead of "
        f"{whole}. Record the agent's version, or try both ways at the same time"
    )


def _shift(at: Floats, shown: Flags) -> float | None:
    """From when on the behaviour was commoner, or rarer, than before beyond chance; None where it never was."""
    order = np.argsort(at, kind="stable")
    sorted_at, size = at[order], len(at)
    early = np.arange(1, size)
    late = size - early
    apart = (np.diff(sorted_at) > 0) & (np.minimum(early, late) >= _LEAST_SIDE * size)
    if not apart.any():
        return None
    done = np.cumsum(shown[order])
    difference = np.abs((done[-1] - done[:-1]) / late - done[:-1] / early)
    share = shown.mean()
    z = difference / np.sqrt(np.maximum(share * (1 - share) * (1 / late + 1 / early), 1e-12))
    best = int(np.argmax(np.where(apart, z, 0.0)))
    return float(sorted_at[best + 1]) if z[best] >= _LEAST_SHIFT_Z else None


def _within_stretches(
    strata: Strata, sessions: Ints, shown: Flags, values: Floats, at: Floats, began: float
) -> Estimates:
    """The effect among sessions of one stretch of time, of which there are three before and three after ``began``."""
    after = at >= began
    stretch = np.zeros(len(at), np.int32)
    for side in (after, ~after):
        edges = np.quantile(at[side], np.linspace(0, 1, _STRETCHES_A_SIDE + 1)[1:-1])
        stretch[side] = np.searchsorted(edges, at[side]) + _STRETCHES_A_SIDE * after[side]
    stratum, variant = strata.code[sessions], strata.variant[sessions]
    stretches = 2 * _STRETCHES_A_SIDE
    if strata.count < _FEW_STRATA:
        # Stretches beside few strata are too few clusters to know an error from.
        design = single_design(sessions, stratum * stretches + stretch, np.zeros_like(variant), shown)
    else:
        design = single_design(sessions, stratum, variant * stretches + stretch, shown)
    return estimate(design, values)
