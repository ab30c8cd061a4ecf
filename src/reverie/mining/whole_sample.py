"""Verdicts where there are too few sessions to keep some for confirmation: one corrected test of all of them."""

from math import ceil

import numpy as np

from reverie.mining.finding import Verdict
from reverie.mining.policy import MiningPolicy
from reverie.mining.verdicts import HypothesisResults, claim_label
from reverie.statistics.corpus import Corpus, Floats, Strata
from reverie.statistics.distributions import normal_isf
from reverie.statistics.max_test import max_test
from reverie.statistics.online import AlphaWealth, check_claims

_POWER_Z = float(normal_isf(0.2))


def is_small(corpus: Corpus, policy: MiningPolicy) -> bool:
    """Whether no session of ``corpus`` (scored ones) can be spared for confirmation.

    What somebody thought of by reading some of the sessions must be confirmed on the others, however few they are.
    """
    return len(corpus.session_ids) <= policy.most_unsplit and not any(name.from_reading for name in corpus.names)


def confirm_on_all(
    results: HypothesisResults, strata: Strata, reward: Floats, policy: MiningPolicy, wealth: AlphaWealth
) -> None:
    """Judge what was found by the chance that anything at all would look as strong in all sessions.

    The p-values are of all behaviours together, so that they may enter the control over all dreams as they are.
    """
    found = np.flatnonzero(results.found(policy))
    results.wealth = wealth
    if found.size == 0:
        return
    groups = {id(column.group): column.group for column in results.columns}
    designs = [group.discovery for group in groups.values()]
    tested = results.discovery.testable(policy.least_weight)
    generator = np.random.default_rng(policy.seed)
    test = max_test(designs, reward, strata, tested, generator)
    results.widened[:] = test.critical / normal_isf(0.025)
    results.q_confirmation[found] = test.p_values[found]
    order = found[np.argsort(-np.abs(results.discovery.z[found]), kind="stable")].tolist()
    claims = [claim_label(results, i) for i in order]
    passes, results.wealth = check_claims(wealth, claims, test.p_values[order].tolist(), policy.online_fdr)
    for i, within_wealth in zip(order, passes, strict=True):
        results.verdicts[i] = _verdict(results, i, strata, policy, test.critical, within_wealth=within_wealth)


def _verdict(
    results: HypothesisResults, i: int, strata: Strata, policy: MiningPolicy, critical: float, *, within_wealth: bool
) -> tuple[Verdict, str]:
    p = float(results.q_confirmation[i])
    chance = f"{results.tested} comparisons counted, {_p_text(p)}"
    if not p <= policy.confirmation_fdr:
        size, z = (
            int(results.discovery.sessions_with[i] + results.discovery.sessions_without[i]),
            results.discovery.z[i],
        )
        more = max(ceil(size * (((critical + _POWER_Z) / max(abs(float(z)), 0.1)) ** 2 - 1)), 1)
        return "candidate", f"may be chance ({chance}): about {more} more sessions of the same tasks would tell"
    if not within_wealth:
        return (
            "candidate",
            f"beyond chance in this dream ({chance}), but not beyond the control over all dreams of the store",
        )
    return "adopted", f"beyond chance in all {len(strata.code)} sessions ({chance})"


def _p_text(p: float) -> str:
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
