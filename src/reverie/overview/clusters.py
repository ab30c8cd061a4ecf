"""Points in groups: k-means, and how well a grouping keeps apart what is unlike."""

import numpy as np
import numpy.typing as npt

from reverie.statistics.corpus import Floats, Ints

Points = npt.NDArray[np.float32]

_STARTS = 3
_MOST_ROUNDS = 50
_DRAWN = 16
"""Points that compete to be the next first centre."""


def k_means(points: Points, groups: int, generator: np.random.Generator) -> Points:
    """Centres, ``groups`` × dimensions: the best of three runs by the sum of squares within.

    Lloyd 1982, from the first centres of k-means++ (Arthur & Vassilvitskii 2007).
    """
    runs = [settle(points, _first_centres(points, groups, generator)) for _ in range(_STARTS)]
    return min(runs, key=lambda centres: float(squared_distances(points, centres).min(axis=1).sum()))


def settle(points: Points, centres: Points, rounds: int = _MOST_ROUNDS) -> Points:
    """Move each centre to the mean of the points nearest to it until none changes sides; an empty one stays."""
    label = np.full(len(points), -1)
    for _ in range(rounds):
        nearest = nearest_centre(points, centres)
        if (nearest == label).all():
            break
        label = nearest
        member = np.zeros((len(centres), len(points)), np.float32)
        member[label, np.arange(len(points))] = 1.0
        size = member.sum(axis=1, keepdims=True)
        centres = np.where(size > 0, (member @ points) / np.maximum(size, 1.0), centres)
    return centres


def nearest_centre(points: Points, centres: Points) -> Ints:
    """Per point, the position of its centre; the first of equally near ones."""
    nearest: Ints = np.argmin(np.square(centres).sum(axis=1) - 2.0 * (points @ centres.T), axis=1)
    return nearest


def squared_distances(points: Points, others: Points) -> Points:
    """Euclidean, points × others."""
    squares = np.square(points).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2.0 * (points @ others.T)
    distances: Points = np.maximum(squares, 0.0)
    return distances


def silhouette(distances: Points, label: Ints) -> float:
    """Mean of (b − a) / max(a, b), a point's mean distance a to its group and b to the next one (Rousseeuw 1987).

    A point alone in its group counts as 0; −1 where there are not at least two groups and more points than groups.
    """
    present, group = np.unique(label, return_inverse=True)
    if not 1 < len(present) < len(label):
        return -1.0
    rows = np.arange(len(label))
    member = np.zeros((len(label), len(present)), np.float32)
    member[rows, group] = 1.0
    size = member.sum(axis=0)
    sums = (distances @ member).astype(np.float64)
    own = sums[rows, group] / np.maximum(size[group] - 1, 1)
    others = sums / size
    others[rows, group] = np.inf
    next_best = others.min(axis=1)
    gap: Floats = (next_best - own) / np.maximum(np.maximum(own, next_best), 1e-12)
    return float(np.where(size[group] > 1, gap, 0.0).mean())


def _first_centres(points: Points, groups: int, generator: np.random.Generator) -> Points:
    """Points far from each other: of a few drawn by their squared distance, each time the one that helps most."""
    centres = [points[generator.integers(len(points))]]
    nearest = squared_distances(points, centres[0][None])[:, 0]
    while len(centres) < groups:
        total = np.cumsum(nearest.astype(np.float64))
        drawn = np.minimum(np.searchsorted(total, generator.random(_DRAWN) * total[-1]), len(points) - 1)
        after = np.minimum(nearest[:, None], squared_distances(points, points[drawn]))
        best = int(after.sum(axis=0).argmin())
        centres.append(points[drawn[best]])
        nearest = after[:, best]
    return np.stack(centres)
