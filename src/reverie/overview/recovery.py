"""Recovery: after trouble of a kind, which next action goes with a good end, and how often sessions recover at all."""

import numpy as np

from reverie.digests.behaviour_name import Situation
from reverie.overview.overview import Move, Recovery
from reverie.overview.table import SessionTable, examples, task_clusters
from reverie.statistics.contrast import Contrasts, contrast, design_of
from reverie.statistics.corpus import SITUATION_KIND, Corpus, Flags, Ints, situation_rows
from reverie.statistics.interval import rate_of

_LEAST_SESSIONS = 20
_LEAST_SHOWN = 5


def find_recoveries(table: SessionTable) -> tuple[Recovery, ...]:
    """Every kind of trouble that at least 20 scored sessions met, the commonest first.

    The moves of one kind of trouble are compared with each other within strata; false discovery control is over the
    moves of all kinds together. What was done is judged, not how often: the first time the trouble was met counts.
    """
    corpus, scored = table.corpus, ~np.isnan(table.reward)
    cluster = task_clusters(table)
    designs, found = [], []
    for situation in _troubles(corpus):
        sessions = np.flatnonzero(situation_rows(corpus, situation) & scored)
        if sessions.size < _LEAST_SESSIONS:
            continue
        codes, members, columns = _moves(table, situation, sessions)
        designs.append(design_of(table.strata.code, table.strata.variant, sessions, members, columns, len(codes)))
        found.append((situation, sessions, codes, members, columns))
    contrasts = contrast(designs, table.reward)
    recoveries, offset = [], 0
    for situation, sessions, codes, members, columns in found:
        moves = [
            _move(table, contrasts, offset + i, int(code), members[columns == i], sessions.size)
            for i, code in enumerate(codes)
        ]
        offset += len(codes)
        reward = rate_of(table.reward[sessions], cluster[sessions])
        if reward is not None:
            moves.sort(key=_order)
            note = "" if any(m.effect for m in moves) else "not enough repeats to tell what works"
            recoveries.append(Recovery(situation.text, sessions.size, reward, tuple(moves), note))
    return tuple(sorted(recoveries, key=lambda r: (-r.sessions, r.situation)))


def _troubles(corpus: Corpus) -> list[Situation]:
    """The kinds of trouble that agents had to act after."""
    return sorted({n.situation for n in corpus.names if n.situation.kind == "after"}, key=lambda each: each.text)


def _moves(table: SessionTable, situation: Situation, sessions: Ints) -> tuple[Ints, Ints, Ints]:
    """Codes of what was done by enough of ``sessions``, and who did which (position in the codes)."""
    corpus = table.corpus
    here = np.array([n.situation == situation and n.kind != SITUATION_KIND for n in corpus.names], np.bool_)
    inside = np.zeros(table.size, np.bool_)
    inside[sessions] = True
    entries: Flags = here[corpus.entry_code] & inside[corpus.entry_session]
    shown = np.bincount(corpus.entry_code[entries], minlength=len(corpus.names))
    codes = np.flatnonzero(shown >= _LEAST_SHOWN)
    column_of = np.full(len(corpus.names), -1, np.int64)
    column_of[codes] = np.arange(codes.size)
    columns = column_of[corpus.entry_code[entries]]
    kept = columns >= 0
    return codes, corpus.entry_session[entries][kept].astype(np.int64), columns[kept]


def _move(table: SessionTable, contrasts: Contrasts, column: int, code: int, members: Ints, sessions: int) -> Move:
    effect = contrasts.at(column)
    return Move(
        action=table.corpus.names[code].name.text,
        share=len(members) / sessions,
        effect=effect,
        q_value=contrasts.q_at(column),
        example_session_ids=examples(table, members, good=effect is None or effect.effect > 0),
    )


def _order(move: Move) -> tuple[bool, bool, float, str]:
    effect = move.effect.effect if move.effect else 0.0
    return not move.is_beyond_chance, move.effect is None, -effect, move.action
