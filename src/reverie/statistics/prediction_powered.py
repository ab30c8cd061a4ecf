"""Effects on a score that few sessions have, with the help of a proxy that all have: prediction-powered inference.

Whether a behaviour was shown is known of all n sessions, so the stratified difference (the one of
:mod:`reverie.statistics.estimate`) is linear in the scores with known coefficients: ``Σ c y / Σ c²``, where c is the
behaviour less its stratum's share (and less variant effects). Scores are known where a label was drawn, with known
probability π > 0. Any prediction g of the score keeps the estimate unbiased when what it gets wrong is measured on
labels and weighted by 1/π: each session counts as ``g + (label / π) · (score − g)``. A proxy that is wrong, or wrong in
one arm alone, costs width and never validity (Cassel, Särndal & Wretman 1976; Robins, Rotnitzky & Zhao 1994;
Angelopoulos et al. 2023, arXiv 2301.09633; within strata: Fisch et al. 2024, arXiv 2406.04291).

- g is a ridge regression of labels on the proxies and their stratum's means. It is cross-fitted: a label is predicted
  by models that have not seen it (Zrnic & Candès 2024, arXiv 2309.16598).
- How much of g is used is tuned for the least variance (λ of PPI++, Angelopoulos, Duchi & Zrnic 2023, arXiv
  2311.01453), by regression of the labels on behaviour and g with the weights that their errors have. Where held-out
  predictions do not go with the labels beyond chance, or not well enough for the degree of freedom that they cost,
  labels alone are the result, and it says so. The widths of the intervals decide nothing: of two intervals the narrower
  one is too narrow (a point of coverage, in simulation).
- Intervals: residuals divided by one less their leverage (HC3, MacKinnon & White 1985) and no smaller than few labels
  can tell (after Agresti & Caffo 2000), Student's t with the degrees of freedom that the labels' weights leave
  (Satterthwaite 1946). Coverage at 40 labels of 2,000 sessions is in docs/evaluation.md.

Labels must be drawn independently of each other given a threshold, as Poisson and priority sampling do
(``outcomes/label_draw.py``). A session that was scored anyway is known with probability 1.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from reverie.statistics.corpus import Codes, Flags, Floats, sums
from reverie.statistics.distributions import normal_isf, t_isf, t_sf
from reverie.statistics.estimate import cleared_reward, strata_design

LEAST_LABELS = 10
"""Labels in strata that hold both kinds of sessions, below which nothing is said."""
LEAST_LABELS_OF_A_KIND = 3
"""The same for the sessions that showed the behaviour, and for those that did not."""
_FOLDS = 10
_RIDGE = 2.0
"""Penalty on standardised coefficients, in labels."""
_PREDICTS_Z = 1.64
"""How far beyond chance held-out predictions must go with the labels before they are used."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What is known of n sessions; arrays are parallel to them."""

    score: Floats
    """On the scale of comparison; NaN where there is no label."""
    probability: Floats
    """That a session has its label, in (0, 1]; read where there is one."""
    proxies: Floats
    """n × p, NaN where a proxy is not known; p may be 0."""

    @property
    def known(self) -> Flags:
        """Which sessions have a label."""
        flags: Flags = np.isfinite(self.score)
        return flags

    def at(self, sessions: Codes | Flags) -> "Labels":
        """The labels of the sessions at these positions, or of those flagged."""
        return Labels(self.score[sessions], self.probability[sessions], self.proxies[sessions])


class LabelledEffect(msgspec.Struct, frozen=True):
    """A stratified difference in mean score with its 95 % interval, from few labels and a proxy."""

    effect: float
    low: float
    high: float
    z: float
    """Standard normal when the behaviour does not matter."""
    labels: int
    """In strata that hold both kinds of sessions."""
    sessions: int
    """In such strata."""
    proxy_weight: float
    """λ: how much of the prediction was used; 0 where labels alone are as good."""
    alone: tuple[float, float, float]
    """Effect, low and high from labels alone."""
    note: str = ""
    """Where the proxy did not help: that it did not."""

    @property
    def width(self) -> float:
        """Of the interval, as a share of that of labels alone."""
        return (self.high - self.low) / (self.alone[2] - self.alone[1])


