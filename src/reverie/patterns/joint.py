"""Which findings explain the others: the smallest set, and what is only a shadow of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reverie.patterns.corpus import Floats, Ints

_LEAST_SHARE_KEPT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Sessions that findings compare with each other."""

    sessions: Ints
    clear: Callable[[Floats], Floats]
    """Takes from values, one per session of ``sessions``, what their strata explain."""


@dataclass(frozen=True, slots=True)
class JointFit:
    """What became of each finding, by position."""

    kept: tuple[int, ...]
    shadow_of: dict[int, int]
    """Shadow → the kept finding that explains it."""
    too_weak: tuple[int, ...]
    """No shadow of one finding, but not beyond chance given the kept ones."""


def explain_away(
    columns: Floats, group: Sequence[int], comparisons: Sequence[Comparison], reward: Floats, preference: Floats
) -> JointFit:
    """Fit findings together, strongest first, and drop those the stronger ones explain.

    ``columns`` is sessions × findings; finding j is shown among the sessions of ``comparisons[group[j]]``, its column
    is cleared of the strata there and zero elsewhere. After the strongest finding is taken (|t| times its
    ``preference``), a remaining one is a shadow when, given those taken, less than half of its effect is left. What is
    left must also be beyond chance at 5 % over all findings (Bonferroni). Forward selection by Gram–Schmidt (Efroymson
    1960), each finding being held against the others among the sessions that it compares: a behaviour that is the
    opposite of another one there is its shadow, whatever the other one is elsewhere.
    """
    noise = float(np.var(reward)) or 1.0
    left = _Remainder(columns.copy(), group, comparisons, [[] for _ in comparisons])
    alone = np.array([left.effect(j, reward) for j in range(columns.shape[1])])
    whole = (columns**2).sum(axis=0)
    waiting = set(range(columns.shape[1]))
    least_t = float(stats.norm.isf(0.025 / max(len(waiting), 1)))
    kept: list[int] = []
    too_weak: list[int] = []
    shadow_of: dict[int, int] = {}
    likeness = np.zeros((columns.shape[1], columns.shape[1]))
    while waiting:
        own = (left.columns**2).sum(axis=0)
        for j in sorted(waiting) if kept else ():
            share = left.effect(j, reward) / alone[j] if alone[j] else 0.0
            if share < _LEAST_SHARE_KEPT or own[j] < 1e-6 * whole[j]:
                shadow_of[j] = kept[int(np.argmax(likeness[j, kept]))]
        waiting -= shadow_of.keys()
        if not waiting:
            break
        t = {j: abs(left.effect(j, reward)) * np.sqrt(own[j] / noise) for j in waiting}
        best = max(sorted(waiting), key=lambda j: t[j] * float(preference[j]))
        waiting.discard(best)
        if t[best] < least_t:
            too_weak.append(best)
            continue
        kept.append(best)
        likeness[:, best] = left.take(columns, best)
    return JointFit(tuple(kept), shadow_of, tuple(too_weak))


@dataclass(frozen=True, slots=True, eq=False)
class _Remainder:
    """What is left of every finding's column given the findings taken, within its comparison."""

    columns: Floats
    group: Sequence[int]
    comparisons: Sequence[Comparison]
    taken: Sequence[list[Floats]]
    """Per comparison: the findings taken, cleared there, orthogonal to each other and of length 1."""

    def effect(self, j: int, reward: Floats) -> float:
        column = self.columns[:, j]
        return float(column @ reward) / max(float(column @ column), 1e-12)

    def take(self, original: Floats, best: int) -> Floats:
        """Take ``best`` out of every column; returns how alike each ``original`` column was to it."""
        likeness = np.zeros(self.columns.shape[1])
        for number, comparison in enumerate(self.comparisons):
            members = np.flatnonzero(np.asarray(self.group) == number)
            there = np.ix_(comparison.sessions, members)
            direction = comparison.clear(original[comparison.sessions, best])
            length = float(np.linalg.norm(direction))
            if length < 1e-9:
                continue
            sizes = np.maximum(np.linalg.norm(original[there], axis=0), 1e-12)
            likeness[members] = np.abs(direction @ original[there]) / (length * sizes)
            for earlier in self.taken[number]:
                direction = direction - (earlier @ direction) * earlier
            rest = float(np.linalg.norm(direction))
            if rest > 1e-6 * length:
                direction = direction / rest
                self.taken[number].append(direction)
                self.columns[there] -= np.outer(direction, direction @ self.columns[there])
        return likeness
