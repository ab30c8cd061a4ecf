"""Sessions that show what a finding claims, and sessions that speak against it."""

import msgspec
import numpy as np

from reverie.mining.fading import holding_windows
from reverie.mining.finding import Finding, Window
from reverie.mining.moves import members_of, others_of
from reverie.mining.setting import setting_of
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Floats, Strata, a_stratum_each_first, first_steps

_MOST = 5


def example_sessions(
    corpus: Corpus, strata: Strata, results: HypothesisResults, i: int, rank: Floats, *, agreeing: bool
) -> tuple[str, ...]:
    """Up to five sessions that showed the behaviour of hypothesis ``i``: those that ended as its effect says, or not.

    ``rank`` is how well each session did, in [0, 1]. One per stratum first, so that a claim does not rest on one
    task; then the rest in the same order.
    """
    column = results.columns[i]
    shown = corpus.entry_session[corpus.entries_of(column.hypothesis.code)]
    shown = shown[column.group.sessions[shown]]
    good = (results.discovery.effect[i] >= 0) == agreeing
    middle = float(np.median(rank)) if len(rank) else 0.5
    middle = min(max(middle, 1e-9), 1 - 1e-9)
    rewards = rank[shown]
    shown = shown[rewards > middle] if good else shown[rewards < middle]
    order = np.lexsort((shown, -rank[shown] if good else rank[shown]))
    ranked = shown[order]
    chosen = ranked[a_stratum_each_first(strata.code[ranked])[:_MOST]]
    return tuple(corpus.session_ids[int(session)] for session in chosen)


def with_examples(
    corpus: Corpus, strata: Strata, results: HypothesisResults, i: int, finding: Finding, rank: Floats
) -> Finding:
    """The finding of hypothesis ``i`` with sessions for and against it, the time it was seen in and what others did.

    The corpus has the outcome for its reward; ``rank`` is how well each session did, in [0, 1].
    """
    column = results.columns[i]
    sessions = np.flatnonzero(column.group.sessions)
    windows: tuple[Window, ...] = ()
    first = last = None
    stands = finding.verdict != "refused"
    if stands and corpus.at is not None:
        code = column.hypothesis.code
        windows = holding_windows(corpus, strata, sessions, code, float(np.sign(results.discovery.effect[i])))
        seen = corpus.at[sessions[(first_steps(corpus, code)[sessions] >= 0) & corpus.dated()[sessions]]]
        first, last = (float(seen.min()), float(seen.max())) if seen.size else (None, None)
    return msgspec.structs.replace(
        finding,
        supporting=example_sessions(corpus, strata, results, i, rank, agreeing=True),
        contrary=example_sessions(corpus, strata, results, i, rank, agreeing=False),
        windows=windows,
        members=members_of(corpus, sessions, column.hypothesis) if stands else (),
        others=others_of(corpus, strata, sessions, column.hypothesis) if stands else (),
        setting=setting_of(corpus, strata, sessions, column.hypothesis),
        first_seen=first,
        last_seen=last,
    )
