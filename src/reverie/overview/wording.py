"""Wording that goes with satisfaction: phrases of the agent's first messages against reward and the user's mood.

What an agent writes last reflects how the session went ("you are all set"), so only a session's first messages are
read, and never its last one. A phrase is found on one part of the sessions and confirmed on the other, within strata.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse, stats
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from reverie.overview.overview import Outcome, PhraseEffect, Wordings
from reverie.overview.table import SessionTable, examples
from reverie.statistics.contrast import Contrasts, contrast, design_of, q_values
from reverie.statistics.corpus import Floats, Ints

_FIRST_MESSAGES = 3
_LEAST_SESSIONS = 20
_MOST_PHRASES = 4_000
_TERM = r"(?u)\b[^\W\d_][^\W\d_]+\b|\b[iI]\b"
_DISCOVERY_FDR, _FDR = 0.1, 0.05
_SAME_SESSIONS = 0.8
_MOST_REPORTED = 20
_SEED = 20_260_105


def sessions_to_read(table: SessionTable, most: int = 4_000) -> Ints:
    """Positions of the sessions whose texts inform most: of strata in which rewards differ, whole strata at a time."""
    scored = np.flatnonzero(~np.isnan(table.reward))
    code, reward = table.strata.code[scored], table.reward[scored]
    count = table.strata.count
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, code, reward)
    np.maximum.at(high, code, reward)
    telling = np.flatnonzero(high > low)
    telling = np.random.default_rng(_SEED).permutation(telling)
    sizes = np.cumsum(np.bincount(code, minlength=count)[telling])
    chosen = np.zeros(count, np.bool_)
    chosen[telling[: max(int(np.searchsorted(sizes, most, side="right")), 1)]] = True
    return scored[chosen[code]][:most]


def find_wordings(table: SessionTable, texts: Iterable[tuple[int, Sequence[str]]]) -> Wordings:
    """Phrases of one to three words that go with reward, or with how the user feels at the end.

    Args:
        texts: session position and the agent's messages in order; each session once.
    """
    early = [(position, "\n".join(messages[:-1][:_FIRST_MESSAGES])) for position, messages in texts]
    read = sorted((position, text) for position, text in early if text)
    if len(read) < 2 * _LEAST_SESSIONS:
        return Wordings((), len(read), 0, "not enough sessions to tell")
    sessions = np.array([position for position, _ in read], np.int64)
    phrases, has = _phrases([text for _, text in read])
    mood = (table.signals.sentiment_last + 1) / 2
    found = [
        *_confirmed(table, sessions, phrases, has, table.reward, "reward"),
        *_confirmed(table, sessions, phrases, has, mood, "user mood"),
    ]
    return Wordings(tuple(found), len(read), len(phrases))


def _phrases(texts: Sequence[str]) -> tuple[list[str], sparse.csc_matrix]:
    """Phrases that enough sessions have, and which ones (sessions × phrases)."""
    vectorizer = CountVectorizer(
        binary=True, ngram_range=(1, 3), token_pattern=_TERM, min_df=_LEAST_SESSIONS, max_df=0.9,
        max_features=_MOST_PHRASES,
    )  # fmt: skip
    try:
        has = vectorizer.fit_transform(texts)
    except ValueError:  # no phrase is common enough
        return [], sparse.csc_matrix((len(texts), 0))
    phrases: list[str] = vectorizer.get_feature_names_out().tolist()
    telling = [i for i, phrase in enumerate(phrases) if not set(phrase.split()) <= ENGLISH_STOP_WORDS]
    return [phrases[i] for i in telling], has[:, telling].tocsc()


def _confirmed(
    table: SessionTable,
    sessions: Ints,
    phrases: Sequence[str],
    has: sparse.csc_matrix,
    values: Floats,
    outcome: Outcome,
) -> list[PhraseEffect]:
    parts = []
    for confirmation in (False, True):
        part = sessions[(table.strata.confirmation[sessions] == confirmation) & ~np.isnan(values[sessions])]
        parts.append(_contrasts(table, sessions, part, has, values))
    discovery, confirmed = parts
    hits = np.flatnonzero(np.nan_to_num(discovery.q, nan=1.0) <= _DISCOVERY_FDR)
    hits = hits[~np.isnan(confirmed.q[hits])]
    same_way = confirmed.estimates.z[hits] * np.sign(discovery.estimates.effect[hits])
    q = q_values(stats.norm.sf(same_way), np.ones(len(hits), np.bool_))
    order = np.lexsort((hits, -np.abs(discovery.estimates.z[hits])))
    kept: list[int] = []
    result: list[PhraseEffect] = []
    for place in order.tolist():
        column, effect = int(hits[place]), confirmed.at(int(hits[place]))
        if q[place] > _FDR or effect is None or len(kept) == _MOST_REPORTED or _said_already(has, column, kept):
            continue
        kept.append(column)
        members = sessions[has[:, column].indices]
        shown = examples(table, members, good=effect.effect > 0)
        result.append(PhraseEffect(phrases[column], outcome, len(members), effect, float(q[place]), shown))
    return result


def _contrasts(table: SessionTable, sessions: Ints, part: Ints, has: sparse.csc_matrix, values: Floats) -> Contrasts:
    row, column = has.nonzero()
    strata = table.strata
    design = design_of(strata.code, strata.variant, part, sessions[row], column.astype(np.int64), has.shape[1])
    return contrast([design], values)


def _said_already(has: sparse.csc_matrix, column: int, kept: Sequence[int]) -> bool:
    """Whether a phrase in ``kept`` has almost the same sessions, or one of the two almost none beyond the other's."""
    mine = has[:, column].indices
    for other in kept:
        theirs = has[:, other].indices
        both = len(np.intersect1d(mine, theirs, assume_unique=True))
        if both > _SAME_SESSIONS * min(len(mine), len(theirs)):
            return True
    return False
