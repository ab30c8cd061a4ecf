"""Functions whose calls are recorded: plain ones, coroutines and generators of both kinds."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from reverie.recorder.session import RecordedSession

_OWNERS = ("self", "cls")


class Begins(Protocol):
    """What sessions come from."""

    def begin(self) -> RecordedSession:
        """A new session, or a thread of the current one."""

    def within(self, session: RecordedSession) -> AbstractContextManager[None]:
        """Make it current for a while."""


def decorated(recorder: Begins, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, with each call recorded: its arguments are the user's message, its answer is the agent's."""
    if inspect.isasyncgenfunction(function):
        made = _async_generator(recorder, function)
    elif inspect.iscoroutinefunction(function):
        made = _coroutine(recorder, function)
    elif inspect.isgeneratorfunction(function):
        made = _generator(recorder, function)
    else:
        made = _plain(recorder, function)
    return functools.wraps(function)(made)


def _plain(recorder: Begins, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        with _recorded(recorder, function, given, named) as session:
            with recorder.within(session):
                answer = function(*given, **named)
            _answered(session, answer)
            return answer

    return call


def _coroutine(recorder: Begins, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*given: Any, **named: Any) -> Any:
        with _recorded(recorder, function, given, named) as session:
            with recorder.within(session):
                answer = await function(*given, **named)
            _answered(session, answer)
            return answer

    return call


def _generator(recorder: Begins, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Iterator[Any]:
        items: list[Any] = []
        with _recorded(recorder, function, given, named) as session:
            items_of = function(*given, **named)
            try:
                while True:
                    # Current only while the generator runs: between its items, the caller's own code does.
                    with recorder.within(session):
                        item = next(items_of, _END)
                    if item is _END:
                        break
                    items.append(item)
                    yield item
            finally:
                with recorder.within(session):
                    items_of.close()
                _answered(session, _joined(items))

    return call


def _async_generator(recorder: Begins, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*given: Any, **named: Any) -> AsyncIterator[Any]:
        items: list[Any] = []
        with _recorded(recorder, function, given, named) as session:
            items_of = function(*given, **named)
            try:
                while True:
                    with recorder.within(session):
                        item = await anext(items_of, _END)
                    if item is _END:
                        break
                    items.append(item)
                    yield item
            finally:
                with recorder.within(session):
                    await items_of.aclose()
                _answered(session, _joined(items))

    return call


_END = object()


@contextmanager
def _recorded(
    recorder: Begins, function: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]
) -> Iterator[RecordedSession]:
    session = recorder.begin()
    with session.unharmed():
        if (asked := _asked(function, given, named)) is not None:
            session.user(asked)
    with _ending(session):
        yield session


class _ending(AbstractContextManager[None]):
    """Ends the session, by the error that ends the call if there is one; a generator that is dropped has ended well."""

    def __init__(self, session: RecordedSession) -> None:
        self._session = session

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._session.end(None if isinstance(error, GeneratorExit) else error)


def _asked(function: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """A lone text as it is, else the arguments by their names; None for none, and for what does not fit."""
    try:
        bound = inspect.signature(function).bind(*given, **named).arguments
    except (TypeError, ValueError):  # the call itself will say what is wrong with it
        return None
    asked = {name: value for name, value in bound.items() if name not in _OWNERS}
    if not asked:
        return None
    only = next(iter(asked.values()))
    return only if len(asked) == 1 and isinstance(only, str) else asked


def _answered(session: RecordedSession, answer: Any) -> None:
    if answer is not None and answer != []:
        session.assistant(answer)


def _joined(items: Sequence[Any]) -> Any:
    return "".join(items) if items and all(isinstance(item, str) for item in items) else list(items)
