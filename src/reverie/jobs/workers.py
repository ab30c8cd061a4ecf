"""Where the heavy work of a dream runs."""

from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from types import TracebackType

from reverie.storage.postgres.workers import worker_pool

_FEW_SESSIONS = 1_000
"""Fewer are read in this process: they would be done before workers have started."""


class Workers:
    """A thread for few sessions, and processes for many; those are started when first needed and kept to the end."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._thread = ThreadPoolExecutor(1)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        if self._pool is not None:
            self._pool.shutdown()

    def executor(self, sessions: int) -> Executor:
        """What to read so many sessions with."""
        if sessions < _FEW_SESSIONS or self._processes == 1:
            return self._thread
        if self._pool is None:
            self._pool = worker_pool(self._processes, "reverie.jobs.digestion")
        return self._pool
