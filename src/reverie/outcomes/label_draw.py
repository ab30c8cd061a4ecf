"""Which sessions a person is asked to score, by a design whose probabilities are known at every stop.

Each session has a size, how much its label would tell, and a number u from 0 to 1 that its id alone decides. Sessions
are asked for by ascending priority ``u / size``; whenever the person stops, the sessions asked are those whose priority
is below τ, the lowest that is still open. Given τ, each was asked with probability ``min(1, size · τ)``, and sums
weighted by its inverse are unbiased without covariances (priority sampling, Duffield, Lund & Thorup 2007; permanent
random numbers, Ohlsson 1995). So nobody needs to say beforehand how many will be scored, and sessions that are added
later find their place.

What tells most: a session alone in its task is compared with nothing, and one of many counts in full (its leverage,
(n − 1) / n). Half of every size is the same for all (a defensive mixture, Hesterberg 1995), so that no session is out
of reach and no label gets a weight that decides alone.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

import msgspec

_EVEN_SHARE = 0.5


class DrawnSession(msgspec.Struct, frozen=True):
    """A session in its place among those that may be asked for."""

    key: int
    size: float
    priority: float


def draw_sessions(
    sessions: Sequence[tuple[int, str]], tasks: Sequence[str | None], everyone: Sequence[str | None], seed: str
) -> list[DrawnSession]:
    """Sizes and priorities of sessions (key and id), with their tasks.

    Args:
        everyone: the tasks of all sessions that will be compared, labelled already or not.
        seed: what the random numbers belong to; the same seed and id always give the same number.
    """
    repeats = Counter(task for task in everyone if task is not None)
    drawn = []
    for (key, session_id), task in zip(sessions, tasks, strict=True):
        size = session_size(repeats[task] if task is not None else None)
        drawn.append(DrawnSession(key, size, _uniform(seed, session_id) / size))
    return drawn


def session_size(repeats: int | None) -> float:
    """The size of a session whose task was run that often; None where the task is not known."""
    leverage = 0.5 if repeats is None else (repeats - 1) / repeats if repeats else 0.0
    return _EVEN_SHARE + (1 - _EVEN_SHARE) * leverage


def asked_probability(size: float, priority: float, lowest_open: float | None) -> float | None:
    """The probability that a session was asked for; None while others that come before it are open.

    ``lowest_open`` is None where none is: then everything was asked for.
    """
    if lowest_open is None:
        return 1.0
    return min(1.0, size * lowest_open) if priority < lowest_open else None


def _uniform(seed: str, session_id: str) -> float:
    digest = hashlib.blake2b(f"{seed}\x1f{session_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) + 0.5) / math.ldexp(1.0, 64)
