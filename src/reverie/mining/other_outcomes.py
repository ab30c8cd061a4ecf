"""Mining of outcomes besides the reward: seconds, tokens, money and single metrics.

The same tests decide as for the reward: strata, parts, false discovery control, placebo and refusals. Two things are
added. Of an outcome that grows while a session goes on, only choices may be the cause (``mining/decision.py``);
whatever else goes with it is listed as a mark of long sessions. And nothing is adopted that may cost reward: the
interval of the same behaviour's effect on the reward must exclude a loss of more than the least effect that matters,
which is the test of non-inferiority (Piaggio et al. 2012).
"""

import dataclasses

import msgspec
import numpy as np
from scipy import stats

from reverie.mining.decision import SETTING, choices_only, is_choice
from reverie.mining.examples import witnessed
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.frame import Frame, build_frames
from reverie.mining.outcome import REWARD, Measures, Outcome, outcomes_to_mine
from reverie.mining.policy import MiningPolicy
from reverie.mining.selection import NOT_ENOUGH, claim_label, select
from reverie.mining.special import is_special
from reverie.mining.verdicts import Column, Selection
from reverie.statistics.contrast import q_values
from reverie.statistics.corpus import Corpus, Flags, Floats, Strata, first_steps
from reverie.statistics.estimate import Estimates, cleared_reward, estimate, join_estimates, make_design
from reverie.statistics.online import Stream
from reverie.statistics.placebo import detectable_effect, shuffle_within_strata
from reverie.statistics.quantity import Estimate

_MOST_MARKS = 20
_RULE_OF_THREE = 3.0
_MARK = "a mark of long or short sessions: who has more time does more of everything, so only choices are tested"


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
    """Adopted, candidates, refused, and marks of long sessions."""
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """The sessions in which an outcome is known, and their frames."""

    corpus: Corpus
    """Its entries are those that the frames were made of."""
    strata: Strata
    frames: list[Frame]
    growing: list[Frame]
    """Frames of everything that takes time to do, for an outcome that grows: none of it may be its cause."""


def mine_outcomes(
    corpus: Corpus,
    strata: Strata,
    frames: list[Frame],
    measures: Measures,
    policy: MiningPolicy,
    stream: Stream = Stream(),
) -> tuple[tuple[OutcomeResult, ...], dict[str, Stream]]:
    """What separates sessions that took less, or did better on one metric, from others of the same stratum.

    Args:
        corpus: scored sessions; ``strata`` and ``frames`` are those that its reward was mined with.
        measures: parallel to the corpus.
        stream: the store's earlier confirmation tests; those of each outcome are its ``outcomes``.

    Returns:
        A result for each outcome that the policy asks for, and the streams of all outcomes after them.
    """
    results, streams = [], dict(stream.outcomes)
    layouts: dict[tuple[bool, bytes], _Layout] = {}
    for outcome in outcomes_to_mine(policy, measures):
        values = outcome.scaled(measures.values.get(outcome.name, np.full(len(corpus.session_ids), np.nan)))
        known = np.isfinite(values)
        if not known.any():
            note = f"no scored session has a value of {outcome.name}"
            results.append(OutcomeResult(outcome, 0, 0, 0, None, (), note))
            continue
        key = outcome.grows, known.tobytes()
        if key not in layouts:
            layouts[key] = _lay_out(corpus, strata, frames, known, policy, grows=outcome.grows)
        own = streams.get(outcome.name, Stream())
        result, streams[outcome.name] = _mine_one(layouts[key], outcome, values[known], policy, own)
        results.append(result)
    return tuple(results), streams


def compared_on(corpus: Corpus, outcome: Outcome, measures: Measures) -> Corpus:
    """The scored sessions in which ``outcome`` is known, with it on its scale in place of the reward.

    Of an outcome that grows, only choices are kept, as they are what it is compared for.
    """
    if outcome == REWARD:
        return corpus.scored_only()
    scored = np.flatnonzero(~np.isnan(corpus.reward))
    values = outcome.scaled(measures.at(scored).values[outcome.name])
    known = corpus.scored_only()
    known = choices_only(known) if outcome.grows else known
    return dataclasses.replace(known, reward=values).scored_only()


