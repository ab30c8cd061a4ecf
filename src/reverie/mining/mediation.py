"""Effects through a later choice: what pays only by what is decided in consequence of it.

If calling a tool that fails by design leads to a recovery that helps, the call looks helpful. Its *controlled direct
effect*, with the later choice held fixed at not being made, tells. It is estimated by sequential g-estimation
(Vansteelandt 2009; Acharya, Blackwell & Sen 2016): the later choice's effect is taken where that choice is made, among
sessions at its moment, and is subtracted from the outcome of those that made it; what is left of the earlier choice's
effect is its own. Holding the moment itself fixed would not do: it comes of the earlier choice, and of other things.
"""

import numpy as np

from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Flags, Floats, Ints, Strata, first_steps, situation_codes
from reverie.statistics.estimate import estimate, single_design

_NEARLY_ALL, _LEAST_SESSIONS = 0.9, 10
_LEAST_SHARE_KEPT = 0.5
_BEYOND_CHANCE = 2.326


def refuse_mediated(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """Refuse what has an effect only through a later choice that stands as a finding of its own."""
    surviving = results.surviving()
    # A moment after something is where a consequence is met; what was decided there before is told by itself.
    later = [i for i in surviving if results.columns[i].hypothesis.situation.kind == "after"]
    # Many decisions are made at one moment.
    moments, codes = {}, situation_codes(corpus)
    for situation in {results.columns[i].hypothesis.situation for i in later}:
        if situation in codes:
            moments[situation] = first_steps(corpus, codes[situation])
    for i in surviving:
        made = first_steps(corpus, results.columns[i].hypothesis.code)
        first = {situation for situation, came in moments.items() if _comes_first(made, came)}
        for decision in later:
            if results.columns[decision].hypothesis.situation in first and results.verdicts[i][0] != "refused":
                _judge(results, i, decision, corpus, strata, reward)


def _comes_first(made: Ints, came: Ints) -> bool:
    """Whether of the sessions that came to the later decision's moment and made the choice, nearly all made it before.

    ``made`` are the choice's steps, ``came`` those of the moment. Whether the moment came of the choice need not be
    asked: what is no consequence leaves the choice's effect as it is.
    """
    both = (came >= 0) & (made >= 0)
    return bool(both.sum() >= _LEAST_SESSIONS and (made < came)[both].mean() >= _NEARLY_ALL)


def _judge(results: HypothesisResults, i: int, decision: int, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    column, later = results.columns[i], results.columns[decision]
    sessions = np.flatnonzero(column.group.sessions)
    shown = first_steps(corpus, column.hypothesis.code)[sessions] >= 0
    chose = (first_steps(corpus, later.hypothesis.code) >= 0) & later.group.sessions
    there = np.flatnonzero(later.group.sessions)
    owed, owed_error = _effect(strata, there, chose[there], reward)
    total, _ = _effect(strata, sessions, shown, reward)
    left, error = _effect(strata, sessions, shown, reward - np.nan_to_num(owed) * chose)
    if not np.isfinite(total) or not np.isfinite(error) or left / total >= _LEAST_SHARE_KEPT:
        return
    # What the later choice is worth is itself estimated; it counts as often as it follows.
    error = float(np.hypot(error, np.nan_to_num(owed_error) * chose[sessions][shown].mean()))
    h, words = later.hypothesis, results.outcome.format_effect
    against = left * np.sign(total) < -_BEYOND_CHANCE * error
    why = "pays only with a later choice" if against else "has its effect through a later choice"
    results.shadows.setdefault(decision, []).append(i)
    results.verdicts[i] = (
        "refused",
        f"{why}: {words(total)}, but {words(left)} without {h.situation_text} | {h.name_text}",
    )


def _effect(strata: Strata, sessions: Ints, shown: Flags, reward: Floats) -> tuple[float, float]:
    estimates = estimate(
        single_design(sessions, strata.code[sessions], strata.variant[sessions], shown), reward[sessions]
    )
    return float(estimates.effect[0]), float(estimates.standard_error[0])
