"""How well one measure of sessions predicts another: a signal or a grader against the score that counts.

- AUC: how often, of a good and a bad session, the measure puts the good one first; ties count half. Interval without
  strata: Newcombe 2006 (method 5), a score interval with Hanley & McNeil's variance. Within strata only pairs of
  sessions of one stratum count; the interval is Wilson's at the effective size that the strata's spread leaves.
- Rank correlation: Spearman's, of ranks less their stratum's mean; Fisher's z with the degrees of freedom left.
- Cohen's kappa of the verdicts above and below one half; Wilson's interval of the agreement, at the effective size.

A combination of measures is judged by predictions of :func:`reverie.statistics.prediction_powered.predict_scores`,
each made by a model that has not seen the session's own label.
"""

import msgspec
import numpy as np

from reverie.statistics.corpus import Codes, Flags, Floats, sums
from reverie.statistics.distributions import average_ranks
from reverie.statistics.interval import rate_of
from reverie.statistics.quantity import wilson

_Z = 1.959964
_HALF = 0.5
_HALVINGS = 60


class Measured(msgspec.Struct, frozen=True):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class Calibration(msgspec.Struct, frozen=True):
    """How well a measure predicts a score; None where the sessions cannot tell."""

    sessions: int
    """That have both."""
    auc: Measured | None
    auc_within: Measured | None
    """Within strata."""
    rank_correlation: Measured | None
    """Within strata."""
    kappa: Measured | None
    """Of scores and measures from 0 to 1, each taken for good from one half on."""


def calibrate(measure: Floats, score: Floats, stratum: Codes) -> Calibration:
    """How well ``measure`` predicts ``score`` (0 to 1), over the sessions in which neither is NaN."""
    known = np.isfinite(measure) & np.isfinite(score)
    measure, score = measure[known], score[known]
    if not known.any():
        return Calibration(0, None, None, None, None)
    _, compact = np.unique(stratum[known], return_inverse=True)
    code = compact.astype(np.int32)
    good: Flags = score >= _HALF
    in_range = bool(((measure >= 0) & (measure <= 1)).all())
    return Calibration(
        sessions=len(score),
        auc=_auc(measure, good),
        auc_within=_auc_within(measure, good, code),
        rank_correlation=_rank_correlation(measure, score, code),
        kappa=_kappa(measure >= _HALF, good, code) if in_range else None,
    )


def _auc(measure: Floats, good: Flags) -> Measured | None:
    m, n = int(good.sum()), int((~good).sum())
    if m == 0 or n == 0:
        return None
    value = (float(average_ranks(measure)[good].sum()) - m * (m + 1) / 2) / (m * n)
    return Measured(value, _auc_bound(value, m, n, 0.0), _auc_bound(value, m, n, 1.0))


def _auc_bound(value: float, m: int, n: int, end: float) -> float:
    """The AUC farthest towards ``end`` at which ``value`` is not surprising, by halving."""
    middle = (m + n) / 2 - 1
    inside, outside = value, end
    for _ in range(_HALVINGS):
        a = (inside + outside) / 2
        variance = a * (1 - a) * (1 + middle * ((1 - a) / (2 - a) + a / (1 + a))) / (m * n)
        if (value - a) ** 2 <= _Z**2 * variance:
            inside = a
        else:
            outside = a
    return inside


def _auc_within(measure: Floats, good: Flags, code: Codes) -> Measured | None:
    strata = int(code.max()) + 1
    size, positives = np.bincount(code, minlength=strata), np.bincount(code[good], minlength=strata)
    pairs = (positives * (size - positives)).astype(np.float64)
    told = np.flatnonzero(pairs > 0)
    if told.size < 2:
        return None
    # Ranks within strata: those of all sessions sorted by stratum first, less those of the strata before.
    order = np.lexsort((measure, code))
    _, place = np.unique(np.column_stack([code, measure])[order], axis=0, return_inverse=True)
    ranks = np.empty(len(measure))
    ranks[order] = average_ranks(place)
    before = np.concatenate([[0], np.cumsum(size)[:-1]])
    inside = ranks - before[code]
    wins = sums(code[good], inside[good], strata) - positives * (positives + 1) / 2
    value = float(wins.sum() / pairs.sum())
    residual = (wins - value * pairs)[told]
    variance = told.size / (told.size - 1) * float((residual**2).sum()) / float(pairs.sum()) ** 2
    effective = value * (1 - value) / variance if variance > 1e-12 else float(told.size)
    return Measured(value, *wilson(value, effective, _Z))


def _rank_correlation(measure: Floats, score: Floats, code: Codes) -> Measured | None:
    size = np.bincount(code)
    inside = size[code] > 1
    free = int(inside.sum()) - len(np.unique(code[inside]))
    if free < 4:
        return None
    first, second = (_less_mean(average_ranks(values[inside]), code[inside]) for values in (measure, score))
    spread = float((first**2).sum() * (second**2).sum()) ** 0.5
    if spread < 1e-9:
        return None
    value = float((first * second).sum()) / spread
    middle, half = np.arctanh(np.clip(value, -0.999999, 0.999999)), _Z * 1.03 / (free - 2) ** 0.5
    return Measured(value, float(np.tanh(middle - half)), float(np.tanh(middle + half)))


def _less_mean(values: Floats, code: Codes) -> Floats:
    size = np.maximum(np.bincount(code), 1)
    centred: Floats = values - (sums(code, values, len(size)) / size)[code]
    return centred


def _kappa(first: Flags, second: Flags, code: Codes) -> Measured | None:
    agree = rate_of((first == second).astype(np.float64), code)
    p, q = float(first.mean()), float(second.mean())
    chance = p * q + (1 - p) * (1 - q)
    if agree is None or chance > 1 - 1e-9:
        return None
    return Measured(*((one - chance) / (1 - chance) for one in (agree.value, agree.low, agree.high)))