def _lay_out(
    corpus: Corpus, strata: Strata, frames: list[Frame], known: Flags, policy: MiningPolicy, *, grows: bool
) -> _Layout:
    if not known.all():
        corpus, strata = corpus.kept(known), strata.kept(known)
        frames = build_frames(corpus, strata, policy)
    if not grows:
        return _Layout(corpus, strata, frames, [])
    choices = choices_only(corpus)
    chosen = [frame for frame in build_frames(choices, strata, policy) if is_choice(frame.hypotheses[0].situation)]
    rest = [frame for frame in frames if not is_choice(frame.hypotheses[0].situation)]
    return _Layout(choices, strata, chosen, rest)


def _mine_one(
    layout: _Layout, outcome: Outcome, values: Floats, policy: MiningPolicy, stream: Stream
) -> tuple[OutcomeResult, Stream]:
    corpus, strata, frames = layout.corpus, layout.strata, layout.frames
    selection = select(corpus, strata, frames, values, policy, stream, outcome)
    on_reward = _keep_reward(selection, corpus, strata, policy)
    generator = np.random.default_rng(policy.seed)
    placebo = 0
    for _ in range(policy.placebo_runs):
        shuffled = shuffle_within_strata(values, strata, generator)
        placebo += len(select(corpus, strata, frames, shuffled, policy, stream, outcome).adopted())
    detectable = detectable_effect(strata, values)
    result = OutcomeResult(
        outcome=outcome,
        sessions=len(values),
        tested=selection.tested,
        placebo_lessons=placebo,
        detectable_effect=None if detectable is None else outcome.own(detectable),
        findings=(*_findings(layout, selection, values, on_reward), *_marks(layout, outcome, values, policy)),
    )
    adopted = frozenset(claim_label(selection, i) for i in selection.adopted())
    return result, msgspec.structs.replace(selection.stream, adopted=adopted)


def _keep_reward(
    selection: Selection, corpus: Corpus, strata: Strata, policy: MiningPolicy
) -> dict[int, Estimate | None]:
    """Refuse what would be adopted and may cost reward, and say what each finding does to it."""
    told: dict[int, Estimate | None] = {}
    for i, (verdict, _) in list(selection.verdicts.items()):
        told[i] = effect = _effect_on_reward(selection.columns[i], corpus, strata)
        why = _cost(effect, float(np.sign(selection.discovery.effect[i])), policy.least_effect)
        if verdict == "adopted" and why:
            selection.verdicts[i] = ("refused", why)
    return told


def _cost(effect: Estimate | None, direction: float, least_effect: float) -> str:
    """Why following the advice may cost reward, in words; empty where a loss that matters is excluded."""
    if effect is None:
        return f"{NOT_ENOUGH} what it does to the reward, and what may cost reward is no advice"
    low, high = sorted((direction * effect.low, direction * effect.high))
    if low >= -least_effect:
        return ""
    loss = f"{direction * effect.effect:+.2f} ({low:+.2f} to {high:+.2f})"
    if high < 0:
        return f"it is paid for with reward: following it changes the reward by {loss}"
    return f"a loss of more than {least_effect} reward is not excluded: following it changes the reward by {loss}"


def _effect_on_reward(column: Column, corpus: Corpus, strata: Strata) -> Estimate | None:
    """Of the behaviour, among the sessions it was compared in, of both parts: the outcome chose it, not the reward."""
    sessions = np.flatnonzero(column.frame.sessions)
    rows = np.flatnonzero(first_steps(corpus, column.hypothesis.code)[sessions] >= 0).astype(np.int32)
    design = make_design(sessions, strata.code[sessions], strata.variant[sessions], rows, np.zeros_like(rows), 1)
    estimates = estimate(design, corpus.reward[sessions])
    fewest = int(min(estimates.sessions_with[0], estimates.sessions_without[0]))
    told = estimates.at(0) or _no_difference(estimates)
    if told is None or fewest == 0:
        return None
    # What was never seen in n sessions may be as common as 3/n (Hanley & Lippman-Hand 1983): no interval is narrower.
    half = min(_RULE_OF_THREE / fewest, 1.0)
    return msgspec.structs.replace(told, low=min(told.low, told.effect - half), high=max(told.high, told.effect + half))


def _no_difference(estimates: Estimates) -> Estimate | None:
    """The estimate where rewards never differ in the strata compared; None where it is something else that lacks."""
    if estimates.informative[0] > 0:
        return None
    counts = int(estimates.sessions_with[0]), int(estimates.sessions_without[0])
    rewards = float(estimates.reward_with[0]), float(estimates.reward_without[0])
    return Estimate(0.0, 0.0, 0.0, 0.0, 0, *counts, *rewards)


