"""Claims where few sessions have a score and a proxy is known of all: found on the proxy, confirmed on the labels.

What mining finds needs scores on both parts of the sessions. Where only some have one, a claim is found by what it goes
with in the proxy, on the part kept for discovery, and estimated by prediction-powered inference on the other part,
whose labels and proxies the search has not seen. Selection by the proxy therefore costs nothing of the level.

A claim is adopted where the interval that the labels give lies beyond the least effect that matters, and so beyond
nought, the false discovery rate over all claims of the dream that labels could test is kept, and so is the one over
all dreams of the store. Refused all the same is what misleads (:mod:`reverie.mining.refusal`), told by the proxy.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from reverie.mining.calendar import doubt_dates
from reverie.mining.comparison_group import form_groups
from reverie.mining.counting import count_once
from reverie.mining.doubt import doubt_uncontrolled
from reverie.mining.examples import rank_sessions, with_examples
from reverie.mining.finding import Finding, Hypothesis, Verdict
from reverie.mining.layout import Layout
from reverie.mining.outcome import REWARD
from reverie.mining.policy import MiningPolicy
from reverie.mining.refusal import refuse_misleading
from reverie.mining.sources import doubt_few_sources
from reverie.mining.verdicts import Column, HypothesisResults, claim_label
from reverie.statistics.calibration import Calibration, calibrate
from reverie.statistics.corpus import Corpus, Flags, Floats, Observable, form_strata
from reverie.statistics.distributions import benjamini_hochberg, normal_sf
from reverie.statistics.estimate import Design, Estimates, estimate, join_estimates
from reverie.statistics.online import AlphaWealth, check_claims
from reverie.statistics.prediction_powered import LabelledEffect, Labels, estimate_effect, predict_scores
from reverie.statistics.quantity import Estimate


class LabelledClaim(msgspec.Struct, frozen=True):
    """A claim that the proxy suggests, and what labels say of it."""

    hypothesis: Hypothesis
    proxy_effect: float
    """On the part that found it, as the proxy has it."""
    effect: LabelledEffect | None
    """On the other part; None where labels are too few."""
    q_value: float | None
    """False discovery rate at which the labels confirm it; None where they are too few."""
    verdict: Verdict
    reason: str

    @property
    def confirmed(self) -> bool:
        """Whether the labels bear it out, and nothing says that it misleads."""
        return self.verdict == "adopted"


class LabelledClaims(msgspec.Struct, frozen=True):
    """What few labels say."""

    labels: int
    sessions: int
    calibration: Calibration
    """How well the proxies, together and cross-fitted, predict the score."""
    claims: tuple[LabelledClaim, ...]
    """The surest first."""
    note: str = ""
    proxy: str = ""
    """What claims were found by."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledMining:
    """What few labels say, as findings, and what their tests leave of the wealth of the store's dreams."""

    claims: LabelledClaims
    findings: tuple[Finding, ...]
    """Those that labels could test, in the order of the claims."""
    wealth: AlphaWealth


def _nothing(_: Observable) -> bool:
    return False


def labelled_claims(
    layout: Layout,
    labels: Labels,
    policy: MiningPolicy,
    *,
    proxy: str = "",
    is_excluded: Callable[[Observable], bool] = _nothing,
    wealth: AlphaWealth | None = None,
) -> LabelledMining:
    """Claims that the proxies suggest on the discovery part, tested by the labels of the other part.

    Args:
        layout: all sessions that labels stand for, scored or not.
        labels: parallel to its corpus, on the scale from 0 to 1; their first proxy is what claims are found by.
        proxy: its name.
        is_excluded: whether a behaviour produces the proxy, or decides whether it exists: it is not looked for there.
        wealth: of the labels' tests in the store's earlier dreams; None where no dreams are to be kept to a rate.
    """
    proxy_values = _ranged(labels.proxies[:, 0])
    prediction = predict_scores(labels, layout.strata.code, seed=policy.seed)
    calibration = calibrate(np.clip(prediction, 0, 1), labels.score, layout.strata.code)
    results = _search(layout, proxy_values)
    found = _found(results.columns, results.discovery, policy, is_excluded, layout.corpus)
    effects = {i: _effect(results.columns[i], labels, prediction) for i in found}
    after = _confirm(results, effects, policy, wealth)
    _refuse(results, layout, proxy_values, policy)
    order = sorted(found, key=lambda i: (_q(results, i, 2.0), -abs(float(results.discovery.effect[i]))))
    claims = tuple(_claim(results, i, effects[i]) for i in order)
    told = any(effect is not None for effect in effects.values())
    note = "" if told or not found else "the labels are too few to test what the proxy suggests (`reverie label`)"
    return LabelledMining(
        LabelledClaims(int(labels.known.sum()), len(labels.score), calibration, claims, note, proxy),
        tuple(_finding(results, i, effect, labels, layout) for i in order if (effect := effects[i]) is not None),
        msgspec.structs.replace(
            after, adopted=frozenset(claim_label(results, i) for i in found if results.verdicts[i][0] == "adopted")
        ),
    )


