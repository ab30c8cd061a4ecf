"""Values that the task determines: no choice, and so no advice.

An argument's value, or any form of a call, is a choice only where it varies among comparable sessions that make the
call. Where it is constant within nearly all strata and differs between them, it says which task it was. "Set `topic` to
`refund`" would then be followed in tasks about something else. What such a value stands for may still be a condition;
that is tested as one of the facts an agent has seen, or as the task's category.
"""

import numpy as np

from reverie.digests.behaviour_name import SESSION, BehaviourName
from reverie.statistics.corpus import Corpus, Flags, Strata, sums

_LEAST_VARYING = 0.15
"""Of the variance of who gave the value, the share within strata below which the task determines it."""
_FORMS = frozenset({"arg", "args", "use"})


def determined_codes(corpus: Corpus, strata: Strata) -> Flags:
    """Which names of the corpus are forms of a call that the task determines.

    Looks at who did what alone, never at rewards, so nothing is used up by it.
    """
    determined = np.zeros(len(corpus.names), np.bool_)
    forms = [code for code, name in enumerate(corpus.names) if name.situation == SESSION and name.name.family in _FORMS]
    callers = _callers(corpus, {_call_of(corpus.names[code].name) for code in forms})
    for code in forms:
        calling = callers[_call_of(corpus.names[code].name)]
        shown = np.zeros(len(corpus.session_ids), np.bool_)
        shown[corpus.entry_session[corpus.entries_of(code)]] = True
        determined[code] = _is_determined(strata, calling | shown, shown)
    return determined


def _call_of(name: BehaviourName) -> str:
    """What all forms of one call have in common: its tool, or the language of its code."""
    return f"{name.construct[0]}:" if name.family == "use" else name.argument.tool


def _callers(corpus: Corpus, calls: set[str]) -> dict[str, Flags]:
    """The sessions that made each call: that called the tool, gave it any argument, or ran code of the language."""
    callers = {call: np.zeros(len(corpus.session_ids), np.bool_) for call in calls}
    for code, observable in enumerate(corpus.names):
        name = observable.name
        if observable.situation != SESSION or name.family not in ("call", *_FORMS):
            continue
        own = name.subject if name.family == "call" else _call_of(name)
        for call in {own, f"{own.partition(':')[0]}:"} & callers.keys():
            callers[call][corpus.entry_session[corpus.entries_of(code)]] = True
    return callers


def _is_determined(strata: Strata, calling: Flags, shown: Flags) -> bool:
    """Whether those of one stratum who made the call nearly all gave the value, or nearly none, and strata differ."""
    sessions = np.flatnonzero(calling)
    stratum = strata.code[sessions]
    n = sums(stratum, np.ones(sessions.size), strata.count)
    several = n >= 2
    n, gave = n[several], sums(stratum, shown[sessions].astype(np.float64), strata.count)[several]
    if n.size < 2:
        return False
    within = float((gave * (n - gave) / np.maximum(n - 1.0, 1.0)).sum())
    share = float(gave.sum() / n.sum())
    return within < _LEAST_VARYING * share * (1.0 - share) * float(n.sum())
