"""Who is shown what: a hash decides, so that the same unit has the same arm for the life of a trial."""

import hashlib
from collections.abc import Sequence

from reverie.trials.policy import ShareStep

_BYTES = 8
PRIOR_SESSIONS = 10
"""Weight, in sessions, of the overall mean in the mean of a stratum."""
UNKNOWN_REWARD = 0.5


def draw(salt: str, unit: str, subject: str) -> float:
    """A number in [0, 1) that is uniform over units, and independent between salts and subjects."""
    digest = hashlib.sha256("\x1e".join((salt, unit, subject)).encode()).digest()
    return int.from_bytes(digest[:_BYTES]) / float(2 ** (8 * _BYTES))


def is_shown(salt: str, unit: str, subject: str, share: float) -> bool:
    """Whether the unit is shown the subject.

    A share that rises shows it to more units and takes it from none.

    Raises:
        ValueError: the share is not between 0 and 1, both excluded: then nothing is tried.
    """
    if not 0 < share < 1:
        raise ValueError(f"a share must be more than 0 and less than 1, not {share}")
    return draw(salt, unit, subject) < share


def share_at(shares: Sequence[ShareStep], exposures: int) -> float:
    """The share for the session that comes after so many exposures."""
    return next(step.share for step in reversed(shares) if step.from_exposure <= exposures)


def predict(rewards: Sequence[float], overall: Sequence[float]) -> float:
    """The reward that a session of a stratum is expected to have, from earlier ones of the stratum and of all.

    Whatever it is, the score stays unbiased; the better it is, the fewer sessions are needed.
    """
    prior = sum(overall) / len(overall) if overall else UNKNOWN_REWARD
    return (sum(rewards) + PRIOR_SESSIONS * prior) / (len(rewards) + PRIOR_SESSIONS)