def mine_labels(
    corpus: Corpus,
    labels: Labels,
    policy: MiningPolicy,
    families: Sequence[str] | None = None,
    *,
    proxy: str = "",
    is_excluded: Callable[[Observable], bool] = _nothing,
    wealth: AlphaWealth | None = None,
) -> LabelledMining:
    """:func:`labelled_claims` of sessions that are not laid out yet; ``labels`` and ``families`` are parallel to them.

    Strata and parts follow from the proxy, as they follow from the score where all have one. Sessions that say nothing
    of their own, cut off or copies of others, are left out.
    """
    keep, once, _ = count_once(dataclasses.replace(corpus, reward=_ranged(labels.proxies[:, 0])))
    by_proxy, labels = once.kept(keep).sorted_by_code(), labels.at(keep)
    positions = np.flatnonzero(keep).tolist()
    strata = form_strata(by_proxy, None if families is None else [families[i] for i in positions])
    layout = Layout(by_proxy, strata, form_groups(by_proxy, strata, policy), [])
    return labelled_claims(layout, labels, policy, proxy=proxy, is_excluded=is_excluded, wealth=wealth)


def _search(layout: Layout, proxy: Floats) -> HypothesisResults:
    """What is compared with the proxy for its outcome; nothing is judged yet."""
    columns = [Column(group, i) for group in layout.groups for i in range(len(group.hypotheses))]
    first, second = (
        join_estimates([estimate(design, proxy[design.sessions]) for design in designs])
        for designs in ([g.discovery for g in layout.groups], [g.confirmation for g in layout.groups])
    )
    return HypothesisResults(
        outcome=REWARD,
        columns=columns,
        discovery=first,
        confirmation=second,
        cross_screened=np.zeros(len(columns), np.bool_),
        tested=len(columns),
        q_discovery=np.full(len(columns), np.nan),
        q_confirmation=np.full(len(columns), np.nan),
        widened=np.ones(len(columns)),
    )


def _found(
    columns: Sequence[Column],
    first: Estimates,
    policy: MiningPolicy,
    is_excluded: Callable[[Observable], bool],
    corpus: Corpus,
) -> list[int]:
    """Claims whose effect on the proxy is beyond chance on the discovery part, the strongest first."""
    testable = np.flatnonzero(first.testable(policy.least_weight)) if columns else np.zeros(0, np.int64)
    told = [i for i in testable.tolist() if not is_excluded(corpus.names[columns[i].hypothesis.code])]
    if not told:
        return []
    testable = np.array(told, np.int64)
    q = benjamini_hochberg(2 * normal_sf(np.abs(first.z[testable])))
    passing = testable[(q <= policy.discovery_fdr) & (np.abs(first.effect[testable]) >= policy.least_effect)]
    strongest = passing[np.argsort(-np.abs(first.z[passing]), kind="stable")]
    return [int(i) for i in strongest[: policy.most_findings]]


def _effect(column: Column, labels: Labels, prediction: Floats) -> LabelledEffect | None:
    design = column.group.confirmation
    shown = _shown(design, column.number)
    return estimate_effect(
        shown, design.stratum, design.variant, labels.at(design.sessions.astype(np.int32)), prediction[design.sessions]
    )


def _shown(design: Design, column: int) -> Flags:
    shown: Flags = np.zeros(len(design.sessions), np.bool_)
    shown[design.entry_row[design.entry_column == column]] = True
    return shown


def _confirm(
    results: HypothesisResults,
    effects: dict[int, LabelledEffect | None],
    policy: MiningPolicy,
    wealth: AlphaWealth | None,
) -> AlphaWealth:
    """Verdicts on what was found, by one-sided tests of the labels; the wealth after them.

    False discovery rates are those of Benjamini & Hochberg (1995), over what labels could test.
    """
    tested = [(i, effect) for i, effect in effects.items() if effect is not None]
    signs = np.sign(results.discovery.effect[[i for i, _ in tested]])
    p_values = normal_sf(np.array([effect.z for _, effect in tested]) * signs)
    if tested:
        results.q_confirmation[[i for i, _ in tested]] = benjamini_hochberg(p_values)
    passes, after = [True] * len(tested), wealth or AlphaWealth()
    if wealth is not None:
        # Effects come in the order of their strength in the proxy, which the labels have not seen.
        labels = [claim_label(results, i) for i, _ in tested]
        passes, after = check_claims(wealth, labels, p_values.tolist(), policy.online_fdr)
    within = {i: passed for (i, _), passed in zip(tested, passes, strict=True)}
    for i, effect in effects.items():
        results.verdicts[i] = _verdict(results, i, effect, policy, within_wealth=within.get(i, True))
    return after


