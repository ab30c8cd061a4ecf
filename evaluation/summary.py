"""Many dreams over planted worlds, added up."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from evaluation.measures import Rate, Share, clustered_share, poisson_rate
from evaluation.planted import METHODS, WorldRun

TARGET_EFFECT = 0.15
"""From this size on effects should be found."""
SIZES = ((0.0, 0.08), (0.08, 0.125), (0.125, 0.15), (0.15, 0.19), (0.19, 0.25), (0.25, 1.0))
"""Classes of absolute effect; the upper bound is left out."""


class WorldSummary(msgspec.Struct, frozen=True):
    """One world over its seeds."""

    world: str
    seeds: int
    sessions: int
    precision: Share
    recall: Share
    recall_target: Share
    """Of effects of at least :data:`TARGET_EFFECT`."""
    covered_adopted: Share
    covered_planted: Share
    covered_zero: Share
    placebo: Rate
    """Lessons per placebo run."""
    false_lessons: Rate
    """Per world."""
    described: Share
    """Effects told in the best words, of those found whose words are marked."""
    baselines: dict[str, tuple[Share, Share]]
    """Precision and recall by method."""
    mistakes: tuple[tuple[str, int], ...]
    """False lessons in their own words, and in how many worlds."""
    seconds: float
    """Mean, from lines to lessons."""


class TruthRow(msgspec.Struct, frozen=True):
    """One planted effect over the seeds."""

    world: str
    words: str
    effect: float
    """Mean over the seeds."""
    seeds: int
    found: dict[str, int]
    """In how many, by method."""


class SizeRow(msgspec.Struct, frozen=True):
    """Recall of the effects of one class of sizes, by method."""

    low: float
    high: float
    recall: dict[str, Share]


def summarise_world(runs: Sequence[WorldRun]) -> WorldSummary:
    """Add up the runs of one world.

    Raises:
        ValueError: there are none.
    """
    mistakes = Counter(words for run in runs for words in set(run.marks["reverie"].false_words))
    false = sum(len(run.marks["reverie"].false_words) for run in runs)
    return WorldSummary(
        world=runs[0].world,
        seeds=len(runs),
        sessions=runs[0].sessions,
        precision=_precision(runs, "reverie"),
        recall=_recall(runs, "reverie"),
        recall_target=_recall(runs, "reverie", TARGET_EFFECT),
        covered_adopted=clustered_share([run.covered_adopted for run in runs]),
        covered_planted=clustered_share([run.covered_planted for run in runs]),
        covered_zero=clustered_share([run.covered_zero for run in runs]),
        placebo=poisson_rate(sum(run.placebo[0] for run in runs), sum(run.placebo[1] for run in runs)),
        false_lessons=poisson_rate(false, len(runs)),
        described=clustered_share([run.described for run in runs]),
        baselines={method: (_precision(runs, method), _recall(runs, method)) for method in METHODS[1:]},
        mistakes=tuple(mistakes.most_common()),
        seconds=sum(run.seconds for run in runs) / len(runs),
    )


def overall_coverage(runs: Sequence[WorldRun]) -> tuple[Share, Share]:
    """Over all worlds and seeds: intervals of planted effects, and of effects known to be nothing."""
    return (
        clustered_share([run.covered_planted for run in runs]),
        clustered_share([run.covered_zero for run in runs]),
    )


def truth_rows(runs: Sequence[WorldRun]) -> list[TruthRow]:
    """Every planted effect of one world, in order."""
    words = list(dict.fromkeys(truth.words for run in runs for truth in run.truths))
    rows = []
    for each in words:
        same = [truth for run in runs for truth in run.truths if truth.words == each]
        found = {method: sum(method in truth.by for truth in same) for method in METHODS}
        rows.append(TruthRow(runs[0].world, each, sum(t.effect for t in same) / len(same), len(same), found))
    return rows


def recall_by_size(runs: Sequence[WorldRun]) -> list[SizeRow]:
    """Recall over all worlds by the size of the effect."""
    return [SizeRow(low, high, {m: _recall(runs, m, low, high) for m in METHODS}) for low, high in SIZES]


def _precision(runs: Sequence[WorldRun], method: str) -> Share:
    return clustered_share([(run.marks[method].right, run.marks[method].adopted) for run in runs])


def _recall(runs: Sequence[WorldRun], method: str, low: float = 0.0, high: float = 2.0) -> Share:
    """Of the planted effects from ``low`` to below ``high`` in size."""
    chosen = [[truth for truth in run.truths if low <= abs(truth.effect) < high] for run in runs]
    return clustered_share([(sum(method in truth.by for truth in truths), len(truths)) for truths in chosen])
