"""Sessions that the machinery around the agent cut off: their scores say so, and nothing of the agent.

Whoever did anything early in such a session was not cut off yet, so whatever is done early looks good. Where the source
or the transcript says that a session was cut off, that settles it. Where a transcript merely breaks off, it depends on
what sessions of the same agent end on otherwise: many logs end on a tool's result as a rule.
"""

import numpy as np

from reverie.digests.behaviour_name import SESSION, called
from reverie.statistics.corpus import Corpus, Flags, Origins, first_steps, label_codes

_LEAST_ANSWERED = 0.2
_TERMINAL = 0.8
_ALIKE = 0.9
_LEAST_OF_VARIANT = 20
_USED_UP = 0.9
"""Of the actions of the longest session: limits are set in turns or messages, of which a session's actions are about as
many."""
_BROKEN = ("result", "call", "user", "")


def cut_off(corpus: Corpus) -> Flags:
    """Which scored sessions were cut off by the machinery."""
    origins, size = corpus.origins, len(corpus.session_ids)
    if origins is None:
        return np.zeros(size, np.bool_)
    stated = np.array([cause == "cut_off" for cause in origins.cause], np.bool_)
    flags = stated.copy()
    variant = label_codes(corpus.variant)
    for code in range(int(variant.max(initial=-1)) + 1):
        own = variant == code
        alike = own if own.sum() >= _LEAST_OF_VARIANT else np.ones(size, np.bool_)
        flags |= own & _broken_off(corpus, origins, alike & ~stated)
    return flags


def _broken_off(corpus: Corpus, origins: Origins, alike: Flags) -> Flags:
    """Sessions of ``alike`` whose transcripts break off where the others go on to an answer.

    Only those with the lowest score there is: what broke off and was still judged did not simply stop. What went on
    about as long as any other used up its steps, and what ends on a tool that ends sessions is complete.
    """
    nobody = np.zeros(len(alike), np.bool_)
    answered = alike & np.array([cause in ("answered", "gave_up") for cause in origins.cause], np.bool_)
    broken = alike & np.array(
        [c == "unknown" and on in _BROKEN for c, on in zip(origins.cause, origins.ended_on, strict=True)], np.bool_
    )
    if not broken.any() or answered.sum() < _LEAST_ANSWERED * alike.sum():
        return nobody
    broken &= (corpus.steps < _USED_UP * corpus.steps[alike].max()) & ~_on_terminal_tool(corpus, origins, alike)
    lowest = np.nanmin(corpus.reward[alike])
    scores = corpus.reward[broken]
    if not broken.any() or (scores <= lowest).mean() < _ALIKE or not (corpus.reward[answered] > lowest).any():
        return nobody
    return broken


def _on_terminal_tool(corpus: Corpus, origins: Origins, alike: Flags) -> Flags:
    """Sessions that end on a tool which nearly all sessions that call it end on, such as ``submit``."""
    code_of = {name.name.text: code for code, name in enumerate(corpus.names) if name.situation == SESSION}
    flags = np.zeros(len(alike), np.bool_)
    ends = np.array(origins.last_action)
    for tool in sorted(set(ends[alike].tolist()) - {""}):
        code, here = code_of.get(called(tool).text), alike & (ends == tool)
        callers = here if code is None else alike & (first_steps(corpus, code) >= 0)
        if here.sum() >= _TERMINAL * max(int(callers.sum()), 1):
            flags |= here
    return flags


def says_only_cut_off(corpus: Corpus, cut: Flags) -> bool:
    """Whether the sessions cut off have (nearly) all one score: then it says no more than that they were."""
    if not cut.any():
        return False
    _, counts = np.unique(corpus.reward[cut], return_counts=True)
    return bool(counts.max() >= _ALIKE * cut.sum())
