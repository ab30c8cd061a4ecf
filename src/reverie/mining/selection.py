"""From estimates to verdicts: discovery on one part of the sessions, confirmation on the other."""

from collections.abc import Sequence

import numpy as np

from reverie.mining.calendar import doubt_dates
from reverie.mining.comparison_group import ComparisonGroup
from reverie.mining.doubt import doubt_uncontrolled, doubt_zero
from reverie.mining.finding import Verdict
from reverie.mining.outcome import REWARD, Outcome
from reverie.mining.policy import MiningPolicy
from reverie.mining.refusal import refuse_misleading
from reverie.mining.sources import doubt_few_sources
from reverie.mining.special import is_special, special_families
from reverie.mining.verdicts import Column, HypothesisResults, claim_label, found
from reverie.mining.whole_sample import confirm_on_all
from reverie.statistics.corpus import Corpus, Floats, Strata
from reverie.statistics.distributions import benjamini_hochberg, normal_sf
from reverie.statistics.estimate import Estimates, choose_estimates
from reverie.statistics.exact import sharp_estimates
from reverie.statistics.online import AlphaWealth, check_claims

_PRIOR_WEIGHT = {"choice": 4.0, "sequence": 1.0, "manner": 1.0, "marker": 1.0}
"""Relative weight of a kind of behaviour in the false discovery control; chosen before any data."""

_DIRECTIONS = 2
"""Found on the first part and confirmed on the second, or the other way round."""

NOT_ENOUGH = "not enough repeats to tell"


def evaluate_hypotheses(
    corpus: Corpus,
    strata: Strata,
    groups: list[ComparisonGroup],
    reward: Floats,
    policy: MiningPolicy,
    wealth: AlphaWealth = AlphaWealth(),
    outcome: Outcome = REWARD,
) -> HypothesisResults:
    """Test every hypothesis of ``groups`` with these rewards (real or shuffled) and judge it.

    ``reward`` may be another ``outcome``, on its scale.

    1. Discovery on one part of the sessions: stratified tests of the general claims, Benjamini–Hochberg (1995) over all
       of them, with weights fixed beforehand that favour what an agent can decide (Genovese, Roeder & Wasserman 2006);
       special cases (in one task category, after one fact was seen) only where a claim's effect differs between them.
    2. Confirmation: what was found is tested again, one-sided, on the other part; controlled within this dream, and
       over all dreams of the store (``wealth``). What the first part did not find may be found on the second and
       confirmed on the first, half of the error rate each way (cross-screening, Zhao, Small & Rosenbaum 2018); not so
       what was thought of by reading the first part. A claim has one direction only, and its quoted effect is from
       the part that did not find it. Where too few sessions are left to keep some for it, one test of all of them
       decides, corrected for all behaviours together (``mining/whole_sample.py``).
    3. Doubted: what rests on few users or days, cannot be told from a change of date, or has an interval that holds
       zero stays a candidate.
    4. Refused all the same: what is a true difference and misleads (:func:`refuse_misleading`).
    """
    results = _confirmed(corpus, strata, groups, reward, policy, wealth, outcome)
    _doubt(results, corpus, strata, reward, policy)
    return results


def count_adopted(
    corpus: Corpus,
    strata: Strata,
    groups: list[ComparisonGroup],
    reward: Floats,
    policy: MiningPolicy,
    wealth: AlphaWealth = AlphaWealth(),
    outcome: Outcome = REWARD,
) -> int:
    """How many hypotheses :func:`evaluate_hypotheses` would adopt.

    Doubts and refusals only ever take away, so where confirmation adopts nothing they need not be asked: of shuffled
    rewards it seldom does.
    """
    results = _confirmed(corpus, strata, groups, reward, policy, wealth, outcome)
    if results.adopted():
        _doubt(results, corpus, strata, reward, policy)
    return len(results.adopted())


def _doubt(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats, policy: MiningPolicy) -> None:
    """Make candidates of what is doubted, and refuse what misleads; nothing is adopted that was not."""
    doubt_few_sources(results, corpus, strata, reward, policy)
    doubt_dates(results, corpus, strata, reward)
    doubt_zero(results)
    refuse_misleading(results, corpus, strata, reward, policy)
    doubt_uncontrolled(results, corpus, strata)


def _confirmed(
    corpus: Corpus,
    strata: Strata,
    groups: list[ComparisonGroup],
    reward: Floats,
    policy: MiningPolicy,
    wealth: AlphaWealth,
    outcome: Outcome,
) -> HypothesisResults:
    """The verdicts that tests alone give, before anything is doubted."""
    generator = np.random.default_rng(policy.seed)
    columns = [Column(group, i) for group in groups for i in range(len(group.hypotheses))]
    first = sharp_estimates([group.discovery for group in groups], reward, generator)
    second = sharp_estimates([group.confirmation for group in groups], reward, generator)
    q_first, tested = _discover(columns, first, policy)
    q_second, _ = _discover(columns, second, policy)
    from_reading = np.array([corpus.names[column.hypothesis.code].from_reading for column in columns], np.bool_)
    in_first, in_second = found(first, q_first, policy, outcome), found(second, q_second, policy, outcome)
    cross_screened = ~in_first & in_second & ~from_reading
    results = HypothesisResults(
        outcome=outcome,
        columns=columns,
        discovery=choose_estimates(cross_screened, second, first),
        confirmation=choose_estimates(cross_screened, first, second),
        cross_screened=cross_screened,
        tested=tested,
        q_discovery=np.where(cross_screened, q_second, q_first),
        q_confirmation=np.full(len(columns), np.nan),
        widened=np.ones(len(columns)),
    )
    if strata.split_by == "nothing":
        confirm_on_all(results, strata, reward, policy, wealth)
    else:
        _confirm(results, policy, wealth)
    return results


