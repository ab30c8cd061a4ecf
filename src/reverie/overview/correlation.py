"""How the measures of a session go together: rank correlations within strata."""

from itertools import combinations

import msgspec
import numpy as np

from reverie.overview.overview import Correlation
from reverie.overview.table import SessionTable
from reverie.statistics.contrast import q_values
from reverie.statistics.corpus import Codes, Floats, Strata
from reverie.statistics.distributions import normal_sf, rank_correlation
from reverie.statistics.estimate import cleared_reward, strata_design

_LEAST_SESSIONS = 30
_MOST_METRICS = 20


def find_correlations(table: SessionTable) -> tuple[Correlation, ...]:
    """All pairs of measures that at least 30 comparable sessions have, the strongest first.

    Values are ranked within their stratum and the ranks, less their mean, correlated over all strata. Interval by
    Fisher's z with the variance of Bonett & Wright (2000), the strata taken off the degrees of freedom; false discovery
    control over all pairs. Where agent variants are mixed within strata, the ranks are also cleared of what the variant
    explains. A correlation is no cause.
    """
    measures = _measures(table)
    found, p_values = [], []
    for first, second in combinations(list(measures)[:_MOST_METRICS], 2):
        result = _correlate(measures[first], measures[second], table.strata)
        if result is None:
            continue
        rho, pooled, sessions, degrees = result
        centre, error = np.arctanh(np.clip(rho, -0.9999, 0.9999)), ((1 + rho**2 / 2) / (degrees - 2)) ** 0.5
        low, high = np.tanh(centre - 1.96 * error), np.tanh(centre + 1.96 * error)
        found.append(Correlation(first, second, rho, float(low), float(high), 1.0, pooled, sessions))
        p_values.append(2 * float(normal_sf(abs(centre) * (degrees - 2) ** 0.5)))
    q = q_values(np.array(p_values), np.ones(len(p_values), np.bool_))
    kept = [msgspec.structs.replace(c, q_value=float(q[i])) for i, c in enumerate(found)]
    return tuple(sorted(kept, key=lambda c: (-abs(c.rho), c.first, c.second)))


def _measures(table: SessionTable) -> dict[str, Floats]:
    """Columns by name, those that vary."""
    signals = table.signals
    columns = {
        "reward": table.reward,
        **{name: values for name, values in signals.scores.items() if name != "reward"},
        "steps": table.corpus.steps.astype(np.float64),
        "seconds": signals.seconds,
        "tokens": signals.tokens,
        "cost in USD": signals.cost_usd,
        "user mood at the end": signals.sentiment_last,
        **signals.counts,
    }
    return {name: values for name, values in columns.items() if np.unique(values[~np.isnan(values)]).size > 1}


def _correlate(first: Floats, second: Floats, strata: Strata) -> tuple[float, float, int, int] | None:
    """Correlation within strata and pooled, sessions, degrees of freedom; None where there are too few."""
    both = np.flatnonzero(~np.isnan(first) & ~np.isnan(second))
    sizes = np.bincount(strata.code[both], minlength=strata.count)
    both = both[sizes[strata.code[both]] > 1]
    design = strata_design(both, strata.code[both], strata.variant[both])
    degrees = len(both) - design.strata - design.variants + 1
    if degrees < _LEAST_SESSIONS:
        return None
    first, second = first[both], second[both]
    x, y = (cleared_reward(design, _centred_ranks(values, design.stratum)) for values in (first, second))
    spread = float(np.sqrt((x * x).sum() * (y * y).sum()))
    if spread == 0:
        return None
    pooled = rank_correlation(first, second) if np.ptp(first) and np.ptp(second) else 0.0
    return float((x * y).sum()) / spread, pooled, len(first), degrees


def _centred_ranks(values: Floats, stratum: Codes) -> Floats:
    """Midranks within strata, less their mean, as shares of the stratum's size."""
    order = np.lexsort((values, stratum))
    ordered, group = values[order], stratum[order]
    start = np.searchsorted(group, group)
    new = np.ones(len(values), np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]) | (group[1:] != group[:-1])
    run = np.cumsum(new) - 1
    firsts = np.flatnonzero(new)
    lengths = np.diff(np.append(firsts, len(values)))
    midrank = firsts[run] + (lengths[run] - 1) / 2 - start
    size = np.bincount(stratum)[group]
    ranks = np.empty(len(values))
    ranks[order] = (midrank - (size - 1) / 2) / size
    return ranks
