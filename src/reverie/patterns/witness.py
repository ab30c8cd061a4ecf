"""Sessions that show what a finding claims, and sessions that speak against it."""

import numpy as np

from reverie.patterns.corpus import Corpus, Strata
from reverie.patterns.verdicts import Selection

_MOST = 5


def witnesses(corpus: Corpus, strata: Strata, selection: Selection, i: int, *, agreeing: bool) -> tuple[str, ...]:
    """Up to five sessions that showed the behaviour of hypothesis ``i``: those that ended as its effect says, or not.

    One per stratum first, so that a claim does not rest on one task; then the rest in the same order.
    """
    column = selection.columns[i]
    shown = corpus.entry_session[corpus.entries_of(column.hypothesis.code)]
    shown = shown[column.frame.sessions[shown]]
    good = (selection.discovery.effect[i] >= 0) == agreeing
    middle = float(np.median(corpus.reward)) if len(corpus.reward) else 0.5
    middle = min(max(middle, 1e-9), 1 - 1e-9)
    rewards = corpus.reward[shown]
    shown = shown[rewards > middle] if good else shown[rewards < middle]
    order = np.lexsort((shown, -corpus.reward[shown] if good else corpus.reward[shown]))
    ranked = shown[order]
    _, first = np.unique(strata.code[ranked], return_index=True)
    leaders = np.sort(first)
    others = np.setdiff1d(np.arange(len(ranked)), leaders)
    chosen = np.concatenate([leaders, others])[:_MOST]
    return tuple(corpus.session_ids[int(ranked[k])] for k in chosen)
