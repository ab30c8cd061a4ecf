"""Hand-offs between the agents of a session: who hands to whom, and how such sessions end."""

from collections import Counter

import numpy as np

from reverie.overview.overview import HandOff
from reverie.overview.table import SessionTable, examples, task_clusters
from reverie.statistics.contrast import contrast, design_of
from reverie.statistics.corpus import label_codes
from reverie.statistics.interval import rate_of

ANOTHER_AGENT = "another agent"
"""Threads that too few sessions share to be one agent's, such as those named by a number."""
_LEAST_SESSIONS = 10


def find_hand_offs(table: SessionTable) -> tuple[HandOff, ...]:
    """Every pair of agents that at least ten sessions have, the commonest first.

    Hard tasks may be handed on more often, so the difference is taken within strata; false discovery control is over
    all pairs.
    """
    threads = Counter(zip(table.hand_off_session.tolist(), table.hand_off_from, strict=True))
    threads |= Counter(zip(table.hand_off_session.tolist(), table.hand_off_to, strict=True))
    known = Counter(name for _, name in threads)
    pairs = [
        (_agent(giver, known), _agent(taker, known))
        for giver, taker in zip(table.hand_off_from, table.hand_off_to, strict=True)
    ]
    code = label_codes([f"{giver}\n{taker}" for giver, taker in pairs])
    names = list(dict.fromkeys(pairs))
    scored = np.flatnonzero(~np.isnan(table.reward))
    design = design_of(table.strata.code, table.strata.variant, scored, table.hand_off_session, code, len(names))
    contrasts, cluster = contrast([design], table.reward), task_clusters(table)
    found = []
    for i, (giver, taker) in enumerate(names):
        members = np.unique(table.hand_off_session[code == i]).astype(np.int64)
        if members.size < _LEAST_SESSIONS:
            continue
        found.append(
            HandOff(
                giver=giver,
                taker=taker,
                sessions=members.size,
                share=members.size / table.size,
                reward=rate_of(table.reward[members], cluster[members]),
                effect=contrasts.at(i),
                q_value=contrasts.q_at(i),
                example_session_ids=examples(table, members, good=False),
            )
        )
    return tuple(sorted(found, key=lambda h: (-h.sessions, h.giver, h.taker)))


def _agent(thread: str, known: Counter[str]) -> str:
    return thread if known[thread] >= _LEAST_SESSIONS else ANOTHER_AGENT