class CalibrationError(ValueError):
    """Labels or proxies have another shape, or a probability is outside (0, 1]."""


def check_labels(labels: Labels) -> None:
    """Raises :class:`CalibrationError` where arrays are not parallel or a label's probability is not in (0, 1]."""
    n = len(labels.score)
    if labels.probability.shape != (n,) or labels.proxies.ndim != 2 or labels.proxies.shape[0] != n:
        raise CalibrationError(f"scores of {n} sessions need as many probabilities and rows of proxies")
    known = labels.probability[labels.known]
    if not ((known > 0) & (known <= 1)).all():
        raise CalibrationError("the probability of a label must be above 0 and at most 1")


def predict_scores(labels: Labels, stratum: Codes, *, seed: int = 0) -> Floats:
    """Every session's score as its proxies predict it; where it has a label, by a model that has not seen that label.

    The folds of the labels are ``seed``'s.
    """
    check_labels(labels)
    rows = np.flatnonzero(labels.known)
    centre = float(np.average(labels.score[rows], weights=1 / labels.probability[rows])) if rows.size else 0.0
    constant = np.full(len(labels.score), centre)
    if rows.size < LEAST_LABELS or labels.proxies.shape[1] == 0:
        return constant
    features = _features(labels.proxies, stratum)
    fold = np.random.default_rng(seed).permutation(rows.size) % min(_FOLDS, rows.size)
    predicted, held_out = np.zeros(len(labels.score)), np.zeros(rows.size)
    folds = int(fold.max()) + 1
    for number in range(folds):
        inside = fold == number
        fitted = features @ _ridge(features[rows[~inside]], labels.at(rows[~inside].astype(np.int32)))
        predicted += fitted / folds
        held_out[inside] = fitted[rows[inside]]
    predicted[rows] = held_out
    return predicted


