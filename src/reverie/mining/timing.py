"""Is it the behaviour, or how long the session went on? A comparison step by step.

Sessions often end when solved, so whatever needs many steps is commoner in sessions that fail. Comparing "did it
somewhere" with "never did it" then blames the behaviour for the trouble. Here sessions are compared at the same step:
of those of one task that reach step s without having done it, do those that do it now end better? That is the log-rank
test of the time until the behaviour (Mantel 1966), stratified by task, with the reward as covariate; its hypergeometric
variance is valid although a session is compared at several steps, and sessions that ended earlier are not compared.
"""

import numpy as np

from reverie.statistics.corpus import Codes, Floats, Ints

_MOST_MOMENTS = 20_000_000
"""Beyond so many (stratum, step) pairs, only those that were reached are numbered."""


def timing_z(stratum: Codes, reward: Floats, first_step: Ints, last_step: Ints) -> float:
    """Signed standard-normal statistic; positive when those who act fare better than those who could have.

    Args:
        stratum: per session.
        reward: per session, in [0, 1].
        first_step: the step at which it was first done; -1 where it never was.
        last_step: the last step of the session.
    """
    did = first_step >= 0
    until = np.where(did, first_step, last_step)
    length = until + 1
    session = np.repeat(np.arange(len(until)), length)
    step = np.arange(len(session)) - np.repeat(np.cumsum(length) - length, length)
    steps = int(until.max(initial=0)) + 1
    moment = stratum[session].astype(np.int64) * steps + step
    if (int(stratum.max(initial=0)) + 1) * steps > _MOST_MOMENTS:
        _, moment = np.unique(moment, return_inverse=True)
    acting = did[session] & (step == until[session])
    # Moments nobody reached count one session that did nothing, which changes no sum.
    at_risk = np.maximum(np.bincount(moment), 1).astype(np.float64)
    acts = np.bincount(moment, acting.astype(np.float64))
    y = reward[session]
    mean = np.bincount(moment, y) / at_risk
    spread = np.maximum(np.bincount(moment, y * y) / at_risk - mean**2, 0.0)
    score = np.bincount(moment, acting * y).sum() - (acts * mean).sum()
    variance = (acts * (at_risk - acts) / np.maximum(at_risk - 1.0, 1.0) * spread).sum()
    return float(score / np.sqrt(variance)) if variance > 1e-12 else 0.0
