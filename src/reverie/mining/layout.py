"""The sessions in which an outcome is known, and the groups of them that are compared on it."""

import dataclasses

import numpy as np

from reverie.mining.comparison_group import ComparisonGroup, form_groups
from reverie.mining.decision import choices_only, is_choice
from reverie.mining.outcome import Measures, Outcome
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus, Flags, Floats, Strata


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Scored sessions in which an outcome is known, and what is compared in them."""

    corpus: Corpus
    """Its entries are those that the groups were made of."""
    strata: Strata
    groups: list[ComparisonGroup]
    growing: list[ComparisonGroup]
    """Groups of everything that takes time to do, for an outcome that grows: none of it may be its cause."""

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
    corpus, strata, groups = everything.corpus, everything.strata, everything.groups
    if not known.all():
        corpus, strata = corpus.kept(known), strata.kept(known)
        groups = form_groups(corpus, strata, policy)
    if not grows:
        return Layout(corpus, strata, groups, [])
    choices = choices_only(corpus)
    chosen = [group for group in form_groups(choices, strata, policy) if is_choice(group.situation)]
    return Layout(choices, strata, chosen, [group for group in groups if not is_choice(group.situation)])
