"""One stage of a dream that goes on: what it works with, how it begins, what several of them read."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reverie.dreams.request import reading_segment, segment_of
from reverie.errors import DreamCanceledError
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.workers import Workers
from reverie.overview.table import SessionTable
from reverie.overview.theme import task_families
from reverie.sessions.segment import Segment
from reverie.statistics.corpus import Corpus, tasks_repeat
from reverie.storage.learning.digests import load_corpus
from reverie.storage.learning.dreams import DreamRow, read_dream
from reverie.storage.learning.session_table import load_session_table
from reverie.storage.postgres.database import Connection


@dataclass(frozen=True)
class Stage:
    """A stage of the dream ``dream_id``; ``began`` is a reading of the performance counter."""

    name: str
    dream_id: str
    runtime: Runtime
    workers: Workers
    began: float

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.began

    @asynccontextmanager
    async def opened(self, done: int = 0, total: int = 0) -> AsyncIterator["OpenDream"]:
        """Report the progress and read the dream; the connection is the stage's until the block ends.

        Raises:
            DreamCanceledError: the dream was canceled.
        """
        self.runtime.progress(self.name, done, total)
        async with self.runtime.database.connection() as connection:
            row = await read_dream(connection, self.dream_id)
            if row.status == "canceled":
                raise DreamCanceledError(f"dream {self.dream_id} was canceled")
            yield OpenDream(row, segment_of(row.request), connection, self.runtime)


@dataclass(frozen=True)
class OpenDream:
    """A dream as a stage reads it; ``connection`` is good within the block that opened it, the rest beyond it."""

    row: DreamRow
    segment: Segment
    connection: Connection
    runtime: Runtime

    @property
    def last_session_key(self) -> int:
        """The key of the last session that the dream reads."""
        return self.row.last_session_key

    @property
    def reading_segment(self) -> Segment:
        """What is digested: of a team also the sessions that one agent's private store alone learns from."""
        request = self.row.request
        return self.segment if request.team is None else reading_segment(request)

    async def corpus(self) -> Corpus:
        """The digested sessions, over the dream's own connection."""
        return await load_corpus(self.connection, self.segment, self.last_session_key, self.runtime.policy.metrics)

    async def table(self) -> SessionTable:
        """The digested sessions with all that the overview looks at."""
        runtime = self.runtime
        return await load_session_table(runtime.database, self.segment, self.last_session_key, runtime.policy.metrics)

    async def families(self, corpus: Corpus) -> Sequence[str] | None:
        """The task family of each session, where tasks do not repeat."""
        return None if tasks_repeat(corpus) else await asyncio.to_thread(task_families, await self.table())
