"""What changes over time: reward, how often behaviours and errors occur, and what a behaviour is worth.

Sessions are cut into stretches of equally many, and each series is cleared of what was asked for (the task, or the
task category), so that a run of harder tasks is no decline. The test for any change is the largest gain in fit from one
step; its distribution without changes is that of independent normal stretches, simulated once. Series that pass false
discovery control are cut by optimal partitioning (Jackson et al. 2005) with the penalty at which one series in twenty
without change would be cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from reverie.digests.behaviour_name import SESSION
from reverie.overview.overview import EffectDrift, LevelChange, SeriesKind, Trend, WindowEffect
from reverie.overview.table import SessionTable, request_groups
from reverie.statistics.contrast import contrast, design_of, q_values
from reverie.statistics.corpus import SITUATION_KIND, Codes, Flags, Floats, Ints, label_codes, sums
from reverie.statistics.estimate import heterogeneity

_FDR = 0.05
_SESSIONS_PER_STRETCH = 25
_MOST_STRETCHES, _LEAST_STRETCHES = 200, 8
_MOST_SERIES = 200
_LEAST_SHOWN = 50
_SIMULATIONS = 20_000
_SEED = 20_260_104
_DATE_DROP = 7.35
"""How far the fit may fall below its best within the 95 % interval of a change's date: −2 ln(1 − √0.95), the limit for
mean shifts (Yao 1987; Hansen 2000)."""
_VARIANT_SHIFT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    kind: SeriesKind
    name: str
    sessions: Ints
    """Positions, by start time."""
    values: Floats
    """Parallel to ``sessions``."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stretches:
    """A series by stretch: standardised means, so that noise has variance 1, and which stretch each session is in."""

    of_session: Codes
    means: Floats


def find_trends(table: SessionTable) -> tuple[Trend, ...]:
    """Series that change, the surest first; empty when fewer than 200 dated sessions have the outcome.

    False discovery control is over all series: reward, fallbacks, and every behaviour and error class that at least 50
    sessions show. Sessions that follow each other are taken for independent given what was asked for.
    """
    dated = _by_time(table)
    group = request_groups(table)
    reference: dict[int, Floats] = {}
    tested, p_values = [], []
    for series in _all_series(table, dated):
        stretches = _cut(table, series, group)
        if stretches is None:
            continue
        count = len(stretches.means)
        if count not in reference:
            reference[count] = _largest_gains(count)
        largest = _gains(stretches.means).max()
        tested.append((series, stretches))
        p_values.append((1 + int((reference[count] >= largest).sum())) / (_SIMULATIONS + 1))
    q = q_values(np.array(p_values), np.ones(len(p_values), np.bool_))
    trends = [
        _trend(table, series, stretches, group, float(np.quantile(reference[len(stretches.means)], 0.95)), float(q[i]))
        for i, (series, stretches) in enumerate(tested)
        if q[i] <= _FDR
    ]
    order = {"reward": 0, "fallback": 1, "error": 2, "behaviour": 3}
    return tuple(sorted(trends, key=lambda t: (order[t.kind], t.q_value, t.name)))


def find_drifts(
    table: SessionTable, *, windows: int = 4, least_sessions: int = 40, most: int = 200
) -> tuple[EffectDrift, ...]:
    """Behaviours whose effect differs between disjoint windows of time, the surest first.

    Args:
        windows: how many, of equally many scored sessions.
        least_sessions: that show a behaviour and that do not, in its situation, for it to be looked at.
        most: behaviours looked at, the commonest.
    """
    corpus, strata = table.corpus, table.strata
    sessions = _by_time(table)
    sessions = sessions[~np.isnan(table.reward[sessions])]
    if sessions.size < windows * least_sessions:
        return ()
    codes = _common_behaviours(table, least_sessions)[:most]
    column_of = np.full(len(corpus.names), -1, np.int64)
    column_of[codes] = np.arange(len(codes))
    columns = column_of[corpus.entry_code]
    members, columns = corpus.entry_session[columns >= 0], columns[columns >= 0]
    parts = [np.sort(part) for part in np.array_split(sessions, windows)]
    contrasts = contrast(
        [design_of(strata.code, strata.variant, part, members, columns, len(codes)) for part in parts], table.reward
    )
    drifts = []
    for column, code in enumerate(codes):
        places = range(column, windows * len(codes), len(codes))
        effects = [contrasts.at(place) for place in places]
        estimated = [place for place, effect in zip(places, effects, strict=True) if effect is not None]
        if len(estimated) > 1:
            p = heterogeneity(contrasts.estimates.effect[estimated], contrasts.estimates.standard_error[estimated])
            shown = zip(parts, effects, strict=True)
            name = corpus.names[code]
            at_times = tuple(WindowEffect(*_span(table, part), effect) for part, effect in shown)
            drifts.append(EffectDrift(name.situation.text, name.name.text, at_times, p, 1.0))
    q = q_values(np.array([d.p_value for d in drifts]), np.ones(len(drifts), np.bool_))
    drifts = [msgspec.structs.replace(d, q_value=float(q[i])) for i, d in enumerate(drifts)]
    return tuple(sorted((d for d in drifts if d.q_value <= _FDR), key=lambda d: (d.q_value, d.behaviour)))


