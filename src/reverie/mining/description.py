"""One effect, one description: which of the findings that say the same thing is told.

What an effect is called is a choice of its own. Two kinds of findings say the same thing. *Equal* ones are shown by
nearly the same sessions: no data can tell them apart, so the words that an agent can follow are taken, whatever the
rewards were. *Nested* ones are shown by some of the same sessions (``inspects the schema`` among ``other tool``): the
specific and the remainder of the general one are estimated jointly, and the remainder decides. Only the part of the
sessions that found the specific one is looked at, so the other part's numbers stay untouched by the choice; but what a
wider moment says of other cases is a claim of its own, which the other part confirms.
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import msgspec
import numpy as np

from reverie.digests.behaviour_name import AFTER_ERROR, Situation
from reverie.mining.finding import Hypothesis
from reverie.mining.met_errors import met_errors
from reverie.mining.moves import MOSTLY, members_of
from reverie.mining.preference import ARGUMENTS, CLASSES, GENERAL, VAGUE, Rank, rank_of
from reverie.mining.special import is_special
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Flags, Floats, Strata, first_steps
from reverie.statistics.estimate import cleared_reward, strata_design
from reverie.statistics.joint import robust_fit

NEARLY_ALL = 0.95
"""Of the sessions that either of two findings speaks of: they are equal when both speak of so many."""
_EVIDENT_Z, _DIFFERS_Z = 1.645, 2.576
"""One-sided 5 % and two-sided 1 %: a general act is held against each of its forms in turn."""
_SUBSTANTIAL = 0.1
_ANYWHERE = ("session", "before", "seen")


def choose_descriptions(results: HypothesisResults, corpus: Corpus, strata: Strata, reward: Floats) -> None:
    """Refuse what another finding says better; the one that is told remembers the others.

    A finding gives way only to one whose verdict is at least as good. The widest are looked at first.
    """
    said = [_Said.of(results, i, corpus) for i in results.surviving()]
    said.sort(key=lambda each: (-int(each.shown.sum()), each.rank))
    sessions = corpus, strata, reward
    for settle in (_settle_equal, _settle_slices, _settle_nested_acts, _settle_nested_moments, _settle_opposed):
        for first, second in combinations(said, 2):
            if all(results.verdicts[each.i][0] != "refused" for each in (first, second)):
                settle(results, first, second, sessions)
        if settle is _settle_slices:
            _settle_vague(results, said, sessions)


_Sessions = tuple[Corpus, Strata, Floats]


class _Said(msgspec.Struct, frozen=True):
    """A finding and the sessions it speaks of."""

    i: int
    hypothesis: Hypothesis
    rank: Rank
    shown: Flags
    compared: Flags
    helps: bool

    @classmethod
    def of(cls, results: HypothesisResults, i: int, corpus: Corpus) -> "_Said":
        column = results.columns[i]
        h, compared = column.hypothesis, column.group.sessions
        shown = compared & (first_steps(corpus, h.code) >= 0)
        rank = rank_of(h.situation, h.name, h.kind, h.category)
        return cls(i, h, rank, shown, compared, bool(results.discovery.effect[i] > 0))


def _settle_equal(results: HypothesisResults, first: _Said, second: _Said, _sessions: _Sessions) -> None:
    if first.helps != second.helps or not _comparable(first, second) or not _alike(first.shown, second.shown):
        return
    best, other = sorted((first, second), key=lambda each: each.rank)
    if _no_better(results, other, best):
        results.alike.setdefault(best.i, []).append(other.hypothesis)
        results.alike[best.i] += results.alike.pop(other.i, [])
        _remember_class(results, best, other)
        results.verdicts[other.i] = ("refused", f"the same sessions say it better: {_words(best)}")


def _settle_slices(results: HypothesisResults, first: _Said, second: _Said, _sessions: _Sessions) -> None:
    """What is done at one moment of decision is told there.

    Not as something done anywhere, before something else, or after some fact, unless it does more or less there.
    """
    for whole, part in ((first, second), (second, first)):
        moment, slice_ = whole.hypothesis, part.hypothesis
        wider = slice_.situation == AFTER_ERROR and moment.situation.error is not None
        decided = moment.situation.kind in ("start", "after") and (wider or slice_.situation.kind in _ANYWHERE)
        same = moment.name == slice_.name and moment.category in (None, slice_.category) and whole.helps == part.helps
        if not (decided and same):
            continue
        inside = (whole.shown & part.shown).sum() >= NEARLY_ALL * part.shown.sum()
        if inside and not (is_special(slice_) and _differ(results, whole, part)):
            _give_way(results, part, whole, "is done at one moment, and told there")


def _settle_vague(results: HypothesisResults, said: Sequence[_Said], sessions: _Sessions) -> None:
    """A vague act after any error is told as the acts after each kind of error, where these leave nothing of it."""
    standing = [each for each in said if results.verdicts[each.i][0] != "refused"]
    for vague in standing:
        h = vague.hypothesis
        if h.situation != AFTER_ERROR or h.name.family not in VAGUE:
            continue
        forms = [each for each in standing if _is_form_after_one_error(vague, each)]
        if not forms:
            continue
        told = np.any([form.shown for form in forms], axis=0)
        columns = told, vague.shown & ~told, *_cases(sessions[0], h.situation)
        (_, rest, *_), covariance = _joint(results, vague, columns, vague.compared, sessions)
        if rest < _EVIDENT_Z * np.sqrt(covariance[1, 1]):
            largest = max(forms, key=lambda form: int((form.shown & vague.shown).sum()))
            _give_way(results, vague, largest, "does nothing beyond what is done after each kind of error")


def _is_form_after_one_error(vague: _Said, form: _Said) -> bool:
    h = form.hypothesis
    narrower = h.situation.error is not None and h.name.family not in VAGUE and h.category == vague.hypothesis.category
    return narrower and form.helps == vague.helps and bool((form.shown & vague.shown).sum() >= 0.5 * form.shown.sum())


def _differ(results: HypothesisResults, first: _Said, second: _Said) -> bool:
    """Whether the effects of two findings differ beyond chance where they were found."""
    effect, error = results.discovery.effect, results.discovery.standard_error
    spread = float(np.hypot(error[first.i], error[second.i]))
    return bool(abs(effect[first.i] - effect[second.i]) > _DIFFERS_Z * spread)


def _comparable(first: _Said, second: _Said) -> bool:
    """General claims whatever they are compared with: the rank knows the better comparison. Special ones among equals.

    A special case of a general claim is not the claim, even where only it was seen.
    """
    special = is_special(first.hypothesis), is_special(second.hypothesis)
    return special == (False, False) or (special == (True, True) and _alike(first.compared, second.compared))


def _alike(first: Flags, second: Flags) -> bool:
    return bool((first & second).sum() >= NEARLY_ALL * (first | second).sum())


def _no_better(results: HypothesisResults, loser: _Said, winner: _Said) -> bool:
    return results.verdicts[loser.i][0] != "adopted" or results.verdicts[winner.i][0] == "adopted"


def _settle_nested_acts(results: HypothesisResults, general: _Said, specific: _Said, sessions: _Sessions) -> None:
    """The specific act, unless the remainder has an effect of the same sign that is no smaller beyond chance.

    The remainder of a vague act must show its effect beyond chance: nobody can follow "another tool". A class of
    actions that an agent knows by its name stays while nothing speaks against the remainder. A general act that amounts
    to one form is told as that form all the same.
    """
    g, s = general.hypothesis, specific.hypothesis
    wider = g.name.family in GENERAL and s.name.family not in VAGUE and g.name != s.name
    of_call = g.name.family == "call" and s.name.family in ARGUMENTS and s.name.argument.tool == g.name.subject
    if g.situation != s.situation or not (wider or of_call) or not _holds(general, specific):
        return
    did = specific.shown
    columns = did, general.shown & ~did, *_cases(sessions[0], g.situation)
    (effect, rest, *_), covariance = _joint(results, specific, columns, general.compared, sessions)
    evident = rest > (0.0 if g.name.family in CLASSES else _EVIDENT_Z * np.sqrt(covariance[1, 1]))
    several = not wider or _has_several_forms(sessions[0], general)
    adds = effect - rest > _DIFFERS_Z * _spread(covariance)
    if evident and several and not adds:
        _give_way(results, specific, general, "adds nothing to what it is a form of")
    else:
        _give_way(results, general, specific, "does nothing beyond one form of it")
        _remember_class(results, specific, general)


def _remember_class(results: HypothesisResults, told: _Said, other: _Said) -> None:
    """Keep the name that people have for what is told: ``SHOW`` as a way to inspect the schema."""
    if told.hypothesis.situation == other.hypothesis.situation and other.hypothesis.name.family in CLASSES:
        results.classes[told.i] = other.hypothesis.name_text


def _cases(corpus: Corpus, situation: Situation) -> list[Flags]:
    """Who was in which narrower case of the moment, commonest first: acts and outcomes differ by what is seen."""
    return met_errors(corpus) if situation == AFTER_ERROR else []


def _settle_nested_moments(results: HypothesisResults, general: _Said, specific: _Said, sessions: _Sessions) -> None:
    """The narrower moment where the act does more beyond chance there, the wider where it evidently helps elsewhere.

    What the wider one says of other cases is a claim, and is confirmed like any other on the other part of the
    sessions. What lies between is asked again of all sessions, and else left to the joint fit, which sees all of them.
    """
    g, s = general.hypothesis, specific.hypothesis
    narrower = g.situation == AFTER_ERROR and s.situation.error is not None
    names = {s.name, *(h.name for h in results.also(specific.i) if h.situation == s.situation)}
    if not narrower or g.name not in names or not _holds(general, specific):
        return
    did, moment = specific.shown & general.compared, specific.compared
    columns = did, general.shown & ~did, moment  # the narrower moment is no choice, and costs what it costs
    found_on = _finding_part(results, specific, sessions)
    fitted = partial(_joint, results, specific, columns, general.compared, sessions)
    if _does_more(*fitted()):
        _give_way(results, general, specific, "does nothing beyond one case of it")
    elif _remains(*fitted()) and (found_on.all() or _remains(*fitted(part=~found_on))):
        _give_way(results, specific, general, "is one case of what does as much in others")
    elif _does_more(*fitted(part=np.ones_like(found_on))):
        _give_way(results, general, specific, "does nothing beyond one case of it")


def _does_more(effect: Floats, covariance: Floats) -> bool:
    """Whether the first effect, the specific one's, is larger beyond chance than the second, the remainder's."""
    return bool(effect[0] - effect[1] > _DIFFERS_Z * _spread(covariance))


def _remains(effect: Floats, covariance: Floats) -> bool:
    """Whether the remainder shows its effect beyond chance."""
    return bool(effect[1] > _EVIDENT_Z * np.sqrt(covariance[1, 1]))


def _settle_opposed(results: HypothesisResults, first: _Said, second: _Said, sessions: _Sessions) -> None:
    """At one moment of decision, what not to do is told as what to do where it only says that this was not done."""
    if first.helps == second.helps:
        return
    good, bad = (first, second) if first.helps else (second, first)
    h, left = good.hypothesis, bad.hypothesis
    same_moment = left.situation == h.situation
    wider = left.situation == AFTER_ERROR and h.situation.error is not None
    inside = bool((bad.shown & good.compared).sum() >= NEARLY_ALL * bad.shown.sum())
    if not (same_moment or (wider and inside)):
        return
    if h.situation.kind not in ("start", "after") or h.category != left.category or h.name.family in VAGUE:
        return
    columns = good.shown, bad.shown, *_cases(sessions[0], h.situation)
    (does, harms, *_), covariance = _joint(results, good, columns, good.compared, sessions)
    if does > _EVIDENT_Z * np.sqrt(covariance[0, 0]) and -harms < _EVIDENT_Z * np.sqrt(covariance[1, 1]):
        _give_way(results, bad, good, "is what is done instead of what helps")


def _give_way(results: HypothesisResults, loser: _Said, winner: _Said, why: str) -> None:
    if _no_better(results, loser, winner):
        results.shadows.setdefault(winner.i, []).append(loser.i)
        results.verdicts[loser.i] = ("refused", f"{why}: {_words(winner)}")


def _holds(general: _Said, specific: _Said) -> bool:
    """Whether nearly all sessions that showed the specific finding showed the general one, with the same sign."""
    g, s = general.hypothesis, specific.hypothesis
    if general.helps != specific.helps or g.category != s.category or is_special(g) or is_special(s):
        return False
    return bool((general.shown & specific.shown).sum() >= NEARLY_ALL * specific.shown.sum())


def _finding_part(results: HypothesisResults, decided: _Said, sessions: _Sessions) -> Flags:
    """The sessions that found ``decided``; all where none were kept for confirmation."""
    confirmation = sessions[1].confirmation
    return confirmation if results.cross_screened[decided.i] else ~confirmation


def _joint(
    results: HypothesisResults,
    decided: _Said,
    columns: tuple[Flags, ...],
    compared: Flags,
    sessions: _Sessions,
    part: Flags | None = None,
) -> tuple[Floats, Floats]:
    """The columns' effects held against each other within strata, in the direction of ``decided``; and covariance.

    Among the ``compared`` sessions of ``part``; without one, of the part that found ``decided``.
    """
    _, strata, reward = sessions
    part = _finding_part(results, decided, sessions) if part is None else part
    rows = np.flatnonzero(compared & part)
    design = strata_design(rows, strata.code[rows], strata.variant[rows])
    x = np.array([cleared_reward(design, column[rows].astype(np.float64)) for column in columns])
    effect, covariance = robust_fit(x, cleared_reward(design, reward[rows]))
    return (effect if decided.helps else -effect), covariance


def _spread(covariance: Floats) -> float:
    """Standard error of the first effect less the second."""
    return float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))


def _has_several_forms(corpus: Corpus, general: _Said) -> bool:
    """Whether no form stands for all; of a vague name, two thirds stand for all."""
    shares = [m.share for m in members_of(corpus, np.flatnonzero(general.compared), general.hypothesis)]
    stands_for_all = general.hypothesis.name.family in VAGUE and max(shares, default=0.0) >= MOSTLY
    return sum(share >= _SUBSTANTIAL for share in shares) > 1 and not stands_for_all


def _words(said: _Said) -> str:
    return f"{said.hypothesis.situation_text} | {said.hypothesis.name_text}"
