"""A finding over time: does it still hold, and in which stretches of time does it hold by itself?"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from reverie.mining.finding import Window
from reverie.statistics.corpus import Codes, Corpus, Flags, Floats, Ints, Strata, first_steps
from reverie.statistics.distributions import normal_isf
from reverie.statistics.estimate import Estimates, estimate, single_design

_WINDOWS = 3
_HOLDS_Z = 1.645
_STRATA_NAMED = 20
_LATEST = (1 / 2, 1 / 3, 1 / 4)
"""Shares of the sessions that are looked at as the latest ones."""
_DIFFERS_Z = float(normal_isf(0.005 / len(_LATEST)))
_LEAST_SHARE_LEFT = 0.5


def faded(
    sessions: Ints,
    stratum: Codes,
    variant: Codes,
    shown: Flags,
    reward: Floats,
    at: Floats,
    *,
    format_effect: Callable[[float], str] = "{:+.2f}".format,
    format_margin: Callable[[float], str] = "{:.2f}".format,
) -> str:
    """Why the finding is a thing of the past, in words; empty when it is not.

    The latest half, third and quarter of the sessions are each set against those before them, within the strata that
    were seen on both sides, so that a change of tasks is not taken for a change of effect. A finding has faded when its
    effect is smaller in the latest sessions beyond chance (one-sided 0.5 %, divided among the three), less than half of
    it is left, and what is left is not beyond chance itself. The level is not divided among findings: to doubt a lesson
    that holds costs less than to keep one that does not. All arrays are parallel to ``sessions``, which all have dates
    (``at``, seconds). ``format_effect`` puts an effect into words, ``format_margin`` half the width of its interval.
    """
    for share in _LATEST:
        late = at > np.quantile(at, 1 - share)
        both = _seen_on_both_sides(stratum, late)
        early_effect, early_error, _ = _effect(sessions, stratum, variant, shown, reward, both & ~late)
        late_effect, late_error, bound = _effect(sessions, stratum, variant, shown, reward, both & late)
        spread = float(np.hypot(early_error, late_error))
        if not np.isfinite(spread) or spread == 0:
            continue
        before, left = abs(early_effect), float(np.sign(early_effect)) * late_effect
        gone = left < _LEAST_SHARE_LEFT * before and left < bound
        if gone and (before - left) / spread > _DIFFERS_Z:
            return (
                f"held in the earlier sessions ({format_effect(early_effect)}) and no longer in the latest {share:.0%} "
                f"({format_effect(late_effect)} ± {format_margin(bound)})"
            )
    return ""


def _seen_on_both_sides(stratum: Codes, late: Flags) -> Flags:
    """Which sessions belong to a stratum with sessions before and after."""
    count = int(stratum.max(initial=-1)) + 1
    later = np.bincount(stratum, late, count)
    both: Flags = ((later > 0) & (later < np.bincount(stratum, minlength=count)))[stratum]
    return both


def holding_windows(corpus: Corpus, strata: Strata, sessions: Ints, code: int, direction: float) -> tuple[Window, ...]:
    """The thirds of the time span in which the behaviour's effect is beyond chance (one-sided 5 %) by itself.

    Thirds hold equally many of the dated ``sessions`` and share no moment. Without dates there are none.
    """
    sessions = sessions[corpus.dated()[sessions]]
    if corpus.at is None or sessions.size == 0:
        return ()
    at = corpus.at[sessions]
    edges = np.unique(np.quantile(at, np.linspace(0, 1, _WINDOWS + 1)))
    shown = first_steps(corpus, code)[sessions] >= 0
    windows = []
    for begin, end in pairwise(edges):
        part = (at > begin) & (at <= end) if begin > edges[0] else at <= end
        chosen = sessions[part]
        if chosen.size == 0:
            continue
        stratum, variant, reward = strata.code[chosen], strata.variant[chosen], corpus.reward[chosen]
        effect, error, _ = _effect(chosen, stratum, variant, shown[part], reward, np.ones(chosen.size, np.bool_))
        if error > 0 and direction * effect / error > _HOLDS_Z:
            names = tuple(strata.labels[c] for c in np.unique(stratum[shown[part]])[:_STRATA_NAMED])
            windows.append(Window(float(at[part].min()), float(at[part].max()), effect, names))
    return tuple(windows)


def _effect(
    sessions: Ints, stratum: Codes, variant: Codes, shown: Flags, reward: Floats, part: Flags
) -> tuple[float, float, float]:
    design = single_design(sessions[part], stratum[part], variant[part], shown[part])
    estimates: Estimates = estimate(design, reward[part])
    low, high = estimates.interval()
    return float(estimates.effect[0]), float(estimates.standard_error[0]), float(high[0] - low[0]) / 2