def _common_behaviours(table: SessionTable, least: int) -> list[int]:
    """Codes of what at least ``least`` sessions do at some time, and as many do not; the commonest first."""
    names = table.corpus.names
    shown = np.bincount(table.corpus.entry_code, minlength=len(names))
    often = np.flatnonzero((shown >= least) & (shown <= table.size - least))
    advisable = np.array([n.situation == SESSION and n.kind not in (SITUATION_KIND, "marker") for n in names], np.bool_)
    often = often[advisable[often]]
    codes: list[int] = often[np.argsort(-shown[often], kind="stable")].tolist()
    return codes


def _by_time(table: SessionTable) -> Ints:
    """Positions of the sessions whose start is known, by start."""
    started = table.signals.started_at
    dated = np.flatnonzero(~np.isnan(started))
    return dated[np.argsort(started[dated], kind="stable")]


def _all_series(table: SessionTable, dated: Ints) -> Iterator[_Series]:
    corpus = table.corpus
    known = dated[~np.isnan(table.reward[dated])]
    yield _Series("reward", "reward", known, table.reward[known])
    fallbacks = table.signals.counts.get("fallbacks")
    if fallbacks is not None:
        known = dated[~np.isnan(fallbacks[dated])]
        yield _Series("fallback", "fallback", known, np.minimum(fallbacks[known], 1.0))
    entries = np.flatnonzero(np.array([n.situation == SESSION for n in corpus.names], np.bool_)[corpus.entry_code])
    shown = np.bincount(corpus.entry_code[entries], minlength=len(corpus.names))
    is_error = np.array([n.name.family == "error" for n in corpus.names], np.bool_)
    often = np.flatnonzero((shown >= _LEAST_SHOWN) & (shown <= table.size - _LEAST_SHOWN))
    chosen = often[np.lexsort((often, -shown[often], ~is_error[often]))][:_MOST_SERIES]
    for code in chosen.tolist():
        flags = np.zeros(table.size)
        flags[corpus.entry_session[corpus.entry_code == code]] = 1.0
        yield _Series("error" if is_error[code] else "behaviour", corpus.names[code].name.text, dated, flags[dated])


