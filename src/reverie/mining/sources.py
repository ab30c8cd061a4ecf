"""How sure is a finding when many of its sessions come from one user, or from one day?

Sessions of one user, and of one day, may go well or badly together. The error of an effect is taken from what leaving
out each user (or day) in turn does to it: the jackknife over clusters, which holds where clusters are few and unequal
(Bell & McCaffrey 2002; MacKinnon, Nielsen & Webb 2023), with degrees of freedom by how unequal they are (Carter,
Schnepel & Steigerwald 2017). The larger of the errors counts, and never one below that of sessions taken one by one.
"""

import numpy as np

from reverie.mining.policy import MiningPolicy
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Flags, Floats, Ints, Strata, first_steps, label_codes, sums
from reverie.statistics.distributions import normal_isf, normal_sf, t_isf, t_sf
from reverie.statistics.estimate import Estimates, cleared_reward, strata_design

_LEAST_KNOWN = 0.5
_DAY = 86_400
_LEAST_RATIO = 1.0


def doubt_few_sources(
    results: HypothesisResults, corpus: Corpus, strata: Strata, values: Floats, policy: MiningPolicy
) -> None:
    """Widen the intervals of what was found by what users and days have in common, and judge it again."""
    sources = _sources(corpus)
    if not sources:
        return
    for i in results.surviving():
        group = results.columns[i].group.sessions
        shown = first_steps(corpus, results.columns[i].hypothesis.code) >= 0
        parts = (group & ~strata.confirmation, results.discovery), (group & strata.confirmation, results.confirmation)
        # What was found on the second part is confirmed on the first.
        members = [part for part, _ in parts] if not results.cross_screened[i] else [parts[1][0], parts[0][0]]
        deciding = 1 if strata.split_by != "nothing" else 0
        error, degrees, source = _clustered(strata, np.flatnonzero(members[deciding]), shown, values, sources)
        estimates = parts[deciding][1]
        ratio = _ratio(estimates, i, error, degrees)
        if ratio <= _LEAST_RATIO:
            continue
        if not _still_beyond_chance(results, estimates, i, error, degrees, strata, policy):
            _doubt(results, i, source)
        results.widened[i] *= ratio


def _sources(corpus: Corpus) -> dict[str, Ints]:
    """Whom sessions come from, and on which day they began, where most say so; unknown ones stand for themselves."""
    size = len(corpus.session_ids)
    alone = np.arange(size) + size
    found: dict[str, Ints] = {}
    users = corpus.origins.user if corpus.origins is not None else [None] * size
    named = np.array([user is not None for user in users], np.bool_)
    if named.mean() >= _LEAST_KNOWN if size else False:
        found["user"] = np.where(named, label_codes([user or "" for user in users]), alone)
    if corpus.at is not None and size and corpus.dated().mean() >= _LEAST_KNOWN:
        days = np.unique(np.floor(np.nan_to_num(corpus.at) / _DAY), return_inverse=True)[1]
        found["day"] = np.where(corpus.dated(), days, alone)
    return {name: codes for name, codes in found.items() if 1 < len(np.unique(codes)) < size}


def _clustered(
    strata: Strata, sessions: Ints, shown: Flags, values: Floats, sources: dict[str, Ints]
) -> tuple[float, float, str]:
    """The largest error over the kinds of sources, its degrees of freedom, and the kind."""
    if sessions.size == 0:
        return 0.0, 1.0, ""
    design = strata_design(sessions, strata.code[sessions], strata.variant[sessions])
    x = cleared_reward(design, shown[sessions].astype(np.float64))
    y = cleared_reward(design, values[sessions])
    found = [(*_jackknife(x, y, codes[sessions]), name) for name, codes in sources.items()]
    return max(found, key=lambda each: each[0] * float(t_isf(0.025, each[1])))


def _jackknife(x: Floats, y: Floats, cluster: Ints) -> tuple[float, float]:
    """Error of the slope of ``y`` on ``x``, both cleared of strata, when clusters go together; degrees of freedom."""
    _, code = np.unique(cluster, return_inverse=True)
    count = int(code.max(initial=-1)) + 1
    weight, score = sums(code, x * x, count), sums(code, x * y, count)
    whole = weight.sum()
    if count < 2 or whole < 1e-9:
        return 0.0, 1.0
    left = np.maximum(whole - weight, 1e-9)
    slope = score.sum() / whole
    without = np.where(left > 1e-6 * whole, (score.sum() - score) / left, 0.0)
    variance = (count - 1) / count * float(((without - slope) ** 2).sum())
    return float(np.sqrt(variance)), max(float(whole**2 / (weight**2).sum()) - 1.0, 1.0)


def _ratio(estimates: Estimates, i: int, error: float, degrees: float) -> float:
    """How much wider the interval of clustered sources is than that of sessions taken one by one."""
    own = float(estimates.standard_error[i]) * float(t_isf(0.025, max(float(estimates.degrees[i]), 1.0)))
    ratio = float(t_isf(0.025, degrees)) * error / own if own > 0 else 1.0
    return ratio if np.isfinite(ratio) else 1.0


def _still_beyond_chance(
    results: HypothesisResults,
    estimates: Estimates,
    i: int,
    error: float,
    degrees: float,
    strata: Strata,
    policy: MiningPolicy,
) -> bool:
    p = float(t_sf(abs(float(estimates.effect[i])) / error, degrees)) if error > 0 else 0.0
    if strata.split_by == "nothing":
        return bool(normal_isf(p) >= results.widened[i] * normal_isf(0.025))
    before = float(normal_sf(abs(float(estimates.z[i]))))
    return float(results.q_confirmation[i]) * max(p / max(before, 1e-300), 1.0) <= policy.confirmation_fdr


def _doubt(results: HypothesisResults, i: int, source: str) -> None:
    if results.verdicts[i][0] != "adopted":
        return
    reason = (
        f"not beyond chance once the sessions of one {source} are taken to go together: too much of it rests on few "
        f"{source}s; sessions of more {source}s would tell"
    )
    results.verdicts[i] = ("candidate", reason)
