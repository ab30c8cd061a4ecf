"""Mining: every behaviour against the reward and other outcomes, within strata, with a placebo beside each.

The same tests decide for every outcome: strata, parts, false discovery control, placebo and refusals. For outcomes
besides the reward two things are added. Of one that grows while a session goes on, only choices may be the cause
(``mining/decision.py``); whatever else goes with it is listed as a mark of long sessions. And nothing is adopted that
may cost reward (``mining/reward_cost.py``).
"""

from collections.abc import Sequence
from math import ceil

import msgspec
import numpy as np

from reverie.mining.comparison_group import form_groups, pooled_comparison
from reverie.mining.counting import count_once
from reverie.mining.doubt import next_for_repeats
from reverie.mining.examples import rank_sessions, with_examples
from reverie.mining.few_labels import LabelledClaims
from reverie.mining.finding import Finding
from reverie.mining.layout import Layout, Layouts, values_of
from reverie.mining.left_out import LeftOut
from reverie.mining.length_mark import find_marks
from reverie.mining.next_step import NO_TASK_IDS
from reverie.mining.outcome import IMPLICIT, NOTHING_MEASURED, REWARD, Measures, Outcome, outcomes_to_mine
from reverie.mining.policy import MiningPolicy
from reverie.mining.reward_cost import refuse_costly
from reverie.mining.selection import NOT_ENOUGH, count_adopted, evaluate_hypotheses
from reverie.mining.special import is_special
from reverie.mining.verdicts import HypothesisResults, claim_label
from reverie.mining.whole_sample import is_small
from reverie.statistics.corpus import Corpus, Flags, Floats, Strata, form_strata, informative_strata
from reverie.statistics.distributions import average_ranks, benjamini_hochberg, normal_sf
from reverie.statistics.estimate import cleared_reward, strata_design
from reverie.statistics.online import AlphaWealth
from reverie.statistics.placebo import detectable_effect, shuffle_within_strata
from reverie.statistics.quantity import Estimate

_MOST_REPORTED = 200
_WORTH_SEEING = 0.2
"""An effect that a handful of sessions should be able to show before anybody is content with them."""
_ORDER = {"adopted": 0, "candidate": 1, "refused": 2}


class OutcomeResult(msgspec.Struct, frozen=True):
    """What was found about one outcome; effects are in its own unit, positive where it gets better."""

    outcome: Outcome
    sessions: int
    """Scored sessions in which it is known."""
    tested: int
    placebo_lessons: int
    """Patterns adopted in all placebo runs together, whatever they would have cost in reward."""
    detectable_effect: float | None
    findings: tuple[Finding, ...]
    """Adopted, candidates, refused, and marks of long sessions; of the reward, the refused ones worth reporting."""
    note: str = ""


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
    wealth: AlphaWealth = msgspec.field(default=AlphaWealth(), name="stream")
    """The confirmation tests of all dreams of the store, after this one."""
    outcomes: tuple[OutcomeResult, ...] = ()
    """What was found about outcomes besides the reward."""
    left_out: LeftOut = LeftOut()
    """How sessions ended, and which scored ones were not counted: cut off, or copies."""
    implicit: dict[str, float] = {}
    """Where nothing was scored: the signals that the implicit outcome was made of, with their weights, which
    ``findings`` are about. Empty where they are about the reward."""
    labelled: LabelledClaims | None = None
    """What a proxy suggests and labels say, where few sessions are scored; what they bear out is in ``findings``."""

    @property
    def outcome(self) -> Outcome:
        """What ``findings`` are about."""
        return IMPLICIT if self.implicit else REWARD

    def everything(self) -> tuple[Finding, ...]:
        """The findings on the reward, then those on other outcomes."""
        return (*self.findings, *(finding for outcome in self.outcomes for finding in outcome.findings))


def mine(
    corpus: Corpus,
    policy: MiningPolicy,
    wealth: AlphaWealth = AlphaWealth(),
    families: Sequence[str] | None = None,
    measures: Measures = NOTHING_MEASURED,
) -> MiningResult:
    """Find what separates good sessions from bad ones of the same stratum.

    Sessions without a reward are left out, and so are those cut off by the machinery and copies. ``wealth`` holds the
    confirmation tests of the store's earlier dreams; ``families`` the task family of each session, for corpora whose
    tasks do not repeat; ``measures`` what else is known of each session, to be compared in the same way.
    """
    keep, corpus, left_out = count_once(corpus)
    scored = np.flatnonzero(keep)
    strata_families = None if families is None else [families[i] for i in scored.tolist()]
    corpus = corpus.kept(keep).sorted_by_code()
    strata = form_strata(corpus, strata_families)
    strata = strata.unsplit() if is_small(corpus, policy) else strata
    everything = Layout(corpus, strata, form_groups(corpus, strata, policy), [])
    on_reward, after = mine_outcome(everything, REWARD, corpus.reward, policy, wealth)
    outcomes, wealth_by_outcome = _mine_others(everything, measures.at(scored), policy, wealth)
    informative = informative_strata(strata, corpus.reward)
    return MiningResult(
        findings=on_reward.findings,
        tested=on_reward.tested,
        placebo_runs=policy.placebo_runs,
        placebo_lessons=on_reward.placebo_lessons,
        scored=on_reward.sessions,
        strata_by=strata.by,
        strata=strata.count,
        informative=informative,
        variants=strata.variants,
        split_by=strata.split_by,
        detectable_effect=on_reward.detectable_effect,
        note=power_note(corpus, strata, informative, on_reward.detectable_effect, on_reward.findings),
        wealth=msgspec.structs.replace(after, outcomes=wealth_by_outcome),
        outcomes=outcomes,
        left_out=left_out,
    )


