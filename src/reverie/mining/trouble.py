"""Does a behaviour cause trouble, or come of it? Comparison among sessions that had trouble before."""

from collections.abc import Callable, Sequence

import numpy as np

from reverie.digests.behaviour_name import SESSION
from reverie.statistics.corpus import Codes, Corpus, Flags, Floats, Ints, Observable, Strata, first_steps
from reverie.statistics.estimate import estimate, single_design

_MOSTLY = 0.6
_ALMOST_ALWAYS = 0.9
_LEAST_SHARE_KEPT = 0.5


def is_trouble(names: Sequence[Observable]) -> Flags:
    """Which behaviours are an error or an empty result."""
    return np.array([n.situation == SESSION and n.name.family in ("error", "empty result") for n in names], np.bool_)


def trouble_steps(corpus: Corpus) -> Ints:
    """Per session, the step of its first error or empty result; a number beyond any step where there was none."""
    trouble = is_trouble(corpus.names)
    steps = np.full(len(corpus.session_ids), np.iinfo(np.int32).max, np.int64)
    if trouble.any():
        entries = np.flatnonzero(trouble[corpus.entry_code])
        np.minimum.at(steps, corpus.entry_session[entries], corpus.entry_step[entries])
    return steps


def follows_trouble(
    corpus: Corpus,
    strata: Strata,
    sessions: Ints,
    code: int,
    reward: Floats,
    trouble: Ints,
    format_effect: Callable[[float], str] = "{:+.2f}".format,
) -> str:
    """Why the behaviour is a marker of trouble, in words; empty when it is not.

    It is one when it almost always comes after an error or an empty result: then the question is what to do at that
    moment, and the situations ``after …`` ask it. It also is one when it mostly does, more often than such sessions are
    common, and less than half of its effect is left when sessions with trouble are compared only with each other. A
    behaviour that comes before trouble may cause it and is not adjusted for it. ``format_effect`` puts an
    effect into words.
    """
    first = first_steps(corpus, code)[sessions]
    shown = first >= 0
    had_trouble: Flags = trouble[sessions] < np.iinfo(np.int32).max
    share = float((trouble[sessions] <= first)[shown].mean()) if shown.any() else 0.0
    if share < _MOSTLY or share < 1.5 * float(had_trouble.mean()):
        return ""
    if share >= _ALMOST_ALWAYS:
        return f"a marker of trouble: {share:.0%} came after an error or empty result; it is judged at that moment"
    plain = _effect(strata.code[sessions], strata.variant[sessions], shown, reward[sessions])
    split = strata.code[sessions].astype(np.int64) * 2 + had_trouble
    among_alike = _effect(split, strata.variant[sessions], shown, reward[sessions])
    if among_alike / plain >= _LEAST_SHARE_KEPT:
        return ""
    return (
        f"a marker of trouble: {share:.0%} of the sessions that did it had an error or empty result before, and among "
        f"such sessions the effect is {format_effect(among_alike)} instead of {format_effect(plain)}"
    )


def _effect(stratum: Ints | Codes, variant: Codes, shown: Flags, reward: Floats) -> float:
    design = single_design(np.arange(len(stratum)), stratum.astype(np.int32), variant, shown)
    return float(np.nan_to_num(estimate(design, reward).effect[0]))
