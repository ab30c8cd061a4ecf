"""Which findings explain the others: the smallest set, and what is only a shadow of it."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from reverie.patterns.corpus import Floats

_LEAST_SHARE_KEPT = 0.5


@dataclass(frozen=True, slots=True)
class JointFit:
    """What became of each finding, by position."""

    kept: tuple[int, ...]
    shadow_of: dict[int, int]
    """Shadow → the kept finding that explains it."""
    too_weak: tuple[int, ...]
    """No shadow of one finding, but not beyond chance given the kept ones."""


def explain_away(columns: Floats, reward: Floats, preference: Floats) -> JointFit:
    """Fit findings together, strongest first, and drop those the stronger ones explain.

    ``columns`` is sessions × findings, each column already cleared of its strata (zero mean inside each stratum of the
    sessions it compares, zero elsewhere), so that least squares on them uses comparisons within strata only. After the
    strongest finding is taken (|t| times its ``preference``), a remaining one is a shadow when, given those taken, less
    than half of its effect is left. What is left must also be beyond chance at 5 % over all findings (Bonferroni).
    Forward selection by Gram–Schmidt on the normal equations (Efroymson 1960).
    """
    gram = columns.T @ columns
    right = columns.T @ reward
    noise = float(np.var(reward)) or 1.0
    alone = right / np.maximum(np.diag(gram), 1e-12)
    own, left = np.diag(gram).copy(), right.copy()
    partial = gram.copy()
    waiting = set(range(columns.shape[1]))
    least_t = float(stats.norm.isf(0.025 / max(len(waiting), 1)))
    kept: list[int] = []
    too_weak: list[int] = []
    shadow_of: dict[int, int] = {}
    correlation = np.abs(gram) / np.sqrt(np.maximum(np.outer(np.diag(gram), np.diag(gram)), 1e-12))
    while waiting:
        t = {j: abs(left[j]) / np.sqrt(noise * max(own[j], 1e-12)) for j in waiting}
        for j in sorted(waiting) if kept else ():
            share = left[j] / max(own[j], 1e-12) / alone[j] if alone[j] else 0.0
            if share < _LEAST_SHARE_KEPT or own[j] < 1e-6 * gram[j, j]:
                shadow_of[j] = kept[int(np.argmax(correlation[j, kept]))]
        waiting -= shadow_of.keys()
        if not waiting:
            break
        best = max(sorted(waiting), key=lambda j: t[j] * float(preference[j]))
        waiting.discard(best)
        if t[best] < least_t:
            too_weak.append(best)
            continue
        kept.append(best)
        ratio = partial[:, best] / max(own[best], 1e-12)
        left = left - ratio * left[best]
        partial = partial - np.outer(ratio, partial[best])
        own = np.diag(partial).copy()
    return JointFit(tuple(kept), shadow_of, tuple(too_weak))
