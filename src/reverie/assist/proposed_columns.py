"""Proposed behaviours as further columns of the corpus, where they have to pass the tests of all others."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from reverie.digests.digest import Behaviour
from reverie.digests.predicate import Match
from reverie.statistics.corpus import Corpus, Observable


def extend_corpus(corpus: Corpus, entries: Sequence[Match]) -> Corpus:
    """``corpus`` with the proposed behaviours as further columns; sessions that are not in it are left out."""
    position = {session_id: i for i, session_id in enumerate(corpus.session_ids)}
    code_of: dict[Observable, int] = {}
    rows = [
        (position[e.session_id], code_of.setdefault(_column(e.behaviour), len(code_of)), e.behaviour.step)
        for e in entries
        if e.session_id in position
    ]
    if not rows:
        return corpus
    session, code, step = np.array(rows, np.int32).T
    entry_session = np.concatenate([corpus.entry_session, session])
    order = np.argsort(entry_session, kind="stable")
    return dataclasses.replace(
        corpus,
        entry_session=entry_session[order],
        entry_code=np.concatenate([corpus.entry_code, code + np.int32(len(corpus.names))])[order],
        entry_step=np.concatenate([corpus.entry_step, step])[order],
        names=[*corpus.names, *code_of],
        by_code=False,
    )


def _column(behaviour: Behaviour) -> Observable:
    return Observable(behaviour.situation, behaviour.name, behaviour.kind, from_reading=True)
