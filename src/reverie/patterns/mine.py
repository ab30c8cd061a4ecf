"""Mining: every behaviour against the reward, within strata, with a placebo beside it."""

from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import stats

from reverie.patterns.corpus import Corpus, Floats, Strata, first_steps, form_strata, informative_strata
from reverie.patterns.estimate import Estimates, cleared_reward, make_design
from reverie.patterns.fading import holding_windows
from reverie.patterns.finding import Estimate, Finding, Window
from reverie.patterns.frame import Frame, build_frames
from reverie.patterns.online import Stream
from reverie.patterns.policy import MiningPolicy
from reverie.patterns.selection import NOT_ENOUGH, claim_label, select
from reverie.patterns.special import is_special
from reverie.patterns.verdicts import Selection
from reverie.patterns.witness import witnesses

_MOST_REPORTED = 200
_POWER_Z = stats.norm.isf(0.0005) + stats.norm.isf(0.2)
"""A test at p = 0.001, as false discovery control asks of a handful of true effects among hundreds, with power 0.8."""


class MiningResult(msgspec.Struct, frozen=True):
    """What mining found, and how much it could have found."""

    findings: tuple[Finding, ...]
    """Adopted, candidates, and the refused ones worth reporting; strongest first."""
    tested: int
    placebo_runs: int
    placebo_lessons: int
    """Patterns adopted in all placebo runs together."""
    scored: int
    strata_by: str
    strata: int
    informative: int
    variants: int
    split_by: str
    detectable_effect: float | None
    note: str
    stream: Stream = Stream()
    """The confirmation tests of all dreams of the store, after this one."""


def mine(
    corpus: Corpus, policy: MiningPolicy, stream: Stream = Stream(), families: Sequence[str] | None = None
) -> MiningResult:
    """Find what separates good sessions from bad ones of the same stratum.

    Sessions without a reward are left out. ``stream`` holds the confirmation tests of the store's earlier dreams;
    ``families`` the task family of each session, for corpora whose tasks do not repeat.
    """
    scored = np.flatnonzero(~np.isnan(corpus.reward)).tolist()
    strata_families = None if families is None else [families[i] for i in scored]
    corpus = corpus.scored_only().sorted_by_code()
    strata = form_strata(corpus, strata_families)
    frames = build_frames(corpus, strata, policy)
    selection = select(corpus, strata, frames, corpus.reward, policy, stream)
    generator = np.random.default_rng(policy.seed)
    placebo = 0
    for _ in range(policy.placebo_runs):
        shuffled = shuffle_within_strata(corpus.reward, strata, generator)
        placebo += len(select(corpus, strata, frames, shuffled, policy, stream).adopted())
    informative = informative_strata(strata, corpus.reward)
    detectable = _detectable_effect(strata, corpus.reward)
    return MiningResult(
        findings=_findings(corpus, strata, frames, selection),
        tested=selection.tested,
        placebo_runs=policy.placebo_runs,
        placebo_lessons=placebo,
        scored=len(corpus.reward),
        strata_by=strata.by,
        strata=strata.count,
        informative=informative,
        variants=strata.variants,
        split_by=strata.split_by,
        detectable_effect=detectable,
        note=_power_note(len(corpus.reward), strata.count, informative, detectable),
        stream=msgspec.structs.replace(
            selection.stream, adopted=frozenset(claim_label(selection, i) for i in selection.adopted())
        ),
    )


def shuffle_within_strata(reward: Floats, strata: Strata, generator: np.random.Generator) -> Floats:
    """Rewards that no behaviour can have caused: permuted inside each stratum and each part of the sessions.

    Where variants are mixed in strata, what task and variant explain stays and only the rest is permuted
    (Freedman & Lane 1983).
    """
    group = strata.code.astype(np.int64) * 2 + strata.confirmation
    none = np.zeros(0, np.int32)
    everything = np.arange(len(reward))
    design = make_design(everything, strata.code, strata.variant, none, none, 0)
    rest = cleared_reward(design, reward) if strata.variants > 1 else reward
    order = np.lexsort((generator.random(len(reward)), group))
    target = np.argsort(group, kind="stable")
    shuffled = np.empty_like(rest)
    shuffled[target] = rest[order]
    return reward - rest + shuffled if strata.variants > 1 else shuffled


