"""A finding over time: does it still hold, and in which stretches of time does it hold by itself?"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy import stats

from reverie.patterns.corpus import Codes, Corpus, Flags, Floats, Ints, Strata, first_steps
from reverie.patterns.estimate import Estimates, estimate, make_design
from reverie.patterns.finding import Window

_WINDOWS = 3
_HOLDS_Z = 1.645
_STRATA_NAMED = 20


def faded(
    sessions: Ints,
    stratum: Codes,
    variant: Codes,
    shown: Flags,
    reward: Floats,
    at: Floats,
    *,
    least_effect: float,
    say: Callable[[float], str] = "{:+.2f}".format,
    margin: Callable[[float], str] = "{:.2f}".format,
) -> str:
    """Why the finding is a thing of the past, in words; empty when it is not.

    The sessions are halved by time within each stratum. A finding has faded when its effect differs between the halves
    beyond chance (one-sided 5 %) and the later half leaves no effect that matters in its direction. The level is not
    divided among findings: to doubt a lesson that holds costs less than to keep one that does not.
    All arrays are parallel to ``sessions``. ``say`` puts an effect into words, ``margin`` half the width of its
    interval.
    """
    late = _later_half(stratum, at)
    early_effect, early_error, _ = _effect(sessions, stratum, variant, shown, reward, ~late)
    late_effect, late_error, bound = _effect(sessions, stratum, variant, shown, reward, late)
    spread = float(np.hypot(early_error, late_error))
    if not np.isfinite(spread) or spread == 0:
        return ""
    direction = np.sign(early_effect)
    z = direction * (early_effect - late_effect) / spread
    if z < stats.norm.isf(0.05) or direction * late_effect >= least_effect:
        return ""
    return (
        f"held in the earlier half of the sessions ({say(early_effect)}) and no longer in the later half "
        f"({say(late_effect)} ± {margin(bound)})"
    )


def holding_windows(corpus: Corpus, strata: Strata, sessions: Ints, code: int, direction: float) -> tuple[Window, ...]:
    """The thirds of the time span in which the behaviour's effect is beyond chance (one-sided 5 %) by itself.

    Thirds hold equally many of ``sessions`` and share no moment. Without times there are none.
    """
    if corpus.at is None:
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


def _later_half(stratum: Codes, at: Floats) -> Flags:
    order = np.lexsort((at, stratum))
    size = np.bincount(stratum)
    begin = np.concatenate([[0], np.cumsum(size)[:-1]])
    rank = np.empty(len(stratum), np.int64)
    rank[order] = np.arange(len(stratum)) - begin[stratum[order]]
    later: Flags = rank >= (size[stratum] + 1) // 2
    return later


def _effect(
    sessions: Ints, stratum: Codes, variant: Codes, shown: Flags, reward: Floats, part: Flags
) -> tuple[float, float, float]:
    rows = np.flatnonzero(shown[part]).astype(np.int32)
    design = make_design(sessions[part], stratum[part], variant[part], rows, np.zeros_like(rows), 1)
    estimates: Estimates = estimate(design, reward[part])
    low, high = estimates.interval()
    return float(estimates.effect[0]), float(estimates.standard_error[0]), float(high[0] - low[0]) / 2
