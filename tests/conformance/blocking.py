"""The sync client in the shape of the async one, so that one exercise serves both."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

from anthropic import Stream

_END = object()
_PLAIN = ("unwrap", "parse_unverified")
"""Methods that make no request, and are no coroutines of the async client either."""


class Blocking:
    """A sync client or resource; each call runs in a thread and is awaited."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if inspect.ismethod(value) and name not in _PLAIN:
            return lambda *positional, **named: _Pending(lambda: value(*positional, **named))
        return Blocking(value) if type(value).__module__.startswith("anthropic.resources") else value


class _Pending:
    """A call not yet made: awaited for its result, or iterated for all that it lists."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result().__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in await asyncio.to_thread(lambda: list(self._call())):
            yield item

    async def _result(self) -> Any:
        result = await asyncio.to_thread(self._call)
        return _BlockingStream(result) if isinstance(result, Stream) else result


class _BlockingStream:
    """A stream that is read in a thread."""

    def __init__(self, stream: Stream[Any]) -> None:
        self._stream = stream

    async def __aenter__(self) -> "_BlockingStream":
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self._stream.close)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (item := await asyncio.to_thread(next, self._stream, _END)) is not _END:
            yield item
