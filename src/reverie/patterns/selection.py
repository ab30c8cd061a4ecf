"""From estimates to verdicts: discovery, confirmation, and the three ways a true difference can still mislead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import stats

from reverie.digests.digest import SESSION
from reverie.patterns.corpus import Corpus, Flags, Floats, Ints, Strata, first_steps
from reverie.patterns.estimate import (
    Design,
    Estimates,
    choose_estimates,
    cleared_reward,
    estimate,
    join_estimates,
    make_design,
)
from reverie.patterns.exact import exact_z
from reverie.patterns.fading import faded
from reverie.patterns.finding import Hypothesis, Verdict
from reverie.patterns.frame import Frame
from reverie.patterns.joint import Comparison, explain_away
from reverie.patterns.online import Stream, run_claims
from reverie.patterns.policy import MiningPolicy
from reverie.patterns.special import describe_flip, general_claim, is_special, special_case, special_families
from reverie.patterns.timing import timing_z
from reverie.patterns.trouble import follows_trouble, trouble_steps

_SMALL_ARM = 25
_LEAST_TIMING_Z = 1.645
_LEAST_EXPECTED, _MOST_TOGETHER = 10.0, 0.1
"""Two findings exclude each other when at most a tenth of the sessions expected to show both do, of ten or more."""
_LEAST_SPECIAL_Z = 1.28
"""What a special case must show by itself once its family is known to differ; general claims are beyond it anyway."""

_PRIOR_WEIGHT = {"choice": 4.0, "sequence": 1.0, "manner": 1.0, "marker": 1.0}
"""Relative weight of a kind of behaviour in the false discovery control; chosen before any data."""

_DIRECTIONS = 2
"""Found on the first part and confirmed on the second, or the other way round."""

NOT_ENOUGH = "not enough repeats to tell"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Where a hypothesis lives: its frame and its column in the frame's designs."""

    frame: Frame
    number: int

    @property
    def hypothesis(self) -> Hypothesis:
        return self.frame.hypotheses[self.number]


@dataclass(slots=True, eq=False)
class Selection:
    """Verdicts on all hypotheses; arrays are parallel to ``columns``."""

    columns: list[Column]
    discovery: Estimates
    confirmation: Estimates
    crossed: Flags
    """Found on the part kept for confirmation and tested on the other one."""
    tested: int
    """Hypotheses and families of special cases that enough sessions could inform."""
    q_discovery: Floats
    """NaN where it was not tested."""
    q_confirmation: Floats
    """NaN where it never reached confirmation."""
    verdicts: dict[int, tuple[Verdict, str]] = field(default_factory=dict)
    """Only those that were found in the discovery part."""
    shadows: dict[int, list[int]] = field(default_factory=dict)
    stream: Stream = Stream()
    """The confirmation tests of all dreams, after this one."""

    def adopted(self) -> list[int]:
        """Positions of the adopted hypotheses."""
        return [i for i, (verdict, _) in self.verdicts.items() if verdict == "adopted"]


