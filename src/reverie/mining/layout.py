"""The sessions in which an outcome is known, and the groups of them that are compared on it."""

import dataclasses

import numpy as np

from reverie.mining.decision import choices_only, is_choice
from reverie.mining.frame import Frame, build_frames
from reverie.mining.outcome import Measures, Outcome
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, Flags, Floats, Strata


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Scored sessions in which an outcome is known, and what is compared in them."""

    corpus: Corpus
    """Its entries are those that the frames were made of."""
    strata: Strata
    frames: list[Frame]
    growing: list[Frame]
    """Frames of everything that takes time to do, for an outcome that grows: none of it may be its cause."""

    def on(self, values: Floats) -> Corpus:
        """The corpus with ``values`` in place of the reward."""
        return dataclasses.replace(self.corpus, reward=values)


class Layouts:
    """The layouts of outcomes over the same scored sessions; those of equal sessions are made once."""

    def __init__(self, everything: Layout, policy: MiningPolicy) -> None:
        self._everything, self._policy = everything, policy
        self._made: dict[tuple[bool, bytes], Layout] = {}

    def of(self, outcome: Outcome, known: Flags) -> Layout:
        """The layout of ``outcome``, which is known in the flagged sessions."""
        key = outcome.grows, known.tobytes()
        if key not in self._made:
            self._made[key] = _lay_out(self._everything, known, self._policy, grows=outcome.grows)
        return self._made[key]


def values_of(outcome: Outcome, corpus: Corpus, measures: Measures) -> Floats:
    """The outcome of each session on its scale; NaN where it is not known. ``measures`` are parallel to the corpus."""
    return outcome.scaled(measures.values.get(outcome.name, np.full(len(corpus.session_ids), np.nan)))


def _lay_out(everything: Layout, known: Flags, policy: MiningPolicy, *, grows: bool) -> Layout:
    corpus, strata, frames = everything.corpus, everything.strata, everything.frames
    if not known.all():
        corpus, strata = corpus.kept(known), strata.kept(known)
        frames = build_frames(corpus, strata, policy)
    if not grows:
        return Layout(corpus, strata, frames, [])
    choices = choices_only(corpus)
    chosen = [frame for frame in build_frames(choices, strata, policy) if is_choice(frame.situation)]
    return Layout(choices, strata, chosen, [frame for frame in frames if not is_choice(frame.situation)])