def _verdict(
    results: HypothesisResults, i: int, effect: LabelledEffect | None, policy: MiningPolicy, *, within_wealth: bool
) -> tuple[Verdict, str]:
    suggested = f"suggested by the proxy ({results.discovery.effect[i]:+.2f} in it)"
    if effect is None:
        return "candidate", f"{suggested}, but too few sessions that could tell have labels"
    helps, q = bool(results.discovery.effect[i] > 0), float(results.q_confirmation[i])
    # Turned so that the claim's direction is up.
    near, far = (effect.low, effect.high) if helps else (-effect.high, -effect.low)
    rests = f"{effect.labels} labels (q = {q:.3f}, {effect.low:+.2f} to {effect.high:+.2f})"
    if far < 0:
        return "refused", f"{suggested}, but {rests} say the opposite"
    if q > policy.confirmation_fdr or near <= 0:
        return "candidate", f"{suggested}, not yet confirmed by {rests}"
    if near < policy.least_effect:
        least = f"the least effect that matters, {policy.least_effect:g}"
        return "candidate", f"{suggested} and confirmed by {rests}, but the interval does not exclude less than {least}"
    if not within_wealth:
        return "candidate", f"{suggested} and confirmed by {rests}, but not beyond the control over all dreams"
    return "adopted", f"{suggested} and confirmed by {rests}"


def _refuse(results: HypothesisResults, layout: Layout, proxy: Floats, policy: MiningPolicy) -> None:
    """Doubt what may come of something else, and refuse what misleads: first among what labels confirm, which no mere
    suggestion may explain away, then all."""
    sessions = layout.corpus, layout.strata
    doubt_few_sources(results, *sessions, proxy, policy)
    doubt_dates(results, *sessions, proxy)
    everything = dict(results.verdicts)
    results.verdicts = {i: verdict for i, verdict in everything.items() if verdict[0] == "adopted"}
    refuse_misleading(results, *sessions, proxy, policy)
    settled, results.verdicts = results.verdicts, everything | results.verdicts
    refuse_misleading(results, *sessions, proxy, policy)
    results.verdicts |= settled
    doubt_uncontrolled(results, *sessions)


def _q(results: HypothesisResults, i: int, otherwise: float) -> float:
    return float(np.nan_to_num(results.q_confirmation[i], nan=otherwise))


def _claim(results: HypothesisResults, i: int, effect: LabelledEffect | None) -> LabelledClaim:
    return LabelledClaim(
        hypothesis=results.columns[i].hypothesis,
        proxy_effect=float(results.discovery.effect[i]),
        effect=effect,
        q_value=None if effect is None else _q(results, i, 1.0),
        verdict=results.verdicts[i][0],
        reason=results.verdicts[i][1],
    )


def _finding(results: HypothesisResults, i: int, effect: LabelledEffect, labels: Labels, layout: Layout) -> Finding:
    """A claim as a finding on the reward: its numbers are those of the labels, and labelled sessions its examples."""
    design = results.columns[i].group.confirmation
    known = labels.known[design.sessions]
    shown, score = _shown(design, results.columns[i].number), labels.score[design.sessions]
    with_it, without = score[known & shown], score[known & ~shown]
    means = float(with_it.mean()), float(without.mean())
    quoted = Estimate(
        effect=effect.effect,
        low=max(effect.low, -1.0),
        high=min(effect.high, 1.0),
        z=effect.z,
        informative=len(np.unique(design.stratum[known])),
        sessions_with=len(with_it),
        sessions_without=len(without),
        reward_with=means[0],
        reward_without=means[1],
    )
    finding = Finding(
        hypothesis=results.columns[i].hypothesis,
        verdict=results.verdicts[i][0],
        reason=results.verdicts[i][1],
        naive_effect=means[0] - means[1],
        naive_significant=False,
        discovery=None,
        confirmation=quoted,
        q_discovery=1.0,
        q_confirmation=_q(results, i, 1.0),
        shadows=tuple(results.columns[j].hypothesis for j in results.shadows.get(i, [])),
        also=results.also(i),
        form_of=results.class_of(i),
    )
    exemplary = with_examples(layout.corpus, layout.strata, results, i, finding, rank_sessions(_middling(labels.score)))
    # No stretch of time has borne it out: there are not labels enough in any.
    return msgspec.structs.replace(exemplary, windows=())


def _middling(score: Floats) -> Floats:
    """Scores, with the labels' median for sessions without one, which so are no examples of anything."""
    middle = float(np.clip(np.nanmedian(score), 1e-9, 1 - 1e-9))
    return np.where(np.isfinite(score), score, middle)


def _ranged(proxy: Floats) -> Floats:
    """The proxy on the scale from 0 to 1; its mean where it is not known."""
    known = np.isfinite(proxy)
    if not known.any():
        return np.zeros(len(proxy))
    low, high = float(proxy[known].min()), float(proxy[known].max())
    scaled = (proxy - low) / (high - low) if high > low else np.zeros(len(proxy))
    return np.where(known, scaled, np.nanmean(scaled))
