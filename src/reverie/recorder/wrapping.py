"""Clients of ``anthropic`` and ``openai`` whose calls of models are recorded.

Both SDKs send every call, streamed, parsed or raw, through the client's ``request``: that one is replaced, on a copy of
the client. What is asked is read as it is sent, what is answered as the program reads it.
"""

import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from reverie.errors import InputError
from reverie.recorder import plain
from reverie.recorder.dialect import Dialect, dialect_of, keeps_history, usage_of
from reverie.recorder.recording import current_session
from reverie.recorder.session import RecordedSession
from reverie.sessions.importers.otlp.history import Fresh

_NOT_GIVEN = ("NotGiven", "Omit")
"""What both SDKs have for arguments that were left out, and do not send."""

Client = TypeVar("Client")


def wrap(client: Client, session: RecordedSession) -> Client:
    """A copy of a client that records.

    Raises:
        InputError: it is none of theirs.
    """
    given: Any = client
    if not callable(getattr(given, "copy", None)) or not callable(getattr(given, "request", None)):
        raise InputError(f"{type(client).__name__} is no client of anthropic or openai; it is used as it is")
    wrapped = given.copy()
    _replace(wrapped, session)
    return wrapped  # type: ignore[no-any-return]


def _replace(client: Any, session: RecordedSession) -> None:
    """Replace what calls go through, also on copies that are made of the client."""
    request, copy = client.request, client.copy
    make = _async_request if inspect.iscoroutinefunction(type(client).request) else _request

    def copied(*given: Any, **named: Any) -> Any:
        made = copy(*given, **named)
        _replace(made, session)
        return made

    client.request = make(request, session)
    client.copy = client.with_options = copied


def _request(request: Callable[..., Any], session: RecordedSession) -> Callable[..., Any]:
    def ask(cast_to: Any, options: Any, **named: Any) -> Any:
        call = _begin(session, options)
        if call is None:
            return request(cast_to, options, **named)
        with call:
            answer = request(cast_to, options, **named)
        return call.watched(answer)

    return ask


def _async_request(request: Callable[..., Any], session: RecordedSession) -> Callable[..., Any]:
    async def ask(cast_to: Any, options: Any, **named: Any) -> Any:
        call = _begin(session, options)
        if call is None:
            return await request(cast_to, options, **named)
        with call:
            answer = await request(cast_to, options, **named)
        return call.watched(answer)

    return ask


def _begin(session: RecordedSession, options: Any) -> "_Call | None":
    """Record what is asked of a model; None where none is asked."""
    current = current_session()
    chosen = current if current is not None and current.shares_log(session) and not current.is_over else session
    with chosen.unharmed():
        dialect = dialect_of(str(options.url))
        if dialect is not None and isinstance(options.json_data, dict):
            given = {k: v for k, v in options.json_data.items() if type(v).__name__ not in _NOT_GIVEN}
            return _Call(chosen, dialect, plain.plain(given))
    return None


class _Call:
    """One call of a model; as a context, the time until it is answered or fails."""

    def __init__(self, session: RecordedSession, dialect: Dialect, body: Mapping[str, Any]) -> None:
        self._session = session
        self._dialect = dialect
        self._model = plain.text(body.get("model")) or None
        self._is_watched = False
        self._started = time.monotonic()
        self._fresh: Fresh = session.heard([*dialect.heard(body)], is_whole=not keeps_history(body))

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, GeneratorExit):  # a stream that is not read to its end is none
            self._session.error(error)

    def watched(self, answer: Any) -> Any:
        """The answer, recorded now or while it is read."""
        with self._session.unharmed():
            if self._is_watched:
                return answer
            if hasattr(answer, "_iterator"):
                self._is_watched = True
                self._watch_stream(answer)
            elif hasattr(answer, "http_response"):
                self._watch_raw(answer)
            else:
                self._record(plain.plain(answer))
        return answer

    def _watch_stream(self, stream: Any) -> None:
        watch = self._each_later if hasattr(stream, "__aiter__") else self._each
        stream._iterator = watch(stream._iterator)

    def _watch_raw(self, answer: Any) -> None:
        """A raw answer: what has been read is recorded, a stream when it is parsed."""
        response = answer.http_response
        if response.is_stream_consumed and "json" in response.headers.get("content-type", ""):
            self._record(response.json())
            return
        parse = answer.parse

        def parsed(*given: Any, **named: Any) -> Any:
            found = parse(*given, **named)
            return self._watched_later(found) if inspect.isawaitable(found) else self.watched(found)

        answer.parse = parsed

    async def _watched_later(self, found: Any) -> Any:
        return self.watched(await found)

    def _each(self, events: Iterator[Any]) -> Iterator[Any]:
        seen: list[Any] = []
        try:
            with self:
                for event in events:
                    seen.append(event)
                    yield event
        finally:
            self._record_stream(seen)

    async def _each_later(self, events: AsyncIterator[Any]) -> AsyncIterator[Any]:
        seen: list[Any] = []
        try:
            with self:
                async for event in events:
                    seen.append(event)
                    yield event
        finally:
            self._record_stream(seen)

    def _record_stream(self, seen: list[Any]) -> None:
        with self._session.unharmed():
            self._record(self._dialect.joined(plain.plain(event) for event in seen))

    def _record(self, answer: Any) -> None:
        if not isinstance(answer, dict):
            return
        self._is_watched = True
        self._session.said(self._fresh, [*self._dialect.said(answer)])
        model = plain.text(answer.get("model")) or self._model
        duration = round((time.monotonic() - self._started) * 1000)
        self._session.requested(model, {"model": model, "duration_ms": duration, **usage_of(answer)})