def power_note(
    corpus: Corpus, strata: Strata, informative: int, detectable: float | None, findings: Sequence[Finding]
) -> str:
    """What these sessions cannot tell, the effect that could have been seen, and the one thing to do next."""
    if len(corpus.reward) == 0:
        return "no session has a score, so nothing can be said about what helps; add scores (`reverie score`)"
    if np.ptp(corpus.reward) == 0:
        return f"{NOT_ENOUGH}: all rewards are equal; add scores that differ between good and bad sessions"
    if detectable is None or informative == 0:
        next_step = next_for_repeats(corpus) if not strata.same_task else "run tasks more than once"
        return f"{NOT_ENOUGH}: rewards differ inside {informative} of {strata.count} strata; {next_step}"
    seen = f"nothing below a reward difference of about {min(detectable, 1.0):.2f} could have been found"
    if not strata.same_task and strata.split_by == "nothing":
        why = "no task ids" if next_for_repeats(corpus) == NO_TASK_IDS else "tasks that were run about once"
        return f"{NOT_ENOUGH}: {why}, so what is found stays a candidate, and {seen}; next, {next_for_repeats(corpus)}"
    if detectable > _WORTH_SEEING and (informative < 20 or detectable > 0.3):
        more = _more_runs(len(corpus.reward), informative, detectable)
        if any(finding.verdict == "adopted" for finding in findings):
            return f"what was found is large enough to be seen; {seen}; for the rest, {more}"
        return f"{NOT_ENOUGH}: {informative} of {strata.count} strata are informative, so {seen}; next, {more}"
    return ""


def _more_runs(sessions: int, informative: int, detectable: float) -> str:
    """How often tasks must still be run until an effect of ``_WORTH_SEEING`` would be found."""
    needed = ceil(sessions * ((detectable / _WORTH_SEEING) ** 2 - 1))
    each = max(ceil(needed / max(informative, 1)), 1)
    tasks = "the task" if informative == 1 else f"each of the {informative} tasks"
    return f"run {tasks} about {each} more times: that would show a difference of {_WORTH_SEEING:g}"


def _mine_others(
    everything: Layout, measures: Measures, policy: MiningPolicy, wealth: AlphaWealth
) -> tuple[tuple[OutcomeResult, ...], dict[str, AlphaWealth]]:
    """A result for each outcome besides the reward that the policy asks for, and the wealth of each after it."""
    found, after = [], dict(wealth.outcomes)
    layouts = Layouts(everything, policy)
    for outcome in outcomes_to_mine(policy, measures):
        values = values_of(outcome, everything.corpus, measures)
        known = np.isfinite(values)
        if not known.any():
            note = f"no scored session has a value of {outcome.name}"
            found.append(OutcomeResult(outcome, 0, 0, 0, None, (), note))
            continue
        before = after.get(outcome.name, AlphaWealth())
        result, after[outcome.name] = mine_outcome(layouts.of(outcome, known), outcome, values[known], policy, before)
        found.append(result)
    return tuple(found), after


def mine_outcome(
    layout: Layout, outcome: Outcome, values: Floats, policy: MiningPolicy, wealth: AlphaWealth
) -> tuple[OutcomeResult, AlphaWealth]:
    """What goes with ``values`` (the outcome on its scale), and what its confirmation tests leave of the wealth."""
    corpus, strata, groups = layout.corpus, layout.strata, layout.groups
    results = evaluate_hypotheses(corpus, strata, groups, values, policy, wealth, outcome)
    on_reward = {} if outcome == REWARD else refuse_costly(results, corpus, strata, policy)
    generator = np.random.default_rng(policy.seed)
    placebo = 0
    for _ in range(policy.placebo_runs):
        shuffled = shuffle_within_strata(values, strata, generator)
        placebo += count_adopted(corpus, strata, groups, shuffled, policy, wealth, outcome)
    detectable = detectable_effect(strata, values)
    findings = [*_findings(layout, results, values, on_reward), *find_marks(layout, outcome, values, policy)]
    result = OutcomeResult(
        outcome=outcome,
        sessions=len(values),
        tested=results.tested,
        placebo_lessons=placebo,
        detectable_effect=None if detectable is None else outcome.to_unit(detectable),
        findings=tuple(_in_unit(finding, outcome) for finding in findings),
    )
    adopted = frozenset(claim_label(results, i) for i in results.adopted())
    return result, msgspec.structs.replace(results.wealth, adopted=adopted)


