"""One planted world, dreamt over: lessons against truths, for this project and for two baselines."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from evaluation.baselines import pooled_lessons, popular_lessons
from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts
from reverie.lessons.lesson import Lesson
from reverie.mining.comparison_group import ComparisonGroup, form_groups
from reverie.mining.finding import Hypothesis
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, form_strata
from reverie.statistics.estimate import Design, estimate
from reverie.testing import worlds
from reverie.testing.worlds.score import in_own_words, own_words, score_lessons, words_of
from reverie.testing.worlds.world import PLANTED_KINDS, Truth, World

MakeWorld = Callable[[int], World]
WORLDS: Mapping[str, MakeWorld] = {
    "plain": worlds.plain_world,
    "sizes": worlds.sizes_world,
    "support-desk": worlds.support_desk,
    "confounded": worlds.confounded_world,
    "variants": worlds.variant_world,
    "flips": worlds.flips_world,
    "shadows": worlds.shadows_world,
    "drift": worlds.drift_world,
    "rare-and-weak": worlds.rare_world,
    "wording": worlds.wording_world,
    "hand-off": worlds.hand_off_world,
    "early-stop": worlds.early_stop_world,
    "graded": worlds.graded_world,
    "missing": worlds.missing_world,
    "incident-desk": worlds.incident_desk_world,
    "data-pipeline": worlds.pipeline_world,
    "tutor": worlds.tutor_world,
    "team": worlds.team_world,
}
NULL_WORLDS: Mapping[str, MakeWorld] = {
    "null": worlds.null_world,
    "null-variants": worlds.null_variant_world,
    "early-stop-null": worlds.early_stop_null_world,
    "team-null": worlds.null_team_world,
}
METHODS = ("reverie", "pooled", "popular")

Count = tuple[int, int]
"""Part and whole."""


class Found(msgspec.Struct, frozen=True):
    """A planted effect, and which methods found it."""

    words: str
    effect: float
    by: tuple[str, ...]


class Marks(msgspec.Struct, frozen=True):
    """How a method's adopted lessons did."""

    right: int
    adopted: int
    false_words: tuple[str, ...]
    """The lessons that are not true, in their own words."""


class WorldRun(msgspec.Struct, frozen=True):
    """What one dream over one world shows of the method."""

    world: str
    seed: int
    sessions: int
    truths: tuple[Found, ...]
    marks: dict[str, Marks]
    """By method."""
    covered_adopted: Count
    """Intervals of adopted lessons in a truth's own words that hold the truth."""
    covered_planted: Count
    """The same over all estimates of planted effects, adopted or not, on either part of the sessions."""
    covered_zero: Count
    """The same over all tested behaviours known to change nothing."""
    placebo: Count
    """Lessons the placebo adopted, and its runs."""
    described: Count
    """Effects found that are told in the best words, and effects found whose words are marked."""
    tested: int
    seconds: float
    """From lines to lessons, without the baselines."""


def run_world(name: str, seed: int, policy: MiningPolicy, sessions: int | None = None) -> WorldRun:
    """Plant the world of that name, dream over it, and mark the lessons.

    ``sessions`` changes the size of worlds that repeat tasks.

    Raises:
        KeyError: no world of that name.
    """
    make = WORLDS[name] if name in WORLDS else NULL_WORLDS[name]
    resize = {} if sessions is None or "variants" in name else {"sessions": sessions}
    world = make(seed, **resize)
    start = time.perf_counter()
    corpus = make_corpus(digest_sessions(world_transcripts(world)))
    dreamt = dream(corpus, policy)
    seconds = time.perf_counter() - start
    lessons = {
        "reverie": dreamt.lessons,
        "pooled": pooled_lessons(corpus, policy),
        "popular": popular_lessons(corpus),
    }
    intervals = list(_intervals(corpus, policy))
    return WorldRun(
        world=name,
        seed=seed,
        sessions=len(corpus.session_ids),
        truths=_found(world.truths, lessons),
        marks={method: _marks(world.truths, said) for method, said in lessons.items()},
        covered_adopted=_covered_adopted(world.truths, dreamt.lessons),
        covered_planted=_covered(_known_estimates(intervals, world)),
        covered_zero=_covered(_zero_estimates(intervals, world)),
        placebo=(dreamt.result.placebo_lessons, dreamt.result.placebo_runs),
        described=score_lessons(world.truths, dreamt.lessons).described,
        tested=dreamt.result.tested,
        seconds=seconds,
    )