def select(
    corpus: Corpus,
    strata: Strata,
    frames: list[Frame],
    reward: Floats,
    policy: MiningPolicy,
    stream: Stream = Stream(),
) -> Selection:
    """Test every hypothesis of ``frames`` with these rewards (real or shuffled) and judge it.

    1. Discovery on one part of the sessions: stratified tests of the general claims, Benjamini–Hochberg (1995) over all
       of them, with weights fixed beforehand that favour what an agent can decide (Genovese, Roeder & Wasserman 2006);
       special cases (in one task category, after one fact was seen) only where a claim's effect differs between them.
    2. Confirmation: what was found is tested again, one-sided, on the other part; controlled within this dream, and
       over all dreams of the store (``stream``). What the first part did not find may be found on the second and
       confirmed on the first, half of the error rate each way (cross-screening, Zhao, Small & Rosenbaum 2018). A claim
       has one direction only, and its quoted effect is from the part that did not find it.
    3. Refused all the same: markers; effects that flip between task categories; differences that vanish when
       sessions are compared step by step; what comes of trouble; what has faded; shadows of stronger findings.
    """
    generator = np.random.default_rng(policy.seed)
    columns = [Column(frame, i) for frame in frames for i in range(len(frame.hypotheses))]
    first = _estimates([frame.discovery for frame in frames], reward, generator)
    second = _estimates([frame.confirmation for frame in frames], reward, generator)
    q_first, tested = _discover(columns, first, policy)
    q_second, _ = _discover(columns, second, policy)
    crossed = ~_found(first, q_first, policy) & _found(second, q_second, policy)
    selection = Selection(
        columns=columns,
        discovery=choose_estimates(crossed, second, first),
        confirmation=choose_estimates(crossed, first, second),
        crossed=crossed,
        tested=tested,
        q_discovery=np.where(crossed, q_second, q_first),
        q_confirmation=np.full(len(columns), np.nan),
    )
    _confirm(selection, policy, stream)
    _refuse_markers(selection)
    _refuse_flips(selection, policy)
    _refuse_by_timing(selection, corpus, strata, reward)
    _refuse_followers(selection, corpus, strata, reward)
    _refuse_shadows(selection, corpus, strata, reward, policy)
    _refuse_alternatives(selection, corpus, strata, reward)
    # After the shadows: what only goes with a faded finding must not come back under its own name.
    _refuse_faded(selection, corpus, strata, reward)
    return selection


def _discover(columns: Sequence[Column], estimates: Estimates, policy: MiningPolicy) -> tuple[Floats, int]:
    """False discovery rates on one part of the sessions (NaN where not tested), and how many tests were made."""
    testable = _testable(estimates, policy)
    general = testable & ~np.array([is_special(column.hypothesis) for column in columns], np.bool_)
    q = np.full(len(columns), np.nan)
    if general.any():
        prior = np.array([_PRIOR_WEIGHT[columns[i].hypothesis.kind] for i in np.flatnonzero(general).tolist()])
        p_values = 2 * stats.norm.sf(np.abs(estimates.z[general])) * prior.mean() / prior
        q[general] = stats.false_discovery_control(np.minimum(p_values, 1.0))
    special = testable & ~general & (estimates.weight >= policy.least_special_weight)
    families = special_families([column.hypothesis for column in columns], estimates, special)
    if families:
        differs = stats.false_discovery_control([family.p_value for family in families])
        for family, q_family in zip(families, differs, strict=True):
            q[list(family.members)] = q_family
    return q, int(general.sum()) + len(families)


def _found(estimates: Estimates, q: Floats, policy: MiningPolicy) -> Flags:
    flags: Flags = (
        (np.nan_to_num(q, nan=1.0) <= policy.discovery_fdr)
        & (np.abs(estimates.z) >= _LEAST_SPECIAL_Z)
        & (np.abs(estimates.effect) >= policy.least_effect)
    )
    return flags


def _testable(estimates: Estimates, policy: MiningPolicy) -> Flags:
    flags: Flags = (
        (estimates.weight >= policy.least_weight)
        & (estimates.informative >= 2)
        & (estimates.degrees >= 1)
        & np.isfinite(estimates.effect)
        & (estimates.standard_error > 0)
    )
    return flags


def _estimates(designs: list[Design], reward: Floats, generator: np.random.Generator) -> Estimates:
    blocks = []
    for design in designs:
        rewards = reward[design.sessions]
        block = estimate(design, rewards)
        if design.variants == 1:
            _sharpen_small_samples(design, rewards, block, generator)
        blocks.append(block)
    return join_estimates(blocks)


def _sharpen_small_samples(design: Design, rewards: Floats, block: Estimates, generator: np.random.Generator) -> None:
    """Replace z by the exact test's where few sessions decide and the approximation says it might matter."""
    few = np.minimum(block.sessions_with, block.sessions_without) < _SMALL_ARM
    for column in np.flatnonzero(few & (np.abs(block.z) > _LEAST_TIMING_Z)):
        block.z[column] = exact_z(design, rewards, int(column), generator)


