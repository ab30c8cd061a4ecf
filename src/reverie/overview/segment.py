"""Segments: sessions of one category, intent, theme or agent variant, how they end and which do worse than the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reverie.overview.overview import SegmentKind, SegmentRate, WeakSegment
from reverie.overview.table import OTHER, SessionTable, examples, request_groups, task_clusters, went_well
from reverie.statistics.contrast import q_values
from reverie.statistics.corpus import Codes, Flags, Floats, Ints, label_codes, sums
from reverie.statistics.distributions import t_isf, t_sf
from reverie.statistics.interval import rate_of
from reverie.statistics.quantity import Rate

_KINDS: tuple[SegmentKind, ...] = ("category", "intent", "theme", "variant")
_LEAST_SESSIONS = 20
_LEAST_CLUSTERS = 5
_MOST_SEGMENTS = 60
"""Of one kind, the largest."""
_FDR = 0.05
_NEARLY_ALL = 0.95
"""Of the sessions of either of two segments: they are one where both have so many."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentContrast:
    """One segment against all other sessions."""

    kind: SegmentKind
    label: str
    members: Ints
    """Positions of its sessions in which the outcome is known."""
    rate: Rate
    """Mean outcome in the segment."""
    difference: float
    """Mean outcome in the segment less that of the rest, compared within strata; its 95 % interval follows."""
    low: float
    high: float
    q_value: float


def weak_segments(table: SessionTable, themes: Sequence[str] = ()) -> tuple[WeakSegment, ...]:
    """Segments whose sessions earn less than comparable others, those with most failures first.

    ``themes`` is the theme of each session, where themes were looked for. Controlled for false discovery at 5 % over
    all segments of all kinds. Segments of nearly the same sessions are one. A segment of fewer than 20 scored sessions
    or 5 tasks is not judged.
    """
    failed = ~went_well(table) & ~np.isnan(table.reward)
    weak = []
    worse = [c for c in compare_segments(table, table.reward, themes) if c.q_value <= _FDR and c.difference < 0]
    for c, *others in _one_of_each(worse):
        failures = int(failed[c.members].sum())
        weak.append(
            WeakSegment(
                kind=c.kind,
                label=c.label,
                size=len(c.members),
                failures=failures,
                share_of_failures=failures / max(int(failed.sum()), 1),
                reward=c.rate,
                difference=c.difference,
                low=c.low,
                high=c.high,
                q_value=c.q_value,
                example_session_ids=examples(table, c.members[failed[c.members]], good=False),
                also=tuple(f"{other.kind}:{other.label}" for other in others),
            )
        )
    return tuple(sorted(weak, key=lambda w: (-w.failures, w.kind, w.label)))


def _one_of_each(segments: Sequence[SegmentContrast]) -> list[list[SegmentContrast]]:
    """Segments of nearly the same sessions together, the most telling first.

    A category is what people call it, an intent what users ask for, a theme only what words go together.
    """
    groups: list[list[SegmentContrast]] = []
    for each in sorted(segments, key=lambda c: _KINDS.index(c.kind)):
        own = set(each.members.tolist())
        for group in groups:
            first = set(group[0].members.tolist())
            if len(own & first) >= _NEARLY_ALL * len(own | first):
                group.append(each)
                break
        else:
            groups.append([each])
    return groups


def fallback_rates(table: SessionTable, themes: Sequence[str] = ()) -> tuple[SegmentRate, ...]:
    """How often the agent falls back (says that it cannot, does not know, or repeats itself), by segment.

    Segments that do so more than comparable others come first; the others follow by how often they do.
    """
    counts = table.signals.counts.get("fallbacks")
    if counts is None or not (counts > 0).any():
        return ()
    fell_back = np.where(np.isnan(counts), np.nan, (counts > 0).astype(np.float64))
    rates = [
        SegmentRate(
            kind=c.kind,
            label=c.label,
            rate=c.rate,
            difference=c.difference,
            low=c.low,
            high=c.high,
            q_value=c.q_value,
            example_session_ids=examples(table, c.members[fell_back[c.members] == 1], good=False),
        )
        for c in compare_segments(table, fell_back, themes)
    ]
    return tuple(sorted(rates, key=lambda r: (not (r.q_value <= _FDR and r.difference > 0), -r.rate.value, r.label)))


