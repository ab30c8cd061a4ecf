"""Which findings explain the others: the smallest set, and what is only a shadow of it."""

from dataclasses import dataclass

import numpy as np

from reverie.patterns.corpus import Floats

_LEAST_T = 1.96
_LEAST_SHARE_KEPT = 0.5


@dataclass(frozen=True, slots=True)
class JointFit:
    """Per finding: kept, or the position of the finding it is a shadow of."""

    kept: tuple[int, ...]
    shadow_of: dict[int, int]


def explain_away(columns: Floats, reward: Floats, preference: Floats) -> JointFit:
    """Fit findings together, strongest first, and drop those the stronger ones explain.

    ``columns`` is sessions × findings, each column already cleared of its strata (zero mean inside each stratum of the
    sessions it compares, zero elsewhere), so that least squares on them uses comparisons within strata only. After the
    strongest finding is taken (|t| times its ``preference``), a remaining one is a shadow when, given those taken, less
    than half of its effect is left or |t| falls below 1.96. Forward selection by Gram–Schmidt on the normal equations
    (Efroymson 1960).
    """
    gram = columns.T @ columns
    right = columns.T @ reward
    noise = float(np.var(reward)) or 1.0
    alone = right / np.maximum(np.diag(gram), 1e-12)
    own, left = np.diag(gram).copy(), right.copy()
    partial = gram.copy()
    waiting = set(range(columns.shape[1]))
    kept: list[int] = []
    shadow_of: dict[int, int] = {}
    correlation = np.abs(gram) / np.sqrt(np.maximum(np.outer(np.diag(gram), np.diag(gram)), 1e-12))
    while waiting:
        t = {j: abs(left[j]) / np.sqrt(noise * max(own[j], 1e-12)) for j in waiting}
        for j in sorted(waiting) if kept else ():
            share = left[j] / max(own[j], 1e-12) / alone[j] if alone[j] else 0.0
            if t[j] < _LEAST_T or share < _LEAST_SHARE_KEPT or own[j] < 1e-6 * gram[j, j]:
                shadow_of[j] = max(kept, key=lambda k, j=j: float(correlation[j, k]))  # type: ignore[misc]
        waiting -= shadow_of.keys()
        if not waiting:
            break
        best = max(sorted(waiting), key=lambda j: t[j] * float(preference[j]))
        kept.append(best)
        waiting.discard(best)
        ratio = partial[:, best] / max(own[best], 1e-12)
        left = left - ratio * left[best]
        partial = partial - np.outer(ratio, partial[best])
        own = np.diag(partial).copy()
    return JointFit(tuple(kept), shadow_of)
