"""Live events across processes: whoever appends to a session says so in the database, and every server hears it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import msgspec
import structlog
from psycopg import OperationalError

from reverie.api.late_stream import Shown, ShownEvents
from reverie.cancellation import end_tasks
from reverie.storage.postgres.announcement import CHANNEL, PREVIEWS, SHOWN, listen
from reverie.storage.postgres.database import Database

_RECONNECT_SECONDS = 0.5
_MOST_PREVIEWS = 1_000

Result = TypeVar("Result")

log = structlog.get_logger("reverie.live")


class Preview(msgspec.Struct, frozen=True):
    """A piece of an event that is being written."""

    session_id: str
    thread_id: str | None
    message: dict[str, Any]
    """An ``event_start`` or ``event_delta`` as it is streamed."""


class _Watcher(msgspec.Struct, eq=False):
    grown: asyncio.Event
    pieces: deque[Preview]


class LiveEvents:
    """Wakes those who follow a session, or whatever else is announced, when it has grown.

    Ids are unique over workspaces, so they suffice.
    """

    def __init__(self) -> None:
        self._followers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening = asyncio.Event()
        self.closing = asyncio.Event()
        """Set when the server stops, so that streams end."""
        self.shown = ShownEvents()
        self._watchers: defaultdict[str, list[_Watcher]] = defaultdict(list)
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

    @contextmanager
    def watch_previews(self, session_id: str, grown: asyncio.Event) -> Iterator[deque[Preview]]:
        """Where pieces of previews are put, and ``grown`` is set; a reader that falls behind loses the oldest."""
        watcher = _Watcher(grown, deque(maxlen=_MOST_PREVIEWS))
        self._watchers[session_id].append(watcher)
        try:
            yield watcher.pieces
        finally:
            self._watchers[session_id].remove(watcher)
            if not self._watchers[session_id]:
                del self._watchers[session_id]

    def count_followers(self) -> int:
        """How many streams are open in this process."""
        return sum(map(len, self._followers.values()))

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
            await end_tasks(task)

    async def _listen(self, database: Database) -> None:
        while True:
            try:
                async with listen(database.url, CHANNEL, PREVIEWS, SHOWN) as connection:
                    self._listening.set()
                    # What was announced while nobody listened is found by looking.
                    self._wake_all()
                    async for notice in connection.notifies():
                        if notice.channel == PREVIEWS:
                            self._pass_on(msgspec.json.decode(notice.payload, type=Preview))
                        elif notice.channel == SHOWN:
                            self.shown.note(msgspec.json.decode(notice.payload, type=Shown))
                        for follower in self._followers.get(notice.payload, ()):
                            follower.set()
            except OperationalError:
                log.warning("lost the connection that hears of live events; making it again")
                await asyncio.sleep(_RECONNECT_SECONDS)

    def _pass_on(self, preview: Preview) -> None:
        for watcher in self._watchers.get(preview.session_id, ()):
            watcher.pieces.append(preview)
            watcher.grown.set()

    def _wake_all(self) -> None:
        for followers in self._followers.values():
            for follower in followers:
                follower.set()