def _confirm(selection: Selection, policy: MiningPolicy, stream: Stream) -> None:
    """Test what was found on the part that did not find it.

    Each direction keeps half of the false discovery rate, so that the rate over both is kept whatever their dependence.
    """
    found = _found(selection.discovery, selection.q_discovery, policy)
    there = found & _testable(selection.confirmation, policy)
    p_values = stats.norm.sf(selection.confirmation.z * np.sign(selection.discovery.effect))
    order: list[int] = []
    for direction in (there & ~selection.crossed, there & selection.crossed):
        members = np.flatnonzero(direction)
        if members.size:
            q = _DIRECTIONS * _adaptive_q(p_values[members])
            selection.q_confirmation[members] = np.minimum(q, 1.0)
        order += members[np.argsort(-np.abs(selection.discovery.z[members]), kind="stable")].tolist()
    claims = [claim_label(selection, i) for i in order]
    verdicts, selection.stream = run_claims(stream, claims, p_values[order].tolist(), policy.online_fdr)
    passes = dict(zip(order, verdicts, strict=True))
    for i in np.flatnonzero(found).tolist():
        selection.verdicts[i] = _verdict(selection, i, policy, in_stream=passes.get(i, True))


def _adaptive_q(p_values: Floats) -> Floats:
    """Benjamini–Hochberg with the share of nulls estimated from p-values above 1/2 (Storey, Taylor & Siegmund 2004).

    What was found once is mostly true, so taking all of it for null would be several times too strict.
    """
    nulls = min((1 + int((p_values > 0.5).sum())) / (0.5 * len(p_values)), 1.0)
    return np.asarray(nulls * stats.false_discovery_control(p_values), np.float64)


def claim_label(selection: Selection, i: int) -> str:
    """What hypothesis ``i`` claims, in one line: condition, situation, behaviour and direction."""
    h = selection.columns[i].hypothesis
    direction = "helps" if selection.discovery.effect[i] >= 0 else "harms"
    return f"{h.category or ''} | {h.situation} | {h.name} {direction}"


def _verdict(selection: Selection, i: int, policy: MiningPolicy, *, in_stream: bool) -> tuple[Verdict, str]:
    effect, q = float(selection.discovery.effect[i]), float(selection.q_discovery[i])
    if np.isnan(selection.q_confirmation[i]):
        return "candidate", f"found ({q_text(q)}), but {NOT_ENOUGH} on the sessions kept for confirmation"
    confirmed, q_confirmed = float(selection.confirmation.effect[i]), float(selection.q_confirmation[i])
    if np.sign(confirmed) != np.sign(effect):
        return "refused", f"found ({effect:+.2f}), but reversed on other sessions ({confirmed:+.2f})"
    if q_confirmed > policy.confirmation_fdr:
        return "candidate", f"found ({q_text(q)}), not yet confirmed on other sessions ({q_text(q_confirmed)})"
    if not in_stream:
        found = f"found ({q_text(q)}) and confirmed in this dream ({q_text(q_confirmed)})"
        return "candidate", f"{found}, but not beyond the control over all dreams of the store: more sessions will tell"
    if abs(confirmed) < policy.least_effect:
        return (
            "refused",
            f"confirmed, but {confirmed:+.3f} is below the least effect that matters, {policy.least_effect}",
        )
    return "adopted", f"found ({q_text(q)}) and confirmed on other sessions ({q_text(q_confirmed)})"


def q_text(q: float) -> str:
    """A false discovery rate for people."""
    return f"q = {q:.3f}" if q >= 0.001 else "q < 0.001"


def _alive(selection: Selection) -> list[int]:
    return [i for i, (verdict, _) in selection.verdicts.items() if verdict != "refused"]


def _refuse_markers(selection: Selection) -> None:
    for i in _alive(selection):
        if selection.columns[i].hypothesis.kind == "marker":
            reason = "a marker of trouble: it follows how the session is going, so it is no advice"
            selection.verdicts[i] = ("refused", reason)