def _findings(
    layout: _Layout, selection: Selection, values: Floats, on_reward: dict[int, Estimate | None]
) -> list[Finding]:
    rank = {"adopted": 0, "candidate": 1, "refused": 2}
    strength = np.abs(selection.discovery.z)
    order = sorted(selection.verdicts, key=lambda i: (rank[selection.verdicts[i][0]], -strength[i]))
    by_outcome = dataclasses.replace(layout.corpus, reward=values)
    standing = _standing(layout.strata, values)
    plain = [_finding(selection, i, values, on_reward[i]) for i in order]
    return [
        _in_own_unit(witnessed(by_outcome, layout.strata, selection, i, finding, standing), selection.outcome)
        for i, finding in zip(order, plain, strict=True)
    ]


def _standing(strata: Strata, values: Floats) -> Floats:
    """How well each session did within its stratum and variant, as its rank between 0 and 1."""
    none = np.zeros(0, np.int32)
    design = make_design(np.arange(len(values)), strata.code, strata.variant, none, none, 0)
    ranks = stats.rankdata(cleared_reward(design, values))
    return np.asarray(ranks / (len(ranks) + 1.0), np.float64)


def _finding(selection: Selection, i: int, values: Floats, on_reward: Estimate | None) -> Finding:
    verdict, reason = selection.verdicts[i]
    q, column = float(selection.q_confirmation[i]), selection.columns[i]
    return Finding(
        hypothesis=column.hypothesis,
        verdict=verdict,
        reason=f"{selection.outcome.name}: {reason}",
        naive_effect=_pooled(column, values),
        naive_significant=False,
        discovery=selection.discovery.at(i, bound=np.inf),
        confirmation=selection.confirmation.at(i, bound=np.inf),
        q_discovery=float(selection.q_discovery[i]),
        q_confirmation=None if np.isnan(q) else q,
        shadows=tuple(selection.columns[j].hypothesis for j in selection.shadows.get(i, [])),
        on_reward=on_reward,
    )


def _pooled(column: Column, values: Floats) -> float:
    """Those with less those without, ignoring strata; of both parts."""
    having = np.zeros(len(values), np.bool_)
    for design in (column.frame.discovery, column.frame.confirmation):
        having[design.sessions[design.entry_row[design.entry_column == column.number]]] = True
    compared = column.frame.sessions
    return float(values[having].mean() - values[compared & ~having].mean())


def _in_own_unit(finding: Finding, outcome: Outcome) -> Finding:
    windows = tuple(msgspec.structs.replace(w, effect=outcome.own(w.effect)) for w in finding.windows)
    return msgspec.structs.replace(
        finding,
        naive_effect=outcome.own(finding.naive_effect),
        discovery=outcome.told(finding.discovery) if finding.discovery else None,
        confirmation=outcome.told(finding.confirmation) if finding.confirmation else None,
        windows=windows,
    )


def _worth_telling(h: Hypothesis) -> bool:
    """General claims; of settings their first value is tested, so that they are no marks."""
    return not is_special(h) and h.name.family != SETTING


def _marks(layout: _Layout, outcome: Outcome, values: Floats, policy: MiningPolicy) -> list[Finding]:
    """What goes with an outcome that grows, and is no choice: long sessions have more of everything."""
    columns = [Column(frame, i) for frame in layout.growing for i in range(len(frame.hypotheses))]
    designs = [frame.discovery for frame in layout.growing]
    estimates = join_estimates([estimate(design, values[design.sessions]) for design in designs])
    testable = estimates.testable(policy.least_weight)
    q = q_values(2 * stats.norm.sf(np.abs(estimates.z)), testable)
    found = np.flatnonzero(
        (np.nan_to_num(q, nan=1.0) <= policy.discovery_fdr)
        & (np.abs(estimates.effect) >= outcome.least_effect(policy))
        & np.array([_worth_telling(column.hypothesis) for column in columns], np.bool_)
    )
    strongest = found[np.argsort(-np.abs(estimates.z[found]), kind="stable")][:_MOST_MARKS]
    return [
        _in_own_unit(
            Finding(
                hypothesis=columns[i].hypothesis,
                verdict="refused",
                reason=f"{outcome.name}: {_MARK}",
                naive_effect=_pooled(columns[i], values),
                naive_significant=False,
                discovery=estimates.at(i, bound=np.inf),
                confirmation=None,
                q_discovery=float(q[i]),
                q_confirmation=None,
            ),
            outcome,
        )
        for i in strongest.tolist()
    ]