def _findings(
    layout: Layout, results: HypothesisResults, values: Floats, on_reward: dict[int, Estimate | None]
) -> list[Finding]:
    """What is reported, on the outcome's scale, with sessions for and against it."""
    pooled, z = pooled_comparison(layout.groups, values)
    misleading = _misleading(z, results.outcome)
    by_outcome = layout.on(values)
    ranking = rank_sessions(values if results.outcome == REWARD else _rank_within_stratum(layout.strata, values))
    return [
        with_examples(by_outcome, layout.strata, results, i, finding, ranking)
        for i in _reported(results, misleading)
        for finding in (_finding(results, i, float(pooled[i]), bool(misleading[i]), on_reward.get(i)),)
    ]


def _misleading(z: Floats, outcome: Outcome) -> Flags:
    """What a plain comparison would have believed of the reward; nobody compares sessions so on other outcomes."""
    if outcome != REWARD or not len(z):
        return np.zeros(len(z), np.bool_)
    flags: Flags = benjamini_hochberg(2 * normal_sf(np.abs(z))) <= 0.05
    return flags


def _reported(results: HypothesisResults, misleading: Flags) -> list[int]:
    """What was found; of the reward, also what misleads and what was tested, as far as there is room."""
    order = np.argsort(-np.abs(results.discovery.z), kind="stable").tolist()
    place = {i: rank for rank, i in enumerate(order)}
    judged = sorted(results.verdicts, key=lambda i: (_ORDER[results.verdicts[i][0]], place[i]))
    if results.outcome != REWARD:
        return judged
    tested = ~np.isnan(results.q_discovery)
    general = [i for i in order if i not in results.verdicts and not is_special(results.columns[i].hypothesis)]
    claimed = [i for i in general if misleading[i]]
    rest = [i for i in general if not misleading[i] and tested[i]]
    return [*judged, *claimed, *rest][: max(_MOST_REPORTED, len(results.surviving()))]


def _rank_within_stratum(strata: Strata, values: Floats) -> Floats:
    """How well each session did within its stratum and variant, as its rank between 0 and 1."""
    ranks = average_ranks(cleared_reward(strata_design(np.arange(len(values)), strata.code, strata.variant), values))
    return np.asarray(ranks / (len(ranks) + 1.0), np.float64)


def _finding(
    results: HypothesisResults, i: int, pooled: float, misleading: bool, on_reward: Estimate | None
) -> Finding:
    verdict, reason = results.verdicts.get(i) or ("refused", _why_not_found(results, i, pooled, misleading))
    outcome, q = results.outcome, float(results.q_confirmation[i])
    discovery, confirmation = results.quoted(i)
    return Finding(
        hypothesis=results.columns[i].hypothesis,
        verdict=verdict,
        reason=reason if outcome == REWARD else f"{outcome.name}: {reason}",
        naive_effect=pooled,
        naive_significant=misleading,
        discovery=discovery,
        confirmation=confirmation,
        q_discovery=float(np.nan_to_num(results.q_discovery[i], nan=1.0)),
        q_confirmation=None if np.isnan(q) else q,
        shadows=tuple(results.columns[j].hypothesis for j in results.shadows.get(i, [])),
        also=results.also(i) if verdict != "refused" else (),
        form_of=results.class_of(i) if verdict != "refused" else "",
        on_reward=on_reward,
    )


def _why_not_found(results: HypothesisResults, i: int, pooled: float, misleading: bool) -> str:
    strata = int(results.discovery.informative[i])
    claimed = f"pooled over tasks it looks like {pooled:+.2f}, but " if misleading else ""
    if np.isnan(results.q_discovery[i]):
        return f"{claimed}{NOT_ENOUGH}: {strata} strata of the discovery part could inform it"
    effect = float(results.discovery.effect[i])
    q = float(results.q_discovery[i])
    return f"{claimed}within the same task it is {effect:+.2f} (q = {q:.2f}, {strata} informative strata)"


def _in_unit(finding: Finding, outcome: Outcome) -> Finding:
    return msgspec.structs.replace(
        finding,
        naive_effect=outcome.to_unit(finding.naive_effect),
        discovery=outcome.in_unit(finding.discovery) if finding.discovery else None,
        confirmation=outcome.in_unit(finding.confirmation) if finding.confirmation else None,
        windows=tuple(msgspec.structs.replace(w, effect=outcome.to_unit(w.effect)) for w in finding.windows),
    )
