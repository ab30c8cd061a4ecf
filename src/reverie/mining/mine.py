"""Mining: every behaviour against the reward, within strata, with a placebo beside it."""

from collections.abc import Sequence

import msgspec
import numpy as np

from reverie.mining.examples import witnessed
from reverie.mining.finding import Finding
from reverie.mining.frame import Frame, build_frames
from reverie.mining.other_outcomes import OutcomeResult, mine_outcomes
from reverie.mining.outcome import NOTHING_MEASURED, Measures
from reverie.mining.policy import MiningPolicy
from reverie.mining.selection import NOT_ENOUGH, claim_label, select
from reverie.mining.special import is_special
from reverie.mining.verdicts import Selection
from reverie.statistics.corpus import Corpus, Strata, form_strata, informative_strata
from reverie.statistics.distributions import benjamini_hochberg, normal_sf
from reverie.statistics.online import Stream
from reverie.statistics.placebo import detectable_effect, shuffle_within_strata

_MOST_REPORTED = 200


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
    outcomes: tuple[OutcomeResult, ...] = ()
    """What was found about outcomes besides the reward."""

    def everything(self) -> tuple[Finding, ...]:
        """The findings on the reward, then those on other outcomes."""
        return (*self.findings, *(finding for outcome in self.outcomes for finding in outcome.findings))


def mine(
    corpus: Corpus,
    policy: MiningPolicy,
    stream: Stream = Stream(),
    families: Sequence[str] | None = None,
    measures: Measures = NOTHING_MEASURED,
) -> MiningResult:
    """Find what separates good sessions from bad ones of the same stratum.

    Sessions without a reward are left out. ``stream`` holds the confirmation tests of the store's earlier dreams;
    ``families`` the task family of each session, for corpora whose tasks do not repeat; ``measures`` what else is known
    of each session, to be compared in the same way.
    """
    scored = np.flatnonzero(~np.isnan(corpus.reward))
    strata_families = None if families is None else [families[i] for i in scored.tolist()]
    corpus = corpus.scored_only().sorted_by_code()
    strata = form_strata(corpus, strata_families)
    frames = build_frames(corpus, strata, policy)
    selection = select(corpus, strata, frames, corpus.reward, policy, stream)
    generator = np.random.default_rng(policy.seed)
    placebo = 0
    for _ in range(policy.placebo_runs):
        shuffled = shuffle_within_strata(corpus.reward, strata, generator)
        placebo += len(select(corpus, strata, frames, shuffled, policy, stream).adopted())
    outcomes, streams = mine_outcomes(corpus, strata, frames, measures.at(scored), policy, stream)
    informative = informative_strata(strata, corpus.reward)
    detectable = detectable_effect(strata, corpus.reward)
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
            selection.stream,
            adopted=frozenset(claim_label(selection, i) for i in selection.adopted()),
            outcomes=streams,
        ),
        outcomes=outcomes,
    )


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
        naive = benjamini_hochberg(2 * normal_sf(np.abs(naive_z))) <= 0.05
    order = np.argsort(-np.abs(selection.discovery.z), kind="stable").tolist()
    place = {i: rank for rank, i in enumerate(order)}
    rank = {"adopted": 0, "candidate": 1, "refused": 2}
    judged = sorted(selection.verdicts, key=lambda i: (rank[selection.verdicts[i][0]], place[i]))
    general = [i for i in order if i not in selection.verdicts and not is_special(selection.columns[i].hypothesis)]
    misleading = [i for i in general if naive[i]]
    rest = [i for i in general if not naive[i] and tested[i]]
    chosen = [*judged, *misleading, *rest][: max(_MOST_REPORTED, len(_kept(selection)))]
    plain = [_finding(selection, i, float(naive_effect[i]), bool(naive[i])) for i in chosen]
    return tuple(
        witnessed(corpus, strata, selection, i, finding, corpus.reward)
        for i, finding in zip(chosen, plain, strict=True)
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
        discovery=selection.discovery.at(i),
        confirmation=selection.confirmation.at(i),
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
