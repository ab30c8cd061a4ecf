"""Which error was met: what is done after *any* error must hold up among sessions that met the same one.

Errors differ in what they cost and in what is done about them. A move that only makes sense after one of them goes with
whatever that error goes with, though nothing comes of the move: the moment, not the choice, then makes the difference.
"""

import numpy as np

from reverie.digests.behaviour_name import AFTER_ERROR
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Codes, Corpus, Flags, Floats, Ints, Strata, first_steps, situation_codes
from reverie.statistics.estimate import cleared_reward, strata_design
from reverie.statistics.joint import robust_fit

_MOST_ERRORS = 10
_LEAST_SHARE_KEPT = 0.5
_EVIDENT_Z = 1.645
"""One-sided 5 %, as where one description is held against another."""


def met_errors(corpus: Corpus) -> list[Flags]:
    """Per kind of error, the sessions whose first error was of this kind; the commonest first, at most ten."""
    codes = situation_codes(corpus)
    if AFTER_ERROR not in codes:
        return []
    first = first_steps(corpus, codes[AFTER_ERROR])
    kinds = [first_steps(corpus, code) for situation, code in codes.items() if situation.error is not None]
    met: list[Flags] = [(first >= 0) & (steps == first) for steps in kinds]
    return sorted((flags for flags in met if flags.any()), key=lambda flags: -int(flags.sum()))[:_MOST_ERRORS]


def refuse_by_error(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """Refuse what is done after any error and does little among sessions that met the same error."""
    judged = [i for i in results.surviving() if results.columns[i].hypothesis.situation == AFTER_ERROR]
    errors = met_errors(corpus) if judged else []
    if len(errors) < 2:
        return
    for i in judged:
        column, words = results.columns[i], results.outcome.format_effect
        sessions = np.flatnonzero(column.group.sessions)
        shown = first_steps(corpus, column.hypothesis.code)[sessions] >= 0
        plain, _ = _effect(strata, sessions, [shown], reward)
        within, error = _effect(strata, sessions, [shown, *(each[sessions] for each in errors)], reward)
        if within / plain < _LEAST_SHARE_KEPT or abs(within) < _EVIDENT_Z * error:
            reason = f"goes with which error was met: among sessions that met the same one it is {words(within)}"
            results.verdicts[i] = ("refused", f"{reason} instead of {words(plain)}")


def _effect(strata: Strata, sessions: Ints, columns: list[Flags], reward: Floats) -> tuple[float, float]:
    """Effect and error of the first column held against the others, within strata."""
    code: Codes = strata.code[sessions]
    design = strata_design(sessions, code, strata.variant[sessions])
    x = np.array([cleared_reward(design, column.astype(np.float64)) for column in columns])
    effect, covariance = robust_fit(x, cleared_reward(design, reward[sessions]))
    return float(effect[0]), float(np.sqrt(covariance[0, 0]))
