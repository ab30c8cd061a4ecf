"""Scored sessions that say nothing of their own: cut off by the machinery, or copies of others. Left out, and said."""

import dataclasses
from collections import Counter

import numpy as np

from reverie.digests.ending import CAUSES
from reverie.mining.copies import copies
from reverie.mining.cut_off import cut_off, says_only_cut_off
from reverie.mining.left_out import LeftOut
from reverie.statistics.corpus import Corpus, Flags

_MOST_NAMED = 20


def count_once(corpus: Corpus) -> tuple[Flags, Corpus, LeftOut]:
    """Which scored sessions count, the corpus (as it was, with ``cut`` noted), and what was left out.

    ``corpus`` may hold sessions without a score; these are flagged as not counting.
    """
    scored: Flags = ~np.isnan(corpus.reward)
    if corpus.origins is None:
        return scored, corpus, LeftOut()
    places = np.flatnonzero(scored)
    known = corpus.scored_only()
    copied, groups = copies(known)
    cut = cut_off(known)
    only = says_only_cut_off(known, cut & ~copied)
    keep = scored.copy()
    keep[places[copied | (cut & only)]] = False
    in_part = np.zeros(len(scored), np.bool_)
    in_part[places[cut & (not only)]] = True
    causes = np.array(corpus.origins.cause, dtype=object)
    causes[places[cut]] = "cut_off"
    counts = Counter(causes.tolist())
    left_out = LeftOut(
        endings={cause: counts[cause] for cause in CAUSES if counts[cause]},
        cut_off=int((cut & only & ~copied).sum()),
        cut_off_in_part=int((in_part & keep).sum()),
        copies=int(copied.sum()),
        copy_groups=tuple(groups[:_MOST_NAMED]),
    )
    return keep, dataclasses.replace(corpus, cut=in_part if in_part.any() else None), left_out


def without_scores_left_out(corpus: Corpus) -> Corpus:
    """All sessions, with no score where the session does not count: it is then neither good nor bad."""
    keep, corpus, _ = count_once(corpus)
    return dataclasses.replace(corpus, reward=np.where(keep, corpus.reward, np.nan))