def _discover(columns: Sequence[Column], estimates: Estimates, policy: MiningPolicy) -> tuple[Floats, int]:
    """False discovery rates on one part of the sessions (NaN where not tested), and how many tests were made."""
    testable = estimates.testable(policy.least_weight)
    general = testable & ~np.array([is_special(column.hypothesis) for column in columns], np.bool_)
    q = np.full(len(columns), np.nan)
    if general.any():
        prior = np.array([_PRIOR_WEIGHT[columns[i].hypothesis.kind] for i in np.flatnonzero(general).tolist()])
        p_values = 2 * normal_sf(np.abs(estimates.z[general])) * prior.mean() / prior
        q[general] = benjamini_hochberg(np.minimum(p_values, 1.0))
    special = testable & ~general & (estimates.weight >= policy.least_special_weight)
    families = special_families([column.hypothesis for column in columns], estimates, special)
    if families:
        differs = benjamini_hochberg([family.p_value for family in families])
        for family, q_family in zip(families, differs, strict=True):
            q[list(family.members)] = q_family
    return q, int(general.sum()) + len(families)


def _confirm(results: HypothesisResults, policy: MiningPolicy, wealth: AlphaWealth) -> None:
    """Test what was found on the part that did not find it.

    Each direction keeps half of the false discovery rate, so that the rate over both is kept whatever their dependence.
    """
    chosen = results.found(policy)
    there = chosen & results.confirmation.testable(policy.least_weight)
    p_values = normal_sf(results.confirmation.z * np.sign(results.discovery.effect))
    order: list[int] = []
    for direction in (there & ~results.cross_screened, there & results.cross_screened):
        members = np.flatnonzero(direction)
        if members.size:
            q = _DIRECTIONS * _adaptive_q(p_values[members])
            results.q_confirmation[members] = np.minimum(q, 1.0)
        order += members[np.argsort(-np.abs(results.discovery.z[members]), kind="stable")].tolist()
    claims = [claim_label(results, i) for i in order]
    verdicts, results.wealth = check_claims(wealth, claims, p_values[order].tolist(), policy.online_fdr)
    passes = dict(zip(order, verdicts, strict=True))
    for i in np.flatnonzero(chosen).tolist():
        results.verdicts[i] = _verdict(results, i, policy, within_wealth=passes.get(i, True))


def _adaptive_q(p_values: Floats) -> Floats:
    """Benjamini–Hochberg with the share of nulls estimated from p-values above 1/2 (Storey, Taylor & Siegmund 2004).

    What was found once is mostly true, so taking all of it for null would be several times too strict.
    """
    nulls = min((1 + int((p_values > 0.5).sum())) / (0.5 * len(p_values)), 1.0)
    return np.asarray(nulls * benjamini_hochberg(p_values), np.float64)


def _verdict(results: HypothesisResults, i: int, policy: MiningPolicy, *, within_wealth: bool) -> tuple[Verdict, str]:
    effect, q = float(results.discovery.effect[i]), float(results.q_discovery[i])
    outcome = results.outcome
    if np.isnan(results.q_confirmation[i]):
        return "candidate", f"found ({q_text(q)}), but {NOT_ENOUGH} on the other sessions"
    confirmed, q_confirmed = float(results.confirmation.effect[i]), float(results.q_confirmation[i])
    if np.sign(confirmed) != np.sign(effect):
        first, second = outcome.format_effect(effect), outcome.format_effect(confirmed)
        return "refused", f"found ({first}), but reversed on other sessions ({second})"
    if q_confirmed > policy.confirmation_fdr:
        return "candidate", f"found ({q_text(q)}), not yet confirmed on other sessions ({q_text(q_confirmed)})"
    if not within_wealth:
        found = f"found ({q_text(q)}) and confirmed in this dream ({q_text(q_confirmed)})"
        return (
            "candidate",
            f"{found}, but not beyond the control over all dreams of the store: more tasks or runs will tell",
        )
    if abs(confirmed) < outcome.least_effect(policy):
        least = outcome.format_least_effect(policy)
        return (
            "refused",
            f"confirmed, but {outcome.format_effect(confirmed, 3)} is below the least effect that matters, {least}",
        )
    return "adopted", f"found ({q_text(q)}) and confirmed on other sessions ({q_text(q_confirmed)})"


def q_text(q: float) -> str:
    """A false discovery rate (0 to 1) in words: ``q = 0.012``, and ``q < 0.001`` below that."""
    return f"q = {q:.3f}" if q >= 0.001 else "q < 0.001"
