"""Time and memory of each stage of a dream, at growing sizes: what does not grow linearly shows."""

import resource
import sys
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts
from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds.desk import support_desk

SESSIONS_A_TASK = 20


class StageRow(msgspec.Struct, frozen=True):
    """One stage at one size."""

    stage: str
    sessions: int
    seconds: float
    peak_mb: float
    """Most memory the process has held so far: stages follow one another, so it never falls."""


def measure_stages(sessions: int, policy: MiningPolicy) -> list[StageRow]:
    """Run the stages over a support desk; in a fresh process, for ``peak_mb`` to mean something."""
    rows: list[StageRow] = []
    start = time.perf_counter()

    def done(stage: str) -> None:
        nonlocal start
        rows.append(StageRow(stage, sessions, time.perf_counter() - start, _peak_mb()))
        start = time.perf_counter()

    transcripts = list(world_transcripts(support_desk(1, sessions, max(sessions // SESSIONS_A_TASK, 4))))
    done("make and parse")
    digested = digest_sessions(transcripts)
    done("digest")
    corpus = make_corpus(digested)
    done("lay out")
    dream(corpus, policy)
    done(f"mine, {policy.placebo_runs} placebo runs, propose")
    return rows


def growth(rows: Sequence[StageRow]) -> float:
    """Exponent of time in the number of sessions (1 is linear), by least squares on logarithms."""
    sizes, seconds = np.log([row.sessions for row in rows]), np.log([row.seconds for row in rows])
    return float(np.polyfit(sizes, seconds, 1)[0])


def _peak_mb() -> float:
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # macOS counts bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
