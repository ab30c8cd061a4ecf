"""Findings that are true differences and mislead all the same: why each is refused."""

from collections.abc import Callable
from functools import partial

import numpy as np

from reverie.digests.behaviour_name import SESSION, BehaviourName, Situation
from reverie.display_name import shown_label
from reverie.mining.decision import mark_of_length
from reverie.mining.description import choose_descriptions
from reverie.mining.fading import faded
from reverie.mining.mediation import refuse_mediated
from reverie.mining.met_errors import refuse_by_error
from reverie.mining.policy import MiningPolicy
from reverie.mining.special import describe_flip, general_claim, is_special, special_case
from reverie.mining.timing import timing_z
from reverie.mining.trouble import follows_trouble, trouble_steps
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Floats, Ints, Strata, first_steps
from reverie.statistics.estimate import cleared_reward, strata_design
from reverie.statistics.joint import Comparison, explain_away

_LEAST_TIMING_Z = 2.326
"""One-sided 1 %: where sessions end when solved, every mark of a long one is found, and nothing else refuses it."""
_LEAST_EXPECTED, _MOST_TOGETHER = 10.0, 0.1
"""Two findings exclude each other when at most a tenth of the sessions expected to show both do, of ten or more."""


def refuse_misleading(
    results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats, policy: MiningPolicy
) -> None:
    """Refuse, in ``selection``, what was found and misleads.

    Markers; effects that flip between special cases; differences that vanish when sessions are compared step by step;
    choices that go with an outcome that grows only because of when their moment came; what comes of trouble; what goes
    with which error was met; what pays only by a later choice; what another finding says better; shadows of stronger
    findings; what is merely done instead of one; what has faded.
    """
    _refuse_markers(results)
    _refuse_flips(results, policy)
    _refuse_by_timing(results, corpus, strata, reward)
    _refuse_by_moment(results, corpus, strata, reward)
    _refuse_followers(results, corpus, strata, reward)
    refuse_by_error(results, corpus, strata, reward)
    found = len(results.surviving())
    refuse_mediated(results, corpus, strata, reward)
    choose_descriptions(results, corpus, strata, reward)
    _refuse_shadows(results, corpus, strata, reward, policy, found)
    _refuse_alternatives(results, corpus, strata, reward)
    # After the shadows: what only goes with a faded finding must not come back under its own name.
    _refuse_faded(results, corpus, strata, reward)


def _refuse_markers(results: HypothesisResults) -> None:
    for i in results.surviving():
        if results.columns[i].hypothesis.kind == "marker":
            reason = "a marker of trouble: it follows how the session is going, so it is no advice"
            results.verdicts[i] = ("refused", reason)


def _refuse_flips(results: HypothesisResults, policy: MiningPolicy) -> None:
    """A general claim whose effect has opposite signs in its special cases is refused; those stand or fall alone."""
    hypotheses = [column.hypothesis for column in results.columns]
    cases: dict[tuple[Situation, BehaviourName], dict[str, tuple[float, float]]] = {}
    for i, h in enumerate(hypotheses):
        if is_special(h):
            cases.setdefault(general_claim(h), {})[special_case(h)] = _combined(results, i, policy)
    surviving = [i for i in results.surviving() if not is_special(hypotheses[i])]
    for i in surviving:
        own = cases.get((hypotheses[i].situation, hypotheses[i].name), {})
        flip = describe_flip(own, len(surviving), results.outcome.format_effect)
        if flip:
            results.verdicts[i] = ("refused", f"the effect flips with the condition ({flip}): see each by itself")


def _combined(results: HypothesisResults, i: int, policy: MiningPolicy) -> tuple[float, float]:
    """Effect and standard error over the parts of the sessions with enough weight, weighted by inverse variance."""
    pairs = [
        (float(e.effect[i]), float(e.standard_error[i]))
        for e in (results.discovery, results.confirmation)
        if e.weight[i] >= policy.least_special_weight and e.standard_error[i] > 0
    ]
    if not pairs:
        return 0.0, np.inf
    weight = sum(1 / error**2 for _, error in pairs)
    return sum(effect / error**2 for effect, error in pairs) / weight, weight**-0.5


