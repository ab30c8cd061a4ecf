"""Wording that goes with satisfaction: phrases of the agent's first messages against reward and the user's mood.

What an agent writes last reflects how the session went ("you are all set"), so only a session's first messages are
read, and never its last one. A phrase is found on one part of the sessions and confirmed on the other, within strata.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from reverie.overview.overview import Outcome, PhraseEffect, Wordings
from reverie.overview.stop_words import ENGLISH_STOP_WORDS
from reverie.overview.table import SessionTable, examples
from reverie.overview.terms import TermMatrix, count_terms
from reverie.statistics.contrast import Contrasts, contrast, design_of, q_values
from reverie.statistics.corpus import Floats, Ints
from reverie.statistics.distributions import normal_sf

_FIRST_MESSAGES = 3
_LEAST_SESSIONS = 20
_MOST_PHRASES = 4_000
_WORD = r"\b[^\W\d_][^\W\d_]+\b|\bi\b"
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
    has = _phrases([text for _, text in read])
    mood = (table.signals.sentiment_last + 1) / 2
    found = [
        *_confirmed(table, sessions, has, table.reward, "reward"),
        *_confirmed(table, sessions, has, mood, "user mood"),
    ]
    return Wordings(tuple(found), len(read), len(has.terms))


def _phrases(texts: Sequence[str]) -> TermMatrix:
    """Phrases that enough sessions have, and which ones."""
    has = count_terms(texts, _WORD, 3, least_texts=_LEAST_SESSIONS, most_share=0.9, most_terms=_MOST_PHRASES)
    return has.columns([i for i, phrase in enumerate(has.terms) if not set(phrase.split()) <= ENGLISH_STOP_WORDS])


def _confirmed(
    table: SessionTable,
    sessions: Ints,
    has: TermMatrix,
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
    q = q_values(normal_sf(same_way), np.ones(len(hits), np.bool_))
    order = np.lexsort((hits, -np.abs(discovery.estimates.z[hits])))
    kept: list[int] = []
    result: list[PhraseEffect] = []
    for place in order.tolist():
        column, effect = int(hits[place]), confirmed.at(int(hits[place]))
        if q[place] > _FDR or effect is None or len(kept) == _MOST_REPORTED or _said_already(has, column, kept):
            continue
        kept.append(column)
        members = sessions[has.texts_with(column)]
        shown = examples(table, members, good=effect.effect > 0)
        result.append(PhraseEffect(has.terms[column], outcome, len(members), effect, float(q[place]), shown))
    return result


def _contrasts(table: SessionTable, sessions: Ints, part: Ints, has: TermMatrix, values: Floats) -> Contrasts:
    strata = table.strata
    design = design_of(strata.code, strata.variant, part, sessions[has.text], has.term, len(has.terms))
    return contrast([design], values)


def _said_already(has: TermMatrix, column: int, kept: Sequence[int]) -> bool:
    """Whether a phrase in ``kept`` has almost the same sessions, or one of the two almost none beyond the other's."""
    mine = has.texts_with(column)
    for other in kept:
        theirs = has.texts_with(other)
        both = len(np.intersect1d(mine, theirs, assume_unique=True))
        if both > _SAME_SESSIONS * min(len(mine), len(theirs)):
            return True
    return False
