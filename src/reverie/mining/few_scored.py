"""A dream in which few sessions are scored: what the scores say alone, and what they say with the help of a proxy."""

from collections.abc import Callable, Sequence

import msgspec

from reverie.mining.few_labels import LabelledClaim, LabelledClaims, mine_labels
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.mine import MiningResult
from reverie.mining.policy import MiningPolicy
from reverie.statistics.calibration import Calibration
from reverie.statistics.corpus import Corpus, Observable
from reverie.statistics.online import AlphaWealth
from reverie.statistics.prediction_powered import Labels

_STREAM = "reward, by labels"
"""The name of the wealth of these tests: their false discovery rate is kept by itself, like that of each outcome."""


def add_labelled(
    mined: MiningResult,
    corpus: Corpus,
    labels: Labels,
    policy: MiningPolicy,
    families: Sequence[str] | None,
    *,
    proxy: str,
    is_excluded: Callable[[Observable], bool],
) -> MiningResult:
    """``mined`` with the claims that a proxy suggests and the labels judge.

    What the scores decided alone stands: it is adopted already, or misleads. Of anything else the labels' finding is
    the one to go by. ``corpus`` holds the sessions that the labels stand for; ``labels`` and ``families`` are parallel.
    """
    before = mined.wealth.outcomes.get(_STREAM, AlphaWealth())
    told = mine_labels(corpus, labels, policy, families, proxy=proxy, is_excluded=is_excluded, wealth=before)
    alone = {_key(finding.hypothesis): finding for finding in mined.findings}
    decided = {key: finding for key, finding in alone.items() if _is_decided(finding)}
    own = {_key(each.hypothesis): each for each in told.findings if _key(each.hypothesis) not in decided}
    findings = [finding for finding in mined.findings if _key(finding.hypothesis) not in own]
    claims = tuple(_as_decided(claim, decided.get(_key(claim.hypothesis))) for claim in told.claims.claims)
    return msgspec.structs.replace(
        mined,
        findings=(*own.values(), *findings),
        labelled=msgspec.structs.replace(told.claims, claims=claims),
        wealth=msgspec.structs.replace(mined.wealth, outcomes={**mined.wealth.outcomes, _STREAM: told.wealth}),
    )


def nothing_labelled(mined: MiningResult, labels: Labels, proxy: str, why: str) -> MiningResult:
    """``mined``, and why the scores say nothing of the sessions without one."""
    unknown = Calibration(0, None, None, None, None)
    counts = int(labels.known.sum()), len(labels.score)
    return msgspec.structs.replace(mined, labelled=LabelledClaims(*counts, unknown, (), why, proxy))


def _key(hypothesis: Hypothesis) -> tuple[str | None, str, str]:
    return hypothesis.category, hypothesis.situation_text, hypothesis.name_text


def _is_decided(finding: Finding) -> bool:
    """Whether the scores alone adopt it, or refuse what they did confirm."""
    return finding.verdict == "adopted" or (finding.verdict == "refused" and finding.q_confirmation is not None)


def _as_decided(claim: LabelledClaim, finding: Finding | None) -> LabelledClaim:
    if finding is None:
        return claim
    reason = f"by the scored sessions alone: {finding.reason}"
    return msgspec.structs.replace(claim, verdict=finding.verdict, reason=reason)
