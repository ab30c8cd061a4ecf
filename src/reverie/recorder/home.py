"""A home, or a database of one's own, as the destination of recorded sessions: what a server would do, in this process.

Loaded when the first session is to be stored, for it takes seconds: the program goes on meanwhile.
"""

import asyncio
import concurrent.futures
import tempfile
import threading
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from reverie.clock import Clock
from reverie.errors import NotFoundError, ReverieError
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.recorder.destination import AwayError, BriefingAsked, Guidance, RefusedError
from reverie.sessions.session import Score
from reverie.settings import Settings
from reverie.storage.memory.stores import choose_store
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.scores import score_session

_SECONDS = 300.0
"""For a session to be stored; the database may have to be made first."""
_CLOSING_SECONDS = 10.0

Answer = TypeVar("Answer")


class HomeDestination:
    """Keeps the database open, in an event loop of its own thread."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._loop = asyncio.new_event_loop()
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._database: Database | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="reverie-home", daemon=True)
        self._thread.start()

    def deliver(self, session_id: str, transcript: bytes) -> None:
        """See :class:`Destination`."""
        self._run(self._import(session_id, transcript), _SECONDS)

    def score(self, session_id: str, scores: Mapping[str, float]) -> None:
        """See :class:`Destination`."""
        self._run(self._score(session_id, scores), _SECONDS)

    def brief(self, asked: BriefingAsked, seconds: float) -> Guidance:
        """See :class:`Destination`."""
        return self._run(self._brief(asked), seconds)

    def close(self) -> None:
        """See :class:`Destination`."""
        if self._loop.is_running():
            self._run(self._open.aclose(), _CLOSING_SECONDS)
            self._run(self._loop.shutdown_default_executor(), _CLOSING_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSING_SECONDS)
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Answer], seconds: float) -> Answer:
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(seconds)
        except (TimeoutError, concurrent.futures.TimeoutError) as error:
            running.cancel()
            raise AwayError(f"the database did not answer within {seconds:g} s") from error

    async def _opened(self) -> Database:
        async with self._opening:
            if self._database is None:
                self._database = await self._open.enter_async_context(open_database(self._settings))
            return self._database

    async def _import(self, session_id: str, transcript: bytes) -> None:
        database = await self._opened()
        options = ImportOptions(format="reverie", redact=self._settings.redaction)
        with tempfile.TemporaryDirectory(prefix="reverie-recorded-") as folder:
            file = Path(folder) / "session.jsonl"
            await asyncio.to_thread(file.write_bytes, transcript)
            summary = await import_sessions(database, self._settings, [file], options, self._clock, lambda _: None)
        if summary.errors:
            raise RefusedError(f"session {session_id}: {summary.errors[0].reason}")

    async def _score(self, session_id: str, scores: Mapping[str, float]) -> None:
        database = await self._opened()
        async with database.connection() as connection:
            try:
                await score_session(connection, session_id, [Score(name, value) for name, value in scores.items()])
            except NotFoundError as error:
                raise RefusedError(str(error)) from error

    async def _brief(self, asked: BriefingAsked) -> Guidance:
        database = await self._opened()
        try:
            async with database.connection() as connection:
                stores = [(await choose_store(connection, name)).id for name in asked.stores or (None,)]
                request = BriefingRequest(
                    stores, asked.agent, asked.task_category, asked.user_id, asked.query, asked.reference
                )
                given = await give_briefing(connection, request, self._clock.now())
        except ReverieError as error:
            raise AwayError(str(error)) from error
        return Guidance(given.text, given.id, tuple(str(one["subject"]) for one in given.shown))
