"""What agents did at a moment, by name and share: what a vague behaviour came to, and what others did instead."""

from collections.abc import Iterator

import msgspec
import numpy as np

from reverie.digests.behaviour_name import BehaviourName, Situation
from reverie.mining.finding import Hypothesis, Move
from reverie.statistics.corpus import Corpus, Flags, Ints, Strata, first_steps

_MOST = 3
_LEAST_SHARE = 0.05
MOSTLY = 2 / 3
"""From this share on one form is what was done."""
_FORMS: dict[str, tuple[str, ...]] = {
    "other tool": ("call",),
    "same tool, changed input": ("change",),
    "inspects the schema": ("call",),
    "escalation": ("call",),
    "reads memory": ("call",),
    "ask": ("about",),
    "confirm": ("about",),
}
"""Families of the names that say what a behaviour of a general name was."""
_ACTS = ("call", "ask", "confirm", "answer")
NO_MOVE = "nothing"
"""What sessions did that ended at the moment."""


def members_of(corpus: Corpus, sessions: Ints, hypothesis: Hypothesis) -> tuple[Move, ...]:
    """The forms that a behaviour of a general name took among those of ``sessions`` that showed it, commonest first.

    A form is what the same event was by another name. Empty for names that say what was done.
    """
    families = _FORMS.get(hypothesis.name.family)
    if families is None:
        return ()
    first = first_steps(corpus, hypothesis.code)[sessions]
    shown = first >= 0
    counts = {
        name.text: int((shown & (first_steps(corpus, code)[sessions] == first)).sum())
        for code, name in _named(corpus, hypothesis.situation, families)
    }
    return _ranked(counts, int(shown.sum()))


def others_of(corpus: Corpus, strata: Strata, sessions: Ints, hypothesis: Hypothesis) -> tuple[Move, ...]:
    """What those of ``sessions`` did that did not show the behaviour, at a moment at which every session makes a move.

    Counted in strata that also hold sessions that showed it, as only those are compared. Empty anywhere else.
    """
    if hypothesis.situation.kind not in ("start", "after"):
        return ()
    shown = first_steps(corpus, hypothesis.code)[sessions] >= 0
    without: Flags = ~shown & np.isin(strata.code[sessions], strata.code[sessions[shown]])
    left = without.copy()
    counts: dict[str, int] = {}
    for family in _ACTS:  # a call before the words that came with it
        taken = np.zeros(len(sessions), np.bool_)
        for code, name in _named(corpus, hypothesis.situation, (family,)):
            did = left & (first_steps(corpus, code)[sessions] >= 0)
            counts[name.text] = int(did.sum())
            taken |= did
        left &= ~taken
    counts[NO_MOVE] = int(left.sum())
    return _ranked(counts, int(without.sum()))


def _named(corpus: Corpus, situation: Situation, families: tuple[str, ...]) -> Iterator[tuple[int, BehaviourName]]:
    for code, name in enumerate(corpus.names):
        if name.situation == situation and name.name.family in families:
            yield code, name.name


def _ranked(counts: dict[str, int], whole: int) -> tuple[Move, ...]:
    moves = [Move(name, count, count / whole) for name, count in counts.items() if whole and count]
    moves.sort(key=lambda move: (-move.sessions, move.name))
    common = [move for move in moves if move.share >= _LEAST_SHARE] or moves[:1]
    return tuple(msgspec.structs.replace(move, share=round(move.share, 4)) for move in common[:_MOST])
