"""Live events across processes: whoever appends to a session says so in the database, and every server hears it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import structlog
from psycopg import AsyncConnection, OperationalError

from reverie.storage.announcing import CHANNEL
from reverie.storage.announcing import announce as announce
from reverie.storage.database import Database

_RECONNECT_SECONDS = 0.5

Result = TypeVar("Result")

log = structlog.get_logger("reverie.live")


class LiveEvents:
    """Wakes those who follow a session, or whatever else is announced, when it has grown.

    Ids are unique over workspaces, so they suffice.
    """

    def __init__(self) -> None:
        self._followers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening = asyncio.Event()
        self.closing = asyncio.Event()
        """Set when the server stops, so that streams end."""
        self._reads: dict[Hashable, asyncio.Task[Any]] = {}

    @contextmanager
    def follow(self, session_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the session may have grown; clear it before looking."""
        grown = asyncio.Event()
        self._followers[session_id].add(grown)
        try:
            yield grown
        finally:
            self._followers[session_id].discard(grown)
            if not self._followers[session_id]:
                del self._followers[session_id]

    async def share(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What ``read`` gives; whoever asks for the same key meanwhile waits for the same answer."""
        task: asyncio.Task[Result] | None = self._reads.get(key)
        if task is None:
            task = self._reads[key] = asyncio.create_task(read())
            task.add_done_callback(lambda _: self._reads.pop(key, None))
        # One follower that goes away does not end the read of the others.
        return await asyncio.shield(task)

    def close(self) -> None:
        """End all streams."""
        self.closing.set()
        self._wake_all()

    @asynccontextmanager
    async def listening(self, database: Database) -> AsyncIterator[None]:
        """Hear what is announced, over a connection of its own that is made again when it is lost."""
        task = asyncio.create_task(self._listen(database))
        try:
            await self._listening.wait()
            yield
        finally:
            self.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, database: Database) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(database.url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._listening.set()
                    # What was announced while nobody listened is found by looking.
                    self._wake_all()
                    async for notice in connection.notifies():
                        for follower in self._followers.get(notice.payload, ()):
                            follower.set()
            except OperationalError:
                log.warning("lost the connection that hears of live events; making it again")
                await asyncio.sleep(_RECONNECT_SECONDS)

    def _wake_all(self) -> None:
        for followers in self._followers.values():
            for follower in followers:
                follower.set()