def _refuse_by_timing(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """Behaviours counted anywhere in a session must also hold up when sessions are compared at the same step."""
    for i in results.surviving():
        if not _is_anywhere(results, i):
            continue
        z = _timing(results, i, corpus, strata, reward, np.flatnonzero(results.columns[i].group.sessions))
        if z < _LEAST_TIMING_Z:
            reason = (
                f"vanishes when sessions are compared at the same step (z = {z:.1f}): a mark of long or short sessions"
            )
            results.verdicts[i] = ("refused", reason)


def _is_anywhere(results: HypothesisResults, i: int) -> bool:
    return results.columns[i].hypothesis.situation.kind in ("session", "seen")


def _timing(
    results: HypothesisResults, i: int, corpus: Corpus, strata: Strata, reward: Floats, sessions: Ints
) -> float:
    """How far beyond chance, in its direction, hypothesis ``i`` is among ``sessions`` compared at the same step."""
    first = first_steps(corpus, results.columns[i].hypothesis.code)[sessions]
    last = np.maximum(corpus.steps[sessions].astype(np.int64) - 1, 0)
    cleared = _clearing(strata, sessions)(reward[sessions])
    return timing_z(strata.code[sessions], cleared, first, last) * float(np.sign(results.discovery.effect[i]))


def _refuse_by_moment(results: HypothesisResults, corpus: Corpus, strata: Strata, values: Floats) -> None:
    """Where the outcome grows, a choice must also hold up among sessions whose moment came at about the same step."""
    for i in results.surviving() if results.outcome.grows else ():
        column = results.columns[i]
        sessions = np.flatnonzero(column.group.sessions)
        shown = first_steps(corpus, column.hypothesis.code)[sessions] >= 0
        if mark_of_length(corpus, strata, sessions, column.hypothesis.situation, shown, values[sessions]):
            reason = (
                "vanishes when sessions are compared whose moment came at about the same step: a mark of long or short "
                "sessions"
            )
            results.verdicts[i] = ("refused", reason)


def _refuse_alternatives(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """What is done only where a stronger finding was not must hold up, at the same step, among such sessions alone.

    Otherwise it merely says that the stronger one was left out.
    """
    surviving = sorted(results.surviving(), key=lambda i: -results.strength(i))
    for position, i in enumerate(surviving):
        compared = results.columns[i].group.sessions
        shown = compared & (first_steps(corpus, results.columns[i].hypothesis.code) >= 0)
        for leader in surviving[:position] if _is_anywhere(results, i) else ():
            leading = first_steps(corpus, results.columns[leader].hypothesis.code) >= 0
            together, expected = (shown & leading).sum(), shown.sum() * leading[compared].mean()
            if expected < _LEAST_EXPECTED or together > _MOST_TOGETHER * expected:
                continue
            z = _timing(results, i, corpus, strata, reward, np.flatnonzero(compared & ~leading))
            if z < _LEAST_TIMING_Z:
                reason = f"done instead of a stronger finding; where that was left out it changes nothing (z = {z:.1f})"
                _explain(results, i, leader, reason)
                break


def _explain(results: HypothesisResults, i: int, by: int, reason: str) -> None:
    results.shadows.setdefault(by, []).append(i)
    h = results.columns[by].hypothesis
    results.verdicts[i] = ("refused", f"{reason}: {shown_label(f'{h.situation_text} | {h.name_text}')}")


def _refuse_followers(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    trouble = trouble_steps(corpus)
    for i in results.surviving():
        column = results.columns[i]
        if column.hypothesis.situation.kind == "after":
            continue
        sessions = np.flatnonzero(column.group.sessions)
        code = column.hypothesis.code
        reason = follows_trouble(corpus, strata, sessions, code, reward, trouble, results.outcome.format_effect)
        if reason:
            results.verdicts[i] = ("refused", reason)


def _refuse_faded(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """Only dated sessions count: what has no date is neither early nor late."""
    surviving, dated = results.surviving(), corpus.dated()
    if corpus.at is None or not surviving or not dated.any() or np.ptp(corpus.at[dated]) == 0:
        return
    for i in (i for i in surviving if i not in results.by_date):
        column = results.columns[i]
        sessions = np.flatnonzero(column.group.sessions & dated)
        if sessions.size == 0:
            continue
        reason = faded(
            sessions,
            strata.code[sessions],
            strata.variant[sessions],
            first_steps(corpus, column.hypothesis.code)[sessions] >= 0,
            reward[sessions],
            corpus.at[sessions],
            format_effect=results.outcome.format_effect,
            format_margin=results.outcome.format_margin,
        )
        if reason:
            results.verdicts[i] = ("refused", reason)


def _comparisons(results: HypothesisResults, surviving: list[int], corpus: Corpus, strata: Strata) -> list[Comparison]:
    """The hypotheses ``surviving`` with the sessions they compare, group by group."""
    by_group: dict[int, list[int]] = {}
    for position, i in enumerate(surviving):
        by_group.setdefault(id(results.columns[i].group), []).append(position)
    comparisons = []
    for positions in by_group.values():
        sessions = np.flatnonzero(results.columns[surviving[positions[0]]].group.sessions)
        clear = _clearing(strata, sessions)
        codes = [results.columns[surviving[position]].hypothesis.code for position in positions]
        shown = [(first_steps(corpus, code)[sessions] >= 0).astype(np.float64) for code in codes]
        columns = np.array([clear(each) for each in shown])
        comparisons.append(Comparison(np.array(positions, np.int64), sessions, columns, clear))
    return comparisons


def _clearing(strata: Strata, sessions: Ints) -> Callable[[Floats], Floats]:
    """What takes from values of ``sessions`` whatever their strata explain."""
    return partial(cleared_reward, strata_design(sessions, strata.code[sessions], strata.variant[sessions]))


def _refuse_shadows(
    results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats, policy: MiningPolicy, found: int
) -> None:
    """``found`` is how many findings there were before some gave way to better descriptions: they count as tests."""
    surviving = sorted(results.surviving(), key=lambda i: -results.strength(i))
    for i in surviving[policy.most_findings :]:
        reason = f"weaker than {policy.most_findings} others found with it: it waits for those to be settled"
        results.verdicts[i] = ("refused", reason)
    surviving = surviving[: policy.most_findings]
    if not surviving:
        return
    comparisons = _comparisons(results, surviving, corpus, strata)
    preference = np.array([_preference(results, i) for i in surviving])
    cleared = _clearing(strata, np.arange(len(reward)))(reward)
    fit = explain_away(comparisons, cleared, preference, found, corpus.owner)
    for position in fit.too_weak:
        reason = "too weak to stand beside the stronger findings once they are taken into account"
        results.verdicts[surviving[position]] = ("refused", reason)
    for position, leader in fit.shadow_of.items():
        _explain(results, surviving[position], surviving[leader], "explained by a stronger finding it goes with")


_KIND_PREFERENCE = {"choice": 1.0, "sequence": 0.99, "manner": 0.98}


def _preference(results: HypothesisResults, i: int) -> float:
    """Confirmed before unconfirmed; then the deciding moment, the general claim, an act, "do" rather than "do not"."""
    h = results.columns[i].hypothesis
    preference = _KIND_PREFERENCE[h.kind] * (1.0 if results.verdicts[i][0] == "adopted" else 0.5)
    if results.discovery.effect[i] > 0:
        preference *= 1.01
    if is_special(h):
        return preference * 0.95
    return preference if h.situation == SESSION else preference * 1.03
