"""The events of a session as they come, none of them twice, also when the connection breaks."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
from anthropic import APIConnectionError, AsyncAnthropic

from reverie.cli.remote import RemoteError

_MOST_SILENT = 2
"""Streams in a row that end with nothing in them: a server that stops ends one, a session that is over ends each."""


class SessionStream:
    """What a session's stream brings from the moment it was opened."""

    def __init__(self, client: AsyncAnthropic, session_id: str, *, previews: bool) -> None:
        self._events = client.beta.sessions.events
        self._session_id = session_id
        self._wanted: Any = {"event_deltas": ["agent.message"]} if previews else {}
        self._stream: Any = None
        self._seen: set[str] = set()

    async def open(self) -> None:
        """Follow from now on."""
        self._stream = await self._events.stream(self._session_id, **self._wanted)

    async def close(self) -> None:
        """Follow no longer."""
        if self._stream is not None:
            await self._stream.close()

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Events, and previews if they are wanted.

        Raises:
            RemoteError: the session is over.
        """
        silent = 0
        while silent < _MOST_SILENT:
            came = False
            async for event in self._until_it_breaks():
                came = True
                yield event
            silent = 0 if came else silent + 1
            await self.close()
            await self.open()
            # Opened first: what comes meanwhile is in the list, in the stream, or in both.
            async for event in self._events.list(self._session_id, limit=1000):
                if self._is_new(event):
                    silent = 0
                    yield event
        raise RemoteError(f"session {self._session_id} has ended; start another one")

    async def _until_it_breaks(self) -> AsyncIterator[Any]:
        try:
            async for event in self._stream:
                if self._is_new(event):
                    yield event
        except (httpx2.TransportError, APIConnectionError):
            return

    def _is_new(self, event: Any) -> bool:
        """Whether it was not there before; previews have no id and always are."""
        known = getattr(event, "id", None)
        if known in self._seen:
            return False
        if known is not None:
            self._seen.add(known)
        return True
