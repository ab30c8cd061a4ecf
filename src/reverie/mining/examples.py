"""Sessions that show what a finding claims, and sessions that speak against it."""

from dataclasses import dataclass

import msgspec
import numpy as np

from reverie.mining.fading import holding_windows
from reverie.mining.finding import Finding, Window
from reverie.mining.moves import members_of, others_of
from reverie.mining.setting import setting_of
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Floats, Strata, a_stratum_each_first, first_steps

_MOST = 5


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How well each session did."""

    rank: Floats
    """In [0, 1]."""
    middle: float
    """Above it a session did well, below it badly."""


def rank_sessions(rank: Floats) -> Ranking:
    """The ranking with its middle, which is within (0, 1)."""
    middle = float(np.median(rank)) if len(rank) else 0.5
    return Ranking(rank, min(max(middle, 1e-9), 1 - 1e-9))


def example_sessions(
    corpus: Corpus, strata: Strata, results: HypothesisResults, i: int, ranking: Ranking, *, agreeing: bool
) -> tuple[str, ...]:
    """Up to five sessions that showed the behaviour of hypothesis ``i``: those that ended as its effect says, or not.

    One per stratum first, so that a claim does not rest on one task; then the rest in the same order.
    """
    column = results.columns[i]
    shown = corpus.entry_session[corpus.entries_of(column.hypothesis.code)]
    shown = shown[column.group.sessions[shown]]
    good = (results.discovery.effect[i] >= 0) == agreeing
    rank, middle = ranking.rank, ranking.middle
    rewards = rank[shown]
    shown = shown[rewards > middle] if good else shown[rewards < middle]
    order = np.lexsort((shown, -rank[shown] if good else rank[shown]))
    ranked = shown[order]
    chosen = ranked[a_stratum_each_first(strata.code[ranked])[:_MOST]]
    return tuple(corpus.session_ids[int(session)] for session in chosen)


def with_examples(
    corpus: Corpus, strata: Strata, results: HypothesisResults, i: int, finding: Finding, ranking: Ranking
) -> Finding:
    """The finding of hypothesis ``i`` with sessions for and against it, the time it was seen in and what others did.

    The corpus has the outcome for its reward.
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
        supporting=example_sessions(corpus, strata, results, i, ranking, agreeing=True),
        contrary=example_sessions(corpus, strata, results, i, ranking, agreeing=False),
        windows=windows,
        members=members_of(corpus, sessions, column.hypothesis) if stands else (),
        others=others_of(corpus, strata, sessions, column.hypothesis) if stands else (),
        setting=setting_of(corpus, strata, sessions, column.hypothesis),
        first_seen=first,
        last_seen=last,
    )