def _refuse_flips(selection: Selection, policy: MiningPolicy) -> None:
    """A general claim whose effect has opposite signs in its special cases is refused; those stand or fall alone."""
    hypotheses = [column.hypothesis for column in selection.columns]
    cases: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}
    for i, h in enumerate(hypotheses):
        if is_special(h):
            cases.setdefault(general_claim(h), {})[special_case(h)] = _combined(selection, i, policy)
    alive = [i for i in _alive(selection) if not is_special(hypotheses[i])]
    for i in alive:
        flip = describe_flip(cases.get((hypotheses[i].situation, hypotheses[i].name), {}), len(alive))
        if flip:
            selection.verdicts[i] = ("refused", f"the effect flips with the condition ({flip}): see each by itself")


def _combined(selection: Selection, i: int, policy: MiningPolicy) -> tuple[float, float]:
    """Effect and standard error over those parts of the sessions that can tell, weighted by inverse variance."""
    pairs = [
        (float(e.effect[i]), float(e.standard_error[i]))
        for e in (selection.discovery, selection.confirmation)
        if e.weight[i] >= policy.least_special_weight and e.standard_error[i] > 0
    ]
    if not pairs:
        return 0.0, np.inf
    weight = sum(1 / error**2 for _, error in pairs)
    return sum(effect / error**2 for effect, error in pairs) / weight, weight**-0.5


