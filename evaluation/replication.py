"""Do lessons found on half of the tasks hold on the other half? For real traces, whose truth nobody knows."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from scipy import stats

from evaluation.in_memory import DigestedSession, make_corpus
from reverie.mining.comparison_group import form_groups
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.mine import MiningResult, mine
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, Strata, form_strata
from reverie.statistics.estimate import estimate
from reverie.statistics.quantity import Estimate


class Replication(msgspec.Struct, frozen=True):
    """A claim made on one half of the tasks, measured on the other."""

    situation: str
    behaviour: str
    category: str | None
    found: float
    """Effect where it was found."""
    held_out: float | None
    """Effect within strata of the other half; None where too few sessions there inform it."""
    low: float | None
    high: float | None
    replicated: bool
    """Same sign, and beyond chance at 5 %, one-sided."""


class HalfSplit(msgspec.Struct, frozen=True):
    """One half mined, the other half asked."""

    sessions: tuple[int, int]
    tasks: tuple[int, int]
    mined: MiningResult
    """Of the first half."""
    whole: MiningResult
    """Of all sessions."""
    lessons: tuple[Replication, ...]
    """Adopted on the first half."""
    pooled: tuple[Replication, ...]
    """Believed by a pooled comparison on the first half, for contrast."""


def replicate(sessions: Sequence[DigestedSession], policy: MiningPolicy) -> HalfSplit:
    """Mine the half of the tasks whose hash is even, measure what was found on the other half."""
    first = [each for each in sessions if _in_first_half(each)]
    second = [each for each in sessions if not _in_first_half(each)]
    corpus, other = make_corpus(first).scored_only(), make_corpus(second).scored_only()
    mined = mine(corpus, policy)
    adopted = [(f.hypothesis, _deciding(f).effect) for f in mined.findings if f.verdict == "adopted"]
    pooled = [
        (f.hypothesis, f.naive_effect)
        for f in mined.findings
        if f.naive_significant and abs(f.naive_effect) >= policy.least_effect and f.hypothesis.kind != "marker"
    ]
    measured = _measure([*adopted, *pooled], other, policy)
    return HalfSplit(
        sessions=(len(corpus.session_ids), len(other.session_ids)),
        tasks=(len(set(corpus.task)), len(set(other.task))),
        mined=mined,
        whole=mine(make_corpus(sessions), policy),
        lessons=tuple(measured[: len(adopted)]),
        pooled=tuple(measured[len(adopted) :]),
    )


def _in_first_half(each: DigestedSession) -> bool:
    """By a hash of the task that has nothing to do with the one mining splits by."""
    key = each.session.task_id or each.session.id
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=1, person=b"replicate").digest()[0] < 128


def _deciding(finding: Finding) -> Estimate:
    estimate = finding.confirmation or finding.discovery
    if estimate is None:
        raise ValueError("an adopted finding has an estimate")
    return estimate


class _Estimated(msgspec.Struct, frozen=True):
    effect: float
    low: float
    high: float
    z: float


_Claim = tuple[str | None, str, str]


def _measure(claims: Iterable[tuple[Hypothesis, float]], corpus: Corpus, policy: MiningPolicy) -> list[Replication]:
    """Each claim's effect within the strata of all the corpus's sessions."""
    known = _all_estimates(corpus, policy)
    return [_replication(h, found, known.get((h.category, h.situation_text, h.name_text))) for h, found in claims]


def _all_estimates(corpus: Corpus, policy: MiningPolicy) -> dict[_Claim, _Estimated]:
    """Every hypothesis that at least two strata inform; no session is kept for confirmation."""
    strata = form_strata(corpus)
    nobody = np.zeros_like(strata.confirmation)
    whole = Strata(strata.code, strata.count, strata.variant, strata.variants, nobody, strata.by, strata.split_by)
    known: dict[_Claim, _Estimated] = {}
    for group in form_groups(corpus, whole, policy):
        estimates = estimate(group.discovery, corpus.reward[group.discovery.sessions])
        low, high = estimates.interval()
        for i in np.flatnonzero((estimates.informative >= 2) & np.isfinite(estimates.effect)):
            h = group.hypotheses[i]
            numbers = (float(column[i]) for column in (estimates.effect, low, high, estimates.z))
            known[h.category, h.situation_text, h.name_text] = _Estimated(*numbers)
    return known


def _replication(h: Hypothesis, found: float, there: _Estimated | None) -> Replication:
    if there is None:
        return Replication(h.situation_text, h.name_text, h.category, found, None, None, None, False)
    beyond = bool(stats.norm.sf(there.z * np.sign(found)) < 0.05)
    return Replication(h.situation_text, h.name_text, h.category, found, there.effect, there.low, there.high, beyond)