def estimate_effect(
    shown: Flags, stratum: Codes, variant: Codes, labels: Labels, prediction: Floats
) -> LabelledEffect | None:
    """The effect of what the flagged sessions showed; all arguments are parallel.

    None where labels are too few, or all alike.
    """
    check_labels(labels)
    sessions = np.arange(len(stratum))
    coefficient = cleared_reward(strata_design(sessions, stratum, variant), shown.astype(np.float64))
    coefficient = np.where(np.abs(coefficient) > 1e-9, coefficient, 0.0)
    useful = labels.known & (coefficient != 0)
    kinds = int((useful & shown).sum()), int((useful & ~shown).sum())
    if sum(kinds) < LEAST_LABELS or min(kinds) < LEAST_LABELS_OF_A_KIND or np.ptp(labels.score[useful]) < 1e-12:
        return None
    clusters = stratum if len(np.unique(variant)) > 1 else None
    problem = _Problem(shown.astype(np.float64), coefficient, stratum, clusters, labels, useful, kinds)
    alone = _solve(problem, None)
    uses = _pays(problem, prediction)
    helped = _solve(problem, prediction) if uses else alone
    uses = helped.weight > 0
    chosen = helped if uses else alone
    return LabelledEffect(
        effect=chosen.effect,
        low=chosen.effect - chosen.half,
        high=chosen.effect + chosen.half,
        z=chosen.z,
        labels=sum(kinds),
        sessions=int((coefficient != 0).sum()),
        proxy_weight=chosen.weight,
        alone=(alone.effect, alone.effect - alone.half, alone.effect + alone.half),
        note="" if uses else "the proxy says nothing beyond the labels here; these are the labels alone",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    shown: Floats
    coefficient: Floats
    stratum: Codes
    clusters: Codes | None
    labels: Labels
    useful: Flags
    kinds: tuple[int, int]


def _pays(problem: "_Problem", prediction: Floats) -> bool:
    """Whether predictions go with scores that they have not seen, beyond chance (Fisher's z of the correlation), and
    well enough to be worth what they cost: a degree of freedom, and leverage of the labels whose predictions stand out.

    That is told by the correlation and by which labels there are. The widths of the intervals are not looked at.
    """
    rows = np.flatnonzero(problem.useful)
    score, pi, guess = problem.labels.score[rows], problem.labels.probability[rows], prediction[rows]
    if np.ptp(guess) < 1e-12:
        return False
    correlation = min(float(np.corrcoef(guess, score)[0, 1]), 0.999999)
    if float(np.arctanh(correlation)) * (len(score) - 3) ** 0.5 <= _PREDICTS_Z:
        return False
    # What is left of the variance of an error, and that of the predictions, which no label can take away.
    left = sum(max(1 - correlation**2, _least_share(n)) for n in problem.kinds) / 2
    left += correlation**2 * float(pi.mean())
    weights = (problem.coefficient[rows] / pi) ** 2
    columns = np.column_stack([np.ones(len(rows)), problem.shown[rows], guess])
    # Squared residuals fall short by their leverage, and are divided by its square.
    alone, helped = (
        float((weights / (1 - _weighted_fit(columns[:, :width], score, weights)[1])).sum()) ** 0.5
        * float(t_isf(0.025, max(_balance(problem.kinds) - width, 1.0)))
        for width in (2, 3)
    )
    return bool(helped * left**0.5 < alone)


@dataclass(frozen=True, slots=True)
class _Solution:
    effect: float
    half: float
    z: float
    weight: float


def _solve(problem: _Problem, prediction: Floats | None) -> _Solution:
    """The estimate from labels alone, or with a prediction of which as much is used as serves best."""
    c, rows = problem.coefficient, np.flatnonzero(problem.useful)
    score, pi = problem.labels.score[rows], problem.labels.probability[rows]
    ones = np.ones(len(c))
    columns = [ones, problem.shown] if prediction is None else [ones, problem.shown, prediction]
    everywhere = np.column_stack(columns)
    at_labels = everywhere[rows]
    # What the error of a label weighs in the variance of the sum.
    beta, leverage = _weighted_fit(at_labels, score, (c[rows] / pi) ** 2)
    if prediction is not None:
        beta = _tuned(beta, at_labels, score, (c[rows] / pi) ** 2)
    fitted, residual = everywhere @ beta, score - at_labels @ beta
    scale = float((c * c).sum())
    effect = (float((c * fitted).sum()) + float((c[rows] * residual / pi).sum())) / scale
    deviation = c * (_centred(fitted, problem.stratum) - effect * c)
    seen = _plus_unseen(residual / (1 - leverage), problem.shown[rows] > 0, score)
    deviation[rows] += c[rows] * seen / pi
    own = deviation[rows]
    if problem.clusters is not None:
        deviation = sums(problem.clusters, deviation, int(problem.clusters.max()) + 1)
    error = float(np.sqrt((deviation**2).sum())) / scale
    degrees = _degrees(own, problem.kinds, at_labels.shape[1])
    return _Solution(effect, float(t_isf(0.025, degrees)) * error, _z(effect, error, degrees), float(beta[2:].sum()))


def _tuned(beta: Floats, at_labels: Floats, score: Floats, weights: Floats) -> Floats:
    """The fit with λ in [0, 1]: a prediction is neither turned round nor stretched (PPI++)."""
    weight = float(np.clip(beta[2], 0.0, 1.0))
    if weight == beta[2]:
        return beta
    rest, _ = _weighted_fit(at_labels[:, :2], score - weight * at_labels[:, 2], weights)
    return np.append(rest, weight)


def _weighted_fit(matrix: Floats, values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Least squares with these weights, and the leverage of each row (at most 0.95)."""
    root = np.sqrt(weights / weights.mean())
    weighted = matrix * root[:, None]
    inverse = np.linalg.pinv(weighted.T @ weighted)
    beta = inverse @ (weighted.T @ (values * root))
    leverage = np.einsum("ij,jk,ik->i", weighted, inverse, weighted)
    return np.asarray(beta, np.float64), np.minimum(leverage, 0.95)


def _plus_unseen(residual: Floats, shown: Flags, score: Floats) -> Floats:
    """Residuals, no smaller on average than few labels can tell.

    n labels of a kind that are all predicted rightly do not show that the error is nought: its square is taken for at
    least what one success and one failure more would give a share (Agresti & Caffo 2000), on the scale of the labels.
    """
    widened = residual.copy()
    for kind in (shown, ~shown):
        n = int(kind.sum())
        least = _least_share(n) * float(score.var())
        lacking = least - float((residual[kind] ** 2).mean())
        if lacking > 0:
            widened[kind] = np.where(residual[kind] < 0, -1.0, 1.0) * np.sqrt(residual[kind] ** 2 + lacking)
    return widened


def _least_share(n: int) -> float:
    """Of the variance of the scores, what n labels cannot show to be absent from their errors."""
    return 4 * (n + 1) / (n + 2) ** 2


def _balance(kinds: tuple[int, int]) -> float:
    """Degrees of freedom that the smaller kind allows; the factor is that of statistics/estimate.py."""
    return 1.5 * kinds[0] * kinds[1] / sum(kinds)


def _degrees(deviation: Floats, kinds: tuple[int, int], parameters: int) -> float:
    """Degrees of freedom of a variance that is the sum of these squares; a normal's fourth moment is 3 σ⁴."""
    squares = deviation**2
    total = float(squares.sum())
    spread = 3 * total**2 / float((squares**2).sum()) if total > 0 else 1.0
    # The smaller kind limits what the variance is known from.
    return max(min(spread, _balance(kinds), sum(kinds)) - parameters, 1.0)


def _z(effect: float, error: float, degrees: float) -> float:
    if error <= 0:
        return 0.0
    tail = max(float(t_sf(abs(effect) / error, degrees)), 1e-300)
    return float(np.sign(effect) * normal_isf(tail))


def _features(proxies: Floats, stratum: Codes) -> Floats:
    """A constant, the proxies, their stratum's means and what is missing; all but the constant standardised."""
    missing = np.isnan(proxies)
    counts = np.maximum((~missing).sum(axis=0), 1)
    filled = np.where(missing, np.where(missing, 0.0, proxies).sum(axis=0) / counts, proxies)
    means = np.column_stack([filled[:, j] - _centred(filled[:, j], stratum) for j in range(filled.shape[1])])
    matrix = np.column_stack([filled, means, missing.astype(np.float64)])
    spread = matrix.std(axis=0)
    kept = spread > 1e-12
    standard = (matrix[:, kept] - matrix[:, kept].mean(axis=0)) / spread[kept]
    return np.column_stack([np.ones(len(proxies)), standard])


def _ridge(features: Floats, labels: Labels) -> Floats:
    """Coefficients fitted to the labels, weighted for all sessions; the constant is not shrunk."""
    weights = 1 / labels.probability
    weights = weights / weights.mean()
    penalty = np.eye(features.shape[1]) * _RIDGE
    penalty[0, 0] = 0.0
    normal = (features * weights[:, None]).T @ features + penalty
    return np.asarray(np.linalg.solve(normal, (features * weights[:, None]).T @ labels.score), np.float64)


def _centred(values: Floats, stratum: Codes) -> Floats:
    """Values less their stratum's mean."""
    strata = int(stratum.max(initial=0)) + 1
    size = np.maximum(np.bincount(stratum, minlength=strata), 1)
    return np.asarray(values - (sums(stratum, values, strata) / size)[stratum], np.float64)