def _detectable_effect(strata: Strata, reward: Floats) -> float | None:
    """Smallest effect found 8 times in 10 in the discovery part, for a behaviour half of each stratum shows."""
    part = ~strata.confirmation
    code, y = strata.code[part], reward[part]
    n = np.bincount(code, minlength=strata.count).astype(np.float64)
    total, squares = np.bincount(code, y, strata.count), np.bincount(code, y * y, strata.count)
    usable = n >= 2
    variance = np.maximum(squares - total**2 / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
    weight = n[usable].sum() / 4
    if weight == 0 or not variance[usable].any():
        return None
    return float(_POWER_Z * np.sqrt((n[usable] / 4 * variance[usable]).sum()) / weight)


def _power_note(scored: int, strata: int, informative: int, detectable: float | None) -> str:
    if scored == 0:
        return "no session has a score, so nothing can be said about what helps; add scores (`reverie score`)"
    if detectable is None or informative < 2:
        return f"{NOT_ENOUGH}: rewards differ inside {informative} of {strata} strata; run tasks more than once"
    if informative < 20 or detectable > 0.3:
        return (
            f"{NOT_ENOUGH}: only {informative} of {strata} strata are informative, so nothing below a reward "
            f"difference of about {min(detectable, 1.0):.2f} could have been found"
        )
    return ""


def _findings(corpus: Corpus, strata: Strata, frames: list[Frame], selection: Selection) -> tuple[Finding, ...]:
    tested = ~np.isnan(selection.q_discovery)
    naive_effect = np.concatenate([f.naive_effect for f in frames]) if frames else np.zeros(0)
    naive_z = np.concatenate([f.naive_z for f in frames]) if frames else np.zeros(0)
    naive = np.zeros(len(naive_z), np.bool_)
    if len(naive_z):
        naive = stats.false_discovery_control(2 * stats.norm.sf(np.abs(naive_z))) <= 0.05
    order = np.argsort(-np.abs(selection.discovery.z), kind="stable").tolist()
    place = {i: rank for rank, i in enumerate(order)}
    rank = {"adopted": 0, "candidate": 1, "refused": 2}
    judged = sorted(selection.verdicts, key=lambda i: (rank[selection.verdicts[i][0]], place[i]))
    general = [i for i in order if i not in selection.verdicts and not is_special(selection.columns[i].hypothesis)]
    misleading = [i for i in general if naive[i]]
    rest = [i for i in general if not naive[i] and tested[i]]
    chosen = [*judged, *misleading, *rest][: max(_MOST_REPORTED, len(_kept(selection)))]
    plain = [_finding(selection, i, float(naive_effect[i]), bool(naive[i])) for i in chosen]
    return tuple(_witnessed(corpus, strata, selection, i, finding) for i, finding in zip(chosen, plain, strict=True))


def _witnessed(corpus: Corpus, strata: Strata, selection: Selection, i: int, finding: Finding) -> Finding:
    """The finding with sessions for and against it, and with the time it was seen in."""
    column = selection.columns[i]
    windows: tuple[Window, ...] = ()
    first = last = None
    if finding.verdict != "refused" and corpus.at is not None:
        sessions = np.flatnonzero(column.frame.sessions)
        code = column.hypothesis.code
        windows = holding_windows(corpus, strata, sessions, code, float(np.sign(selection.discovery.effect[i])))
        seen = corpus.at[sessions[first_steps(corpus, code)[sessions] >= 0]]
        first, last = float(seen.min()), float(seen.max())
    return msgspec.structs.replace(
        finding,
        supporting=witnesses(corpus, strata, selection, i, agreeing=True),
        contrary=witnesses(corpus, strata, selection, i, agreeing=False),
        windows=windows,
        first_seen=first,
        last_seen=last,
    )


def _kept(selection: Selection) -> list[int]:
    return [i for i, (verdict, _) in selection.verdicts.items() if verdict != "refused"]


def _finding(selection: Selection, i: int, naive_effect: float, naive: bool) -> Finding:
    verdict, reason = selection.verdicts.get(i) or ("refused", _why_not_found(selection, i, naive_effect, naive))
    q = float(selection.q_confirmation[i])
    return Finding(
        hypothesis=selection.columns[i].hypothesis,
        verdict=verdict,
        reason=reason,
        naive_effect=naive_effect,
        naive_significant=naive,
        discovery=_estimate(selection.discovery, i),
        confirmation=_estimate(selection.confirmation, i),
        q_discovery=float(np.nan_to_num(selection.q_discovery[i], nan=1.0)),
        q_confirmation=None if np.isnan(q) else q,
        shadows=tuple(selection.columns[j].hypothesis for j in selection.shadows.get(i, [])),
    )


def _why_not_found(selection: Selection, i: int, naive_effect: float, naive: bool) -> str:
    strata = int(selection.discovery.informative[i])
    pooled = f"pooled over tasks it looks like {naive_effect:+.2f}, but " if naive else ""
    if np.isnan(selection.q_discovery[i]):
        return f"{pooled}{NOT_ENOUGH}: {strata} strata of the discovery part could inform it"
    effect = float(selection.discovery.effect[i])
    q = float(selection.q_discovery[i])
    return f"{pooled}within the same task it is {effect:+.2f} (q = {q:.2f}, {strata} informative strata)"


def _estimate(estimates: Estimates, i: int) -> Estimate | None:
    effect, error = float(estimates.effect[i]), float(estimates.standard_error[i])
    if not np.isfinite(effect) or not np.isfinite(error) or estimates.informative[i] == 0:
        return None
    half = float(stats.t.ppf(0.975, max(float(estimates.degrees[i]), 1.0))) * error
    return Estimate(
        effect=effect,
        low=max(effect - half, -1.0),
        high=min(effect + half, 1.0),
        z=float(estimates.z[i]),
        informative=int(estimates.informative[i]),
        sessions_with=int(estimates.sessions_with[i]),
        sessions_without=int(estimates.sessions_without[i]),
        reward_with=float(estimates.reward_with[i]),
        reward_without=float(estimates.reward_without[i]),
    )
