"""Sessions far out: much longer, dearer or more erroneous than like sessions, or of an odd order of actions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reverie.overview.flow import action_name
from reverie.overview.overview import FALSE_ALARMS, Anomalies, Anomaly
from reverie.overview.table import SessionTable
from reverie.statistics.contrast import q_values
from reverie.statistics.corpus import Codes, Flags, Floats, Ints, label_codes, sums

_LEAST_LIKE = 50
"""Sessions a group needs to say what is usual in it."""
_TAIL = 0.9
_LEAST_Z = 3.5
_MOST_ANOMALIES = 50
_LEAST_SPREAD = 0.25
"""Of logarithms: nothing below about 2.4 times the usual amount is far out."""
_LEAST_TAIL = 0.01
"""Share of a group's sessions above its 90th percentile that can say how its tail falls off."""
_LEAST_ACTIONS = 3
_ORDER = "order of actions"


@dataclass(frozen=True, slots=True, eq=False)
class _Measure:
    name: str
    unit: str
    values: Floats
    """Per session; NaN where unknown."""
    offset: float
    """Added before the logarithm, because many amounts are 0."""

    @property
    def logarithms(self) -> Floats:
        return np.log(np.maximum(self.values, 0.0) + self.offset)

    def amount(self, logarithm: float) -> float:
        """The amount that has this logarithm."""
        return max(float(np.exp(logarithm)) - self.offset, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Outliers:
    robust_z: Floats
    p: Floats
    usual: Floats
    """The median of like sessions, as a logarithm."""


def find_anomalies(table: SessionTable) -> Anomalies:
    """Sessions whose steps, time, tokens, cost, errors or order of actions are far above those of like sessions.

    Like sessions are of the same category and agent variant, where there are 50 of them. The chance of a value is read
    from an exponential tail fitted robustly above the group's 90th percentile (peaks over threshold, Pickands 1975) on
    the log scale, so that heavy tails, which amounts always have, are no alarm by themselves. With false discovery
    control at 5 % over all sessions and measures, and at least 3.5 robust standard deviations from the median.
    """
    group = _like_groups(table)
    measures = list(_measures(table))
    if not measures:
        return Anomalies((), 0, table.size)
    outliers = [_outliers(measure.logarithms, group) for measure in measures]
    p = np.stack([o.p for o in outliers])
    z = np.stack([o.robust_z for o in outliers])
    q = q_values(p.ravel(), ~np.isnan(p.ravel())).reshape(p.shape)
    far: Flags = (np.nan_to_num(q, nan=1.0) <= FALSE_ALARMS) & (z >= _LEAST_Z)
    sessions = np.flatnonzero(far.any(axis=0))
    strongest = np.where(far, p, np.inf).argmin(axis=0)
    order = sessions[np.argsort(p[strongest[sessions], sessions], kind="stable")][:_MOST_ANOMALIES]
    found = []
    for session in order.tolist():
        m = int(strongest[session])
        found.append(_anomaly(table, measures[m], outliers[m], session, float(q[m, session])))
    return Anomalies(tuple(found), len(sessions), table.size)


def _like_groups(table: SessionTable) -> Codes:
    """Category and variant, else variant alone, else all others together."""
    variant = table.corpus.variant
    fine = label_codes([f"{c} {v}" for c, v in zip(table.corpus.category, variant, strict=True)]).astype(np.int64)
    coarse = label_codes(variant).astype(np.int64) + table.size
    rough = np.bincount(coarse)[coarse] >= _LEAST_LIKE
    exact = np.bincount(fine)[fine] >= _LEAST_LIKE
    _, codes = np.unique(np.where(exact, fine, np.where(rough, coarse, 2 * table.size)), return_inverse=True)
    return codes.astype(np.int32)


def _measures(table: SessionTable) -> Iterator[_Measure]:
    signals = table.signals
    amounts = (
        ("steps", "", table.corpus.steps.astype(np.float64)),
        ("seconds", "s", signals.seconds),
        ("tokens", "", signals.tokens),
        ("cost", "USD", signals.cost_usd),
        ("errors", "", signals.counts.get("errors", np.full(table.size, np.nan))),
    )
    for name, unit, values in amounts:
        if np.unique(values[~np.isnan(values)]).size > 1:
            yield _Measure(name, unit, values, float(values[values > 0].min()) if name == "cost" else 1.0)
    surprise = _surprise(table)
    if (~np.isnan(surprise)).any():
        yield _Measure(_ORDER, "", surprise, 1.0)


def _surprise(table: SessionTable) -> Floats:
    """How rare each session's transitions are on average: −log of the share of sessions that make them."""
    session, pair = _transitions(table)
    size = np.bincount(session, minlength=table.size)
    rare = -np.log(_sessions_with(session, pair) / max(int((size > 0).sum()), 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size >= _LEAST_ACTIONS - 1, sums(session, rare, table.size) / size, np.nan)


def _transitions(table: SessionTable) -> tuple[Ints, Ints]:
    """Session and pair of actions (first × names + second), for all neighbours."""
    session, code = table.action_session.astype(np.int64), table.action_code.astype(np.int64)
    same = session[1:] == session[:-1]
    return session[1:][same], code[:-1][same] * len(table.corpus.names) + code[1:][same]


def _sessions_with(session: Ints, pair: Ints) -> Ints:
    """For each transition: how many sessions make it."""
    pairs, compact = np.unique(pair, return_inverse=True)
    once = np.unique(session * max(len(pairs), 1) + compact) % max(len(pairs), 1)
    return np.bincount(once, minlength=len(pairs))[compact].astype(np.int64)


def _outliers(values: Floats, group: Codes) -> _Outliers:
    p, z, usual = (np.full(len(values), np.nan) for _ in range(3))
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(group[known], kind="stable")]
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if members.size < _LEAST_LIKE:
            continue
        inside = values[members]
        median = float(np.median(inside))
        quartiles = np.subtract(*np.quantile(inside, [0.75, 0.25]))
        spread = max(1.4826 * float(np.median(np.abs(inside - median))), float(quartiles) / 1.349, _LEAST_SPREAD)
        usual[members] = median
        z[members] = (inside - median) / spread
        p[members] = _tail(inside, spread)
    return _Outliers(np.nan_to_num(z, nan=-np.inf), p, usual)


def _tail(values: Floats, spread: float) -> Floats:
    """Chance of a value as large: an exponential tail whose scale is the median excess, which outliers do not move."""
    threshold = float(np.quantile(values, _TAIL))
    excess = values - threshold
    above = excess[excess > 0]
    share = (above.size + 1) / (values.size + 1)
    scale = float(np.median(above)) / np.log(2) if above.size >= _LEAST_TAIL * values.size else 0.0
    scale = max(scale, spread / 2)
    return np.where(excess > 0, share * np.exp(-np.maximum(excess, 0.0) / scale), 1.0)


def _anomaly(table: SessionTable, measure: _Measure, outliers: _Outliers, session: int, q: float) -> Anomaly:
    value, usual = float(measure.values[session]), measure.amount(float(outliers.usual[session]))
    unit = f" {measure.unit}" if measure.unit else ""
    if measure.name == _ORDER:
        reason = f"an odd order of actions: {_rarest(table, session)}"
    else:
        reason = f"{measure.name}: {value:,.4g}{unit}, where like sessions have about {usual:,.3g}{unit}"
    reward = float(table.reward[session])
    return Anomaly(
        session_id=table.corpus.session_ids[session],
        reason=reason,
        measure=measure.name,
        value=value,
        usual=usual,
        robust_z=float(outliers.robust_z[session]),
        q_value=q,
        reward=None if np.isnan(reward) else reward,
    )


def _rarest(table: SessionTable, session: int) -> str:
    """The session's transition that the fewest sessions make, in words."""
    sessions, pair = _transitions(table)
    mine = np.flatnonzero(sessions == session)
    shared = _sessions_with(sessions, pair)[mine]
    rarest = int(shared.argmin())
    first, second = (action_name(table, int(code)) for code in divmod(pair[mine[rarest]], len(table.corpus.names)))
    others = int(shared[rarest]) - 1
    seen = f"only {others} other sessions do" if others else "no other session does"
    return f"`{first}` then `{second}`, which {seen}"
