"""The implicit outcome: what signals show of sessions that nobody scored, and what changes it.

It is made of the users' reactions and of how sessions were left, by weights that a store's policy may set, and is
always called implicit. A choice is held against what signals show after it (:mod:`reverie.mining.moments`). Behaviours
that produce one of the signals, or decide whether it can exist, are never tested: a missing signal is a choice, and
comparing those that have one would be selection.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from reverie.digests.derived.occurrence import Trace
from reverie.digests.derived.signal import SIGNALS, producers, value_of
from reverie.mining.comparison_group import form_groups
from reverie.mining.counting import count_once
from reverie.mining.finding import Finding
from reverie.mining.implicit_policy import ImplicitPolicy, implicit_outcome
from reverie.mining.layout import Layout
from reverie.mining.left_out import LeftOut
from reverie.mining.mine import MiningResult, mine_outcome, power_note
from reverie.mining.moments import MomentRows, moment_rows
from reverie.mining.outcome import IMPLICIT
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, Ints, Observable, Strata, form_strata, informative_strata
from reverie.statistics.online import AlphaWealth
from reverie.statistics.placebo import detectable_effect

_FIRST_TURN = frozenset({"session", "start", "before"})
_BY_ACTION = frozenset({"call", "repeat", "retry", "args", "arg"})


_DEFAULT = ImplicitPolicy()


def telling_weights(traces: Sequence[Trace], weights: Mapping[str, float]) -> dict[str, float]:
    """The weights of the signals that differ between these sessions at all."""
    telling = {}
    for name, weight in weights.items():
        values = {value for trace in traces if (value := value_of(SIGNALS[name], trace)) is not None}
        if weight > 0 and len(values) > 1:
            telling[name] = weight
    return telling


def exclusion(traces: Sequence[Trace], weights: Mapping[str, float]) -> Callable[[Observable], bool]:
    """Whether a behaviour produces one of the signals or decides whether it exists, and so is never tested on them."""
    families = {family for name in weights for family in SIGNALS[name].given_by}
    actions = producers(traces, weights)

    def is_excluded(name: Observable) -> bool:
        behaviour = name.name
        if behaviour.family in families:
            return True
        if behaviour.family == "then":
            return behaviour.order[1] in actions
        if behaviour.family not in _BY_ACTION:
            return False
        known = behaviour.argument.tool if behaviour.family in ("args", "arg") else behaviour.subject
        return known in actions

    return is_excluded


@dataclass(frozen=True, slots=True, eq=False)
class ComparedAfter:
    """Sessions at their moments, each with the implicit outcome of what came after."""

    sessions: Corpus
    """Those that count, with the outcome of the whole session for their reward."""
    strata: Strata
    """Of the sessions."""
    rows: MomentRows
    weights: dict[str, float]
    """Of the signals that tell anything."""
    left_out: LeftOut


def compared_after(
    corpus: Corpus,
    traces: Sequence[Trace],
    policy: MiningPolicy,
    implicit: ImplicitPolicy = _DEFAULT,
    families: Sequence[str] | None = None,
) -> ComparedAfter:
    """What choices are compared on and among whom; ``traces`` and ``families`` are parallel to the corpus."""
    weights = telling_weights(traces, implicit.weights)
    whole = np.array([implicit_outcome(trace, weights) for trace in traces], np.float64)
    counted, once, left_out = count_once(dataclasses.replace(corpus, reward=whole))
    positions = np.flatnonzero(counted).tolist()
    kept, own = once.kept(counted), [traces[i] for i in positions]
    strata = form_strata(kept, None if families is None else [families[i] for i in positions])
    seen: dict[tuple[int, int], float] = {}

    def value_after(session: int, step: int) -> float:
        key = session, step
        if key not in seen:
            seen[key] = implicit_outcome(own[session], weights, step)
        return seen[key]

    rows = moment_rows(kept, _first_turns(own), value_after, exclusion(own, weights), policy.least_sessions)
    return ComparedAfter(kept, strata, rows, weights, left_out)


def mine_implicit(
    corpus: Corpus,
    traces: Sequence[Trace],
    policy: MiningPolicy,
    implicit: ImplicitPolicy = _DEFAULT,
    wealth: AlphaWealth = AlphaWealth(),
    families: Sequence[str] | None = None,
) -> MiningResult:
    """Find which choices change what signals show afterwards; ``traces`` are parallel to the corpus's sessions.

    The rewards of the corpus are not looked at. Effects are in the implicit outcome, 0 to 1.
    """
    compared = compared_after(corpus, traces, policy, implicit, families)
    rows, strata, kept, weights = compared.rows, compared.strata, compared.sessions, compared.weights
    row_strata = rows.strata(strata)
    layout = Layout(rows.corpus, row_strata, form_groups(rows.corpus, row_strata, policy, rows.within()), [])
    before = wealth.outcomes.get(IMPLICIT.name, AlphaWealth())
    found, after = mine_outcome(layout, IMPLICIT, rows.corpus.reward, policy, before)
    informative, detectable = informative_strata(strata, kept.reward), detectable_effect(strata, kept.reward)
    return MiningResult(
        findings=_one_moment_each(found.findings),
        tested=found.tested,
        placebo_runs=policy.placebo_runs,
        placebo_lessons=found.placebo_lessons,
        scored=0,
        strata_by=strata.by,
        strata=strata.count,
        informative=informative,
        variants=strata.variants,
        split_by=strata.split_by,
        detectable_effect=detectable,
        note=_note(len(kept.session_ids), weights, power_note(kept, strata, informative, detectable, found.findings)),
        wealth=msgspec.structs.replace(wealth, outcomes={**wealth.outcomes, IMPLICIT.name: after}),
        implicit=weights,
        left_out=compared.left_out,
    )


def _one_moment_each(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Of one behaviour found at several moments of the first turn, the strongest; the others are its shadows.

    Whoever read a file at the start had also read it before the first edit, and by the end of the turn. Rows of
    different moments are fitted together as well, but what is left of the one beside the other may still pass there.
    """
    leaders: dict[tuple[str | None, str], Finding] = {}
    told = [each for each in findings if each.verdict != "refused" and each.hypothesis.situation.kind in _FIRST_TURN]
    for finding in sorted(told, key=lambda each: (each.verdict != "adopted", -_strength(each))):
        leaders.setdefault((finding.hypothesis.category, finding.hypothesis.name_text), finding)
    settled = []
    for finding in findings:
        leader = leaders.get((finding.hypothesis.category, finding.hypothesis.name_text))
        if leader is None or finding not in told:
            settled.append(finding)
        elif finding is leader:
            shadows = tuple(each.hypothesis for each in told if each is not leader and _same(each, leader))
            settled.append(msgspec.structs.replace(finding, shadows=(*finding.shadows, *shadows)))
        else:
            reason = f"{IMPLICIT.name}: the same behaviour at another moment: {leader.hypothesis.label}"
            settled.append(msgspec.structs.replace(finding, verdict="refused", reason=reason))
    return tuple(settled)


def _same(finding: Finding, other: Finding) -> bool:
    return (finding.hypothesis.category, finding.hypothesis.name_text) == (
        other.hypothesis.category,
        other.hypothesis.name_text,
    )


def _strength(finding: Finding) -> float:
    return sum(abs(estimate.z) for estimate in (finding.discovery, finding.confirmation) if estimate is not None)


def _note(sessions: int, weights: Mapping[str, float], on_power: str) -> str:
    if not weights or not sessions:
        return "no session has a score, and no signal differs between sessions; add scores (`reverie score`)"
    made_of = ", ".join(f"`{name}`" for name in weights)
    said = f"no session has a score; compared on an implicit outcome made of {made_of}, which is no measure of success"
    return f"{said}; {on_power}" if on_power else said


def _first_turns(traces: Sequence[Trace]) -> Ints:
    """Per session, the agent's actions before the user could first answer: up to the second message, else all."""
    ends = []
    for trace in traces:
        later = [step for step in trace.turns if step > 0]
        ends.append(later[0] if later else trace.steps)
    return np.array(ends, np.int64)