def _found(truths: Sequence[Truth], lessons: Mapping[str, Sequence[Lesson]]) -> tuple[Found, ...]:
    planted = [truth for truth in truths if truth.kind in PLANTED_KINDS]
    hits: dict[str, list[bool]] = {}
    for method, said in lessons.items():
        rows = [row for row in score_lessons(truths, said).rows if row.truth is not None]
        hits[method] = [row.verdict == "found" for row in rows if row.truth and row.truth.kind in PLANTED_KINDS]
    return tuple(
        Found(own_words(truth), truth.effect, tuple(method for method in hits if hits[method][i]))
        for i, truth in enumerate(planted)
    )


def _marks(truths: Sequence[Truth], lessons: Sequence[Lesson]) -> Marks:
    adopted = [lesson for lesson in lessons if lesson.status == "adopted"]
    false = tuple(words_of(each) for each in adopted if score_lessons(truths, [each]).false_adopted)
    return Marks(len(adopted) - len(false), len(adopted), false)


def _covered_adopted(truths: Sequence[Truth], lessons: Sequence[Lesson]) -> Count:
    rows = [row for row in score_lessons(truths, lessons).rows if row.verdict == "found"]
    own = [(row.truth, row.lesson) for row in rows if row.truth and row.lesson]
    own = [(truth, lesson) for truth, lesson in own if in_own_words(lesson, truth)]
    return sum(lesson.effect.low <= truth.effect <= lesson.effect.high for truth, lesson in own), len(own)


Interval = tuple[Hypothesis, float, float]
Known = tuple[float, float, float]
"""Lower and upper bound, and the truth."""


def _covered(known: Iterator[Known]) -> Count:
    held = [low <= truth <= high for low, high, truth in known]
    return sum(held), len(held)


def _known_estimates(intervals: Iterable[Interval], world: World) -> Iterator[Known]:
    """Intervals of the planted effects in their own words."""
    planted = {
        (truth.situation, truth.behaviour, truth.task_family): truth.effect
        for truth in world.truths
        if truth.kind in PLANTED_KINDS
    }
    for hypothesis, low, high in intervals:
        effect = planted.get((hypothesis.situation_text, hypothesis.name_text, hypothesis.category))
        if effect is not None:
            yield low, high, effect


def _zero_estimates(intervals: Iterable[Interval], world: World) -> Iterator[Known]:
    """Intervals of effects known to be nothing: of all behaviours where nothing is planted, else of the decoys.

    Where sessions end when solved, most behaviours go with the outcome by their number alone; only decoys count.
    """
    decoys = {(truth.situation, truth.behaviour) for truth in world.truths if truth.kind == "decoy"}
    everything = world.name in ("null", "null-variants", "team-null")
    for hypothesis, low, high in intervals:
        if everything or (hypothesis.category is None and (hypothesis.situation_text, hypothesis.name_text) in decoys):
            yield low, high, 0.0


def _intervals(corpus: Corpus, policy: MiningPolicy) -> Iterator[Interval]:
    """95 % intervals of every hypothesis that enough sessions inform, on each part of the sessions."""
    scored = corpus.scored_only()
    for group in form_groups(scored, form_strata(scored), policy):
        for design in (group.discovery, group.confirmation):
            yield from _design_intervals(scored, group, design, policy)


def _design_intervals(
    corpus: Corpus, group: ComparisonGroup, design: Design, policy: MiningPolicy
) -> Iterator[Interval]:
    estimates = estimate(design, corpus.reward[design.sessions])
    low, high = estimates.interval()
    usable = (estimates.weight >= policy.least_weight) & (estimates.informative >= 2) & (estimates.standard_error > 0)
    for i in np.flatnonzero(usable & np.isfinite(estimates.effect)):
        yield group.hypotheses[i], float(low[i]), float(high[i])


class DriftRun(msgspec.Struct, frozen=True):
    """A lesson that holds in the first half of the time only, and what becomes of it."""

    seed: int
    learnt: bool
    """Adopted by a dream over the first half."""
    kept: bool
    """Adopted by a dream over all of it."""


def run_drift(seed: int, policy: MiningPolicy, sessions: int = 2_000) -> DriftRun:
    """Dream over the first half of the drift world, then, as the same store's second dream, over all of it."""
    world = worlds.drift_world(seed, sessions)
    digested = digest_sessions(world_transcripts(world))
    fading = [_as_cause(truth) for truth in world.truths if truth.kind == "drift"]
    first = dream(make_corpus(digested[: len(digested) // 2]), policy)
    second = dream(make_corpus(digested), policy, first.result.wealth)
    learnt, kept = (score_lessons(fading, dreamt.lessons).recall == 1.0 for dreamt in (first, second))
    return DriftRun(seed, learnt, kept)


def _as_cause(truth: Truth) -> Truth:
    """The drifting truth as the cause it was."""
    return msgspec.structs.replace(truth, kind="cause")