def compare_segments(table: SessionTable, values: Floats, themes: Sequence[str] = ()) -> list[SegmentContrast]:
    """Every large enough segment against the rest, on an outcome in [0, 1] that is NaN where unknown.

    Requests (category, intent, theme) are compared among sessions of one agent variant, variants among sessions of one
    request, so that a hard task does not stand for a weak agent or the reverse. Errors are clustered by task (Liang &
    Zeger 1986); the test takes its variance at no difference, which is safe for segments of few tasks.
    """
    known = np.flatnonzero(~np.isnan(values))
    if known.size < 2 * _LEAST_SESSIONS:
        return []
    cluster = task_clusters(table)[known]
    variant, request = label_codes(table.corpus.variant)[known], request_groups(table)[known]
    judged, p_values = [], []
    for kind, label, inside in _segments(table, known, themes):
        stratum = request if kind == "variant" else variant
        difference = _difference(inside, values[known], stratum, cluster)
        rate = rate_of(values[known][inside], cluster[inside])
        if difference is None or rate is None:
            continue
        effect, half, p = difference
        low, high = max(effect - half, -1.0), min(effect + half, 1.0)
        judged.append(SegmentContrast(kind, label, known[inside], rate, effect, low, high, 1.0))
        p_values.append(p)
    q = q_values(np.array(p_values), np.ones(len(p_values), np.bool_))
    return [replace(c, q_value=float(q[i])) for i, c in enumerate(judged)]


def _segments(table: SessionTable, known: Ints, themes: Sequence[str]) -> Iterator[tuple[SegmentKind, str, Flags]]:
    labels: Mapping[SegmentKind, Sequence[str | None]] = {
        "category": table.corpus.category,
        "intent": table.signals.intent,
        "theme": themes or [""] * table.size,
        "variant": table.corpus.variant,
    }
    for kind in _KINDS:
        column = np.array([labels[kind][i] or "" for i in known], object)
        names, code, sizes = np.unique(column.astype(str), return_inverse=True, return_counts=True)
        largest = sorted(range(len(names)), key=lambda i: (-sizes[i], names[i]))
        usable = [i for i in largest if names[i] not in ("", OTHER) and sizes[i] >= _LEAST_SESSIONS]
        for i in usable[:_MOST_SEGMENTS]:
            if known.size - sizes[i] >= _LEAST_SESSIONS:
                yield kind, str(names[i]), code == i


def _difference(inside: Flags, values: Floats, stratum: Codes, cluster: Codes) -> tuple[float, float, float] | None:
    """Difference within strata, half of its 95 % interval, and p; None where too few sessions inform it."""
    strata = int(stratum.max()) + 1
    size = np.maximum(np.bincount(stratum, minlength=strata), 1)
    x = inside - (sums(stratum, inside.astype(np.float64), strata) / size)[stratum]
    y = values - (sums(stratum, values, strata) / size)[stratum]
    weight = float((x * x).sum())
    compared = np.abs(x) > 1e-9
    clusters = len(np.unique(cluster[inside & compared]))
    if weight < 1.0 or clusters < _LEAST_CLUSTERS or not (compared & ~inside).any():
        return None
    effect = float((x * y).sum()) / weight
    groups = int(cluster.max()) + 1
    error = float(np.sqrt((sums(cluster, x * (y - effect * x), groups) ** 2).sum())) / weight
    at_none = float(np.sqrt((sums(cluster, x * y, groups) ** 2).sum())) / weight
    correction = (clusters / (clusters - 1)) ** 0.5
    degrees = clusters - 1
    p = 2 * float(t_sf(abs(effect) / max(correction * at_none, 1e-12), degrees))
    return effect, float(t_isf(0.025, degrees)) * correction * error, p
