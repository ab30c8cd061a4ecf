"""Which findings explain the others: the smallest set, and what is only a shadow of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reverie.statistics.corpus import Floats, Ints
from reverie.statistics.distributions import normal_isf

_LEAST_SHARE_KEPT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Findings that compare the same sessions with each other."""

    findings: Ints
    """Positions of the findings, over all comparisons from 0."""
    sessions: Ints
    columns: Floats
    """Findings × sessions: who showed what, cleared of strata."""
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
    comparisons: Sequence[Comparison], reward: Floats, preference: Floats, tests: int = 0, owner: Ints | None = None
) -> JointFit:
    """Fit findings together, strongest first, and drop those the stronger ones explain.

    After the strongest finding is taken (|t| times its ``preference``), a remaining one is a shadow when, given those
    taken, less than half of its effect is left. What is left must also be beyond chance at 5 % over all findings
    (Bonferroni). At the end those taken are looked at again, given all others taken. Stepwise selection (Efroymson
    1960) by Gram–Schmidt, each finding being held against the others among the sessions that it compares: a behaviour
    that is the opposite of another one there is its shadow, whatever the other one is elsewhere.

    Args:
        comparisons: every finding in one of them.
        reward: of every session, cleared of strata.
        preference: of every finding.
        tests: how many the level is divided among, where there were more findings than are left.
        owner: where "sessions" are rows, several to a session (one at each of its moments): the session of every row,
            from 0. What a session showed in one of its rows is held against its others, too.
    """
    noise = float(np.var(reward)) or 1.0
    fit = _Fit(comparisons, reward, len(preference))
    waiting = set(range(len(preference)))
    least_t = float(normal_isf(0.025 / max(len(waiting), tests, 1)))
    too_weak: list[int] = []
    shadow_of: dict[int, int] = {}
    while waiting:
        share = fit.share_left()
        for j in sorted(waiting) if fit.taken else ():
            if share[j] < _LEAST_SHARE_KEPT:
                shadow_of[j] = fit.nearest(j)
        waiting -= shadow_of.keys()
        if not waiting:
            break
        t = np.abs(fit.score) / np.sqrt(noise * np.maximum(fit.size, 1e-12))
        best = max(sorted(waiting), key=lambda j: float(t[j] * preference[j]))
        waiting.discard(best)
        if t[best] < least_t:
            too_weak.append(best)
        else:
            fit.take(best, _values(comparisons, best, len(reward), owner))
    kept = _look_back(comparisons, reward, fit, shadow_of, owner)
    return JointFit(kept, shadow_of, tuple(too_weak))


def _look_back(
    comparisons: Sequence[Comparison], reward: Floats, fit: "_Fit", shadow_of: dict[int, int], owner: Ints | None
) -> tuple[int, ...]:
    """Drop, one by one, findings that those taken after them explain; their shadows become those of the others."""
    kept = list(fit.taken)
    values = {j: _values(comparisons, j, len(reward), owner) for j in kept}
    alone = {j: _alone(comparisons, j) for j in kept}
    while len(kept) > 1:
        share = {}
        for j in kept:
            without = _Fit([alone[j]], reward, len(fit.size))
            for other in kept:
                if other != j:
                    without.take(other, values[other])
            share[j] = float(without.share_left()[j])
        worst = min(kept, key=lambda j: share[j])
        if share[worst] >= _LEAST_SHARE_KEPT:
            break
        kept.remove(worst)
        leader = fit.nearest(worst, kept)
        shadow_of |= {shadow: leader for shadow, by in shadow_of.items() if by == worst} | {worst: leader}
    return tuple(kept)


def _alone(comparisons: Sequence[Comparison], j: int) -> Comparison:
    """The comparison of finding ``j``, without the other findings."""
    own = next(each for each in comparisons if j in each.findings)
    return replace(own, findings=own.findings[own.findings == j], columns=own.columns[own.findings == j])


def _values(comparisons: Sequence[Comparison], j: int, sessions: int, owner: Ints | None) -> Floats:
    """The column of finding ``j`` over all sessions, in every row of each; zero where it compares none."""
    own = _alone(comparisons, j)
    values = np.zeros(sessions)
    if owner is None:
        values[own.sessions] = own.columns[0]
        return values
    values[owner[own.sessions]] = own.columns[0]
    return np.asarray(values[owner], np.float64)


class _Fit:
    """What is left of findings once some of them are taken, each within its own comparison."""

    def __init__(self, comparisons: Sequence[Comparison], reward: Floats, findings: int) -> None:
        self.taken: list[int] = []
        self.size, self.score = np.zeros(findings), np.zeros(findings)
        """Per finding: squared length of its column, and its product with the reward, given those taken."""
        for each in comparisons:
            self.size[each.findings] = (each.columns**2).sum(axis=1)
            self.score[each.findings] = each.columns @ reward[each.sessions]
        self._whole, self._alone = self.size.copy(), self.score.copy()
        self._comparisons, self._reward = comparisons, reward
        self._directions: list[list[Floats]] = [[] for _ in comparisons]
        """Per comparison: the findings taken, cleared there, orthogonal to each other and of length 1."""
        self._likeness: list[Floats] = []
        """Per finding taken: how alike all findings are to it, from 0 to 1."""

    def share_left(self) -> Floats:
        """Of each finding's effect, given those taken; 0 where they say all that it does."""
        remains = self.size > 1e-6 * self._whole
        size, alone = np.where(remains, self.size, 1.0), np.where(self._alone == 0, 1.0, self._alone)
        return np.where(remains, self.score / size * self._whole / alone, 0.0)

    def nearest(self, j: int, among: Sequence[int] | None = None) -> int:
        """The taken finding, of ``among``, that finding ``j`` is most alike."""
        return max(among or self.taken, key=lambda k: float(self._likeness[self.taken.index(k)][j]))

    def take(self, best: int, values: Floats) -> None:
        """Hold all findings against ``best``, too; ``values`` is its column over all sessions."""
        likeness = np.zeros(len(self.size))
        for each, directions in zip(self._comparisons, self._directions, strict=True):
            direction = each.clear(values[each.sessions])
            length = float(np.linalg.norm(direction))
            if length < 1e-9:
                continue
            whole = np.sqrt(np.maximum(self._whole[each.findings], 1e-12))
            likeness[each.findings] = np.abs(each.columns @ direction) / (length * whole)
            for earlier in directions:
                direction = direction - (earlier @ direction) * earlier
            rest = float(np.linalg.norm(direction))
            if rest > 1e-6 * length:
                direction = direction / rest
                directions.append(direction)
                part = each.columns @ direction
                self.size[each.findings] -= part**2
                self.score[each.findings] -= part * float(direction @ self._reward[each.sessions])
        self.taken.append(best)
        self._likeness.append(likeness)


def robust_fit(columns: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Least squares of ``values`` on ``columns`` (columns × sessions), and its robust covariance (White 1980)."""
    inverse = np.linalg.pinv(columns @ columns.T, hermitian=True)
    effect = inverse @ (columns @ values)
    scores = columns * (values - effect @ columns)
    covariance = inverse @ (scores @ scores.T) @ inverse
    return np.asarray(effect, np.float64), np.asarray(covariance, np.float64)