def _refuse_by_timing(selection: Selection, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """Behaviours counted anywhere in a session must also hold up when sessions are compared at the same step."""
    for i in _alive(selection):
        if not _is_anywhere(selection, i):
            continue
        z = _timing(selection, i, corpus, strata, reward, np.flatnonzero(selection.columns[i].frame.sessions))
        if z < _LEAST_TIMING_Z:
            reason = (
                f"vanishes when sessions are compared at the same step (z = {z:.1f}): a mark of long or short sessions"
            )
            selection.verdicts[i] = ("refused", reason)


def _is_anywhere(selection: Selection, i: int) -> bool:
    situation = selection.columns[i].hypothesis.situation
    return situation == SESSION or situation.startswith("seen ")


def _timing(selection: Selection, i: int, corpus: Corpus, strata: Strata, reward: Floats, sessions: Ints) -> float:
    """How far beyond chance, in its direction, hypothesis ``i`` is among ``sessions`` compared at the same step."""
    first = first_steps(corpus, selection.columns[i].hypothesis.code)[sessions]
    last = np.maximum(corpus.steps[sessions].astype(np.int64) - 1, 0)
    cleared = _clearing(strata, sessions)(reward[sessions])
    return timing_z(strata.code[sessions], cleared, first, last) * float(np.sign(selection.discovery.effect[i]))


def _refuse_alternatives(selection: Selection, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """What is done only where a stronger finding was not must hold up, at the same step, among such sessions alone.

    Otherwise it merely says that the stronger one was left out.
    """
    alive = sorted(_alive(selection), key=lambda i: -_strength(selection, i))
    for position, i in enumerate(alive):
        compared = selection.columns[i].frame.sessions
        shown = compared & (first_steps(corpus, selection.columns[i].hypothesis.code) >= 0)
        for leader in alive[:position] if _is_anywhere(selection, i) else ():
            leading = first_steps(corpus, selection.columns[leader].hypothesis.code) >= 0
            together, expected = (shown & leading).sum(), shown.sum() * leading[compared].mean()
            if expected < _LEAST_EXPECTED or together > _MOST_TOGETHER * expected:
                continue
            z = _timing(selection, i, corpus, strata, reward, np.flatnonzero(compared & ~leading))
            if z < _LEAST_TIMING_Z:
                reason = f"done instead of a stronger finding; where that was left out it changes nothing (z = {z:.1f})"
                _explain(selection, i, leader, reason)
                break


def _explain(selection: Selection, i: int, by: int, reason: str) -> None:
    selection.shadows.setdefault(by, []).append(i)
    h = selection.columns[by].hypothesis
    selection.verdicts[i] = ("refused", f"{reason}: {h.situation} | {h.name}")


def _strength(selection: Selection, i: int) -> float:
    return float(abs(selection.discovery.z[i]) + abs(selection.confirmation.z[i]))


def _refuse_followers(selection: Selection, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    trouble = trouble_steps(corpus)
    for i in _alive(selection):
        column = selection.columns[i]
        if column.hypothesis.situation.startswith("after "):
            continue
        sessions = np.flatnonzero(column.frame.sessions)
        reason = follows_trouble(corpus, strata, sessions, column.hypothesis.code, reward, trouble)
        if reason:
            selection.verdicts[i] = ("refused", reason)


def _refuse_faded(selection: Selection, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    alive = _alive(selection)
    if corpus.at is None or not alive or np.ptp(corpus.at) == 0:
        return
    for i in alive:
        column = selection.columns[i]
        sessions = np.flatnonzero(column.frame.sessions)
        reason = faded(
            sessions,
            strata.code[sessions],
            strata.variant[sessions],
            first_steps(corpus, column.hypothesis.code)[sessions] >= 0,
            reward[sessions],
            corpus.at[sessions],
        )
        if reason:
            selection.verdicts[i] = ("refused", reason)


def _comparisons(selection: Selection, alive: list[int], corpus: Corpus, strata: Strata) -> list[Comparison]:
    """The hypotheses ``alive`` with the sessions they compare, frame by frame."""
    by_frame: dict[int, list[int]] = {}
    for position, i in enumerate(alive):
        by_frame.setdefault(id(selection.columns[i].frame), []).append(position)
    comparisons = []
    for positions in by_frame.values():
        sessions = np.flatnonzero(selection.columns[alive[positions[0]]].frame.sessions)
        clear = _clearing(strata, sessions)
        codes = [selection.columns[alive[position]].hypothesis.code for position in positions]
        shown = [(first_steps(corpus, code)[sessions] >= 0).astype(np.float64) for code in codes]
        columns = np.array([clear(each) for each in shown])
        comparisons.append(Comparison(np.array(positions, np.int64), sessions, columns, clear))
    return comparisons


def _clearing(strata: Strata, sessions: Ints) -> Callable[[Floats], Floats]:
    """What takes from values of ``sessions`` whatever their strata explain."""
    none = np.zeros(0, np.int32)
    return partial(
        cleared_reward, make_design(sessions, strata.code[sessions], strata.variant[sessions], none, none, 0)
    )


def _refuse_shadows(selection: Selection, corpus: Corpus, strata: Strata, reward: Floats, policy: MiningPolicy) -> None:
    alive = sorted(_alive(selection), key=lambda i: -_strength(selection, i))
    for i in alive[policy.most_findings :]:
        reason = f"weaker than {policy.most_findings} others found with it: it waits for those to be settled"
        selection.verdicts[i] = ("refused", reason)
    alive = alive[: policy.most_findings]
    if not alive:
        return
    comparisons = _comparisons(selection, alive, corpus, strata)
    preference = np.array([_preference(selection, i) for i in alive])
    fit = explain_away(comparisons, _clearing(strata, np.arange(len(reward)))(reward), preference)
    for position in fit.too_weak:
        reason = "too weak to stand beside the stronger findings once they are taken into account"
        selection.verdicts[alive[position]] = ("refused", reason)
    for position, leader in fit.shadow_of.items():
        _explain(selection, alive[position], alive[leader], "explained by a stronger finding it goes with")


_KIND_PREFERENCE = {"choice": 1.0, "sequence": 0.99, "manner": 0.98}


def _preference(selection: Selection, i: int) -> float:
    """Confirmed before unconfirmed; then the deciding moment, the general claim, an act, "do" rather than "do not"."""
    h = selection.columns[i].hypothesis
    preference = _KIND_PREFERENCE[h.kind] * (1.0 if selection.verdicts[i][0] == "adopted" else 0.5)
    if selection.discovery.effect[i] > 0:
        preference *= 1.01
    if is_special(h):
        return preference * 0.95
    return preference if h.situation == SESSION else preference * 1.03