def _cut(table: SessionTable, series: _Series, group: Codes) -> _Stretches | None:
    """The series in stretches; sessions that began at the same moment are in the same one."""
    size = len(series.sessions)
    stretches = min(size // _SESSIONS_PER_STRETCH, _MOST_STRETCHES)
    if stretches < _LEAST_STRETCHES:
        return None
    started = table.signals.started_at[series.sessions]
    rank = np.searchsorted(started, started)
    _, stretch = np.unique(rank * stretches // size, return_inverse=True)
    cleared = _cleared(series.values, group[series.sessions])
    counts = np.bincount(stretch).astype(np.float64)
    if len(counts) < _LEAST_STRETCHES:
        return None
    means = sums(stretch, cleared, len(counts)) / counts
    noise = max(float(cleared.var()), float((np.diff(means) ** 2).mean() / 2 * counts.mean()))
    if noise < 1e-12:
        return None
    return _Stretches(stretch.astype(np.int32), means * np.sqrt(counts / noise))


def _cleared(values: Floats, group: Codes) -> Floats:
    """Values less the mean of their group."""
    code = label_codes(group.tolist())
    count = int(code.max(initial=-1)) + 1
    return values - (sums(code, values, count) / np.bincount(code, minlength=count))[code]


def _gains(means: Floats) -> Floats:
    """How much better two levels fit than one, by the place of the step; rows are series."""
    size = means.shape[-1]
    before = np.arange(1, size)
    lead = np.cumsum(means - means.mean(axis=-1, keepdims=True), axis=-1)[..., :-1]
    gains: Floats = lead**2 * size / (before * (size - before))
    return gains


def _largest_gains(stretches: int) -> Floats:
    """The largest gain of series without change."""
    generator = np.random.default_rng(_SEED)
    blocks = [_gains(generator.standard_normal((1_000, stretches))).max(axis=1) for _ in range(_SIMULATIONS // 1_000)]
    return np.concatenate(blocks)


def best_bounds(means: Floats, penalty: float) -> list[int]:
    """Where to cut a series of ``n`` points, 0 and ``n`` included, so that cost is least.

    Cost is the sum of squares about the mean within each piece, and ``penalty`` for each piece.

    Optimal partitioning (Jackson et al., "An algorithm for optimal partitioning of data on an interval", 2005), exact;
    no piece is shorter than 2. Time grows with n², and n is 200 at the most.
    """
    size = len(means)
    total, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (means, means**2))
    least, came_from = np.full(size + 1, np.inf), np.zeros(size + 1, np.int64)
    least[0] = 0.0
    for end in range(2, size + 1):
        starts = np.arange(end - 1)
        within = squares[end] - squares[starts] - (total[end] - total[starts]) ** 2 / (end - starts)
        costs = least[starts] + within + penalty
        came_from[end] = costs.argmin()
        least[end] = costs[came_from[end]]
    bounds = [size]
    while bounds[-1] > 0:
        bounds.append(int(came_from[bounds[-1]]))
    return bounds[::-1]


def _trend(
    table: SessionTable, series: _Series, stretches: _Stretches, group: Codes, penalty: float, q: float
) -> Trend:
    bounds = best_bounds(stretches.means, penalty)
    changes = tuple(
        _change(table, series, stretches, group, (bounds[i - 1], bounds[i], bounds[i + 1]))
        for i in range(1, len(bounds) - 1)
    )
    slope, low, high = _slope(table, series, group)
    since, until = _span(table, series.sessions)
    return Trend(series.kind, series.name, len(series.sessions), since, until, q, changes, slope, low, high)


def _change(
    table: SessionTable, series: _Series, stretches: _Stretches, group: Codes, bounds: tuple[int, int, int]
) -> LevelChange:
    begin, cut, end = bounds
    gains = _gains(stretches.means[begin:end])
    likely = np.flatnonzero(gains >= gains[cut - begin - 1] - _DATE_DROP) + begin + 1
    inside = np.flatnonzero((stretches.of_session >= begin) & (stretches.of_session < end))
    sessions = series.sessions[inside]
    after = stretches.of_session[inside] >= cut
    values = np.full(table.size, np.nan)
    values[sessions] = series.values[inside]
    members = sessions[after]
    one = np.zeros(table.size, np.int32)
    design = design_of(group, one, np.sort(sessions), members, np.zeros_like(members), 1)
    return LevelChange(
        at=_start(table, series, stretches, cut),
        earliest=_start(table, series, stretches, int(likely[0])),
        latest=_start(table, series, stretches, int(likely[-1])),
        size=contrast([design], values).at(0),
        variant=_variant_taking_over([table.corpus.variant[i] for i in sessions.tolist()], after),
    )


def _variant_taking_over(variants: Sequence[str], after: Flags) -> str | None:
    names, code = np.unique(np.array(variants), return_inverse=True)
    rise = np.bincount(code[after], minlength=len(names)) / max(int(after.sum()), 1)
    rise = rise - np.bincount(code[~after], minlength=len(names)) / max(int((~after).sum()), 1)
    return str(names[int(rise.argmax())]) if rise.max() >= _VARIANT_SHIFT else None


def _slope(table: SessionTable, series: _Series, group: Codes) -> tuple[float, float, float]:
    """Least squares within groups on time from 0 to 1, with a heteroskedasticity-robust interval (White 1980)."""
    started = table.signals.started_at[series.sessions]
    code = group[series.sessions]
    time = _cleared((started - started[0]) / max(started[-1] - started[0], 1.0), code)
    value = _cleared(series.values, code)
    weight = float((time * time).sum())
    if weight < 1e-9:
        return 0.0, 0.0, 0.0
    slope = float((time * value).sum()) / weight
    half = 1.96 * float(np.sqrt(((time * (value - slope * time)) ** 2).sum())) / weight
    return slope, slope - half, slope + half


def _start(table: SessionTable, series: _Series, stretches: _Stretches, stretch: int) -> datetime:
    first = series.sessions[int(np.searchsorted(stretches.of_session, stretch))]
    return datetime.fromtimestamp(float(table.signals.started_at[first]), UTC)


def _span(table: SessionTable, sessions: Ints) -> tuple[datetime, datetime]:
    started = table.signals.started_at[sessions]
    return datetime.fromtimestamp(float(started.min()), UTC), datetime.fromtimestamp(float(started.max()), UTC)
