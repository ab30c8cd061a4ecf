"""``reverie.record()``: a context manager and a decorator, for programs with and without an event loop."""

import atexit
import concurrent.futures.thread
import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import platformdirs

from reverie.clock import SystemClock
from reverie.errors import SettingsError
from reverie.lazy_modules import load_module
from reverie.recorder import plain
from reverie.recorder.courier import NOWHERE, Courier
from reverie.recorder.decorator import decorated
from reverie.recorder.destination import Destination
from reverie.recorder.session import About, RecordedSession, SessionLog
from reverie.settings import Settings, load_settings, load_spool

EXIT_SECONDS = 5.0
"""How long a program's end may wait for what is not sent yet; where it was away before, not at all."""
MOST_WAITING_BYTES = 64 * 1024 * 1024
MOST_SPOOL_BYTES = 512 * 1024 * 1024
_NO_KEY = "no-key"

Function = TypeVar("Function", bound=Callable[..., Any])

_CLOCK = SystemClock()
_current: ContextVar[tuple[RecordedSession, ...]] = ContextVar("reverie_recording", default=())
_couriers: dict[tuple[str, str, str], Courier] = {}
_couriers_lock = threading.Lock()


def record(
    *,
    agent: str | None = None,
    agent_version: str | None = None,
    model: str | None = None,
    task: str = "",
    task_id: str | None = None,
    task_category: str | None = None,
    user_id: str | None = None,
    id: str | None = None,
    metadata: Mapping[str, Any] = {},
    separate: bool = False,
    enabled: bool = True,
    url: str | None = None,
    key: str | None = None,
    settings: Settings | None = None,
    spool: str | Path | None = None,
) -> "Recorder":
    """Record a session: ``with reverie.record(agent="desk") as session: …``, or as a decorator of a function.

    Within another recording it is a thread of that one's session, unless ``separate``.

    Args:
        task: what is to be done, in words; what guidance is looked for by.
        id: the session's id; by default a new one.
        enabled: false records nothing, for tests.
        url: a server; by default ``REVERIE_URL``, and without one the home that ``settings`` name.
        key: what the server asks for; by default ``REVERIE_API_KEY``.
        settings: of a home; by default those of the environment.
        spool: the folder where sessions wait to be sent; by default ``REVERIE_SPOOL``, or in the user's state folder.
    """
    about = About(
        agent,
        agent_version,
        model,
        plain.text(task),
        task_id,
        task_category,
        user_id,
        id,
        {name: plain.text(value) for name, value in metadata.items()},
    )
    return Recorder(about, lambda: _courier(url, key, settings, spool, enabled=enabled), separate=separate)


def recorded(function: Function) -> Function:
    """``@reverie.recorded``: each call of a function is a session, or a thread of the session it is called in."""
    return record(agent=function.__qualname__)(function)


def current_session() -> RecordedSession | None:
    """The session, or thread, that this code is recorded in; None where it is in none."""
    entered = _current.get()
    return entered[-1] if entered else None


def flush_recordings(seconds: float = EXIT_SECONDS) -> int:
    """Wait until what has ended is sent, for at most ``seconds``; how many sessions are left, which are sent later."""
    with _couriers_lock:
        couriers = list(_couriers.values())
    return sum(courier.flush(seconds) for courier in couriers)


class Recorder:
    """What :func:`record` gives: each ``with`` is a session, each call of a decorated function too."""

    def __init__(self, about: About, courier: Callable[[], Courier], *, separate: bool) -> None:
        self._about = about
        self._courier = courier
        self._separate = separate
        self._begun: list[RecordedSession] = []

    def __enter__(self) -> RecordedSession:
        session = self.begin()
        self._begun.append(session)
        _current.set((*_current.get(), session))
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entered = _current.get()
        # In another context than it was entered in, as generators of pytest and of web frameworks are, none is current.
        mine = next((one for one in reversed(entered) if one in self._begun), None) or self._begun[-1]
        self._begun.remove(mine)
        _current.set(entered[: entered.index(mine)] if mine in entered else entered)
        mine.end(error)

    async def __aenter__(self) -> RecordedSession:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def begin(self) -> RecordedSession:
        """A session that is not current by itself; to be ended by its ``end``."""
        courier, outer = self._courier(), current_session()
        if outer is not None and not self._separate and outer.shares_courier(courier) and not outer.is_over:
            return outer.begin_thread(self._about.agent)
        return RecordedSession(SessionLog(self._about, courier))

    @contextmanager
    def within(self, session: RecordedSession) -> Iterator[None]:
        """Make a session current for a while."""
        before = _current.get()
        _current.set((*before, session))
        try:
            yield
        finally:
            _current.set(before)

    def __call__(self, function: Function) -> Function:
        """Record each call: what it is given is the user's message, what it returns is the agent's."""
        return cast(Function, decorated(self, function))


def _courier(
    url: str | None, key: str | None, settings: Settings | None, spool: str | Path | None, *, enabled: bool
) -> Courier:
    """The courier to where these say: one in a process, for as long as it lives."""
    if not enabled:
        return NOWHERE
    address = url or os.environ.get("REVERIE_URL") or ""
    secret = key or os.environ.get("REVERIE_API_KEY") or _NO_KEY
    try:
        chosen = None if address else settings or load_settings()
    except SettingsError as error:
        NOWHERE.tell_once("settings", "nothing is recorded: %s", error)
        return NOWHERE
    place = address if chosen is None else f"{chosen.database_url or ''} {chosen.home}"
    own = settings.spool if settings is not None and spool is None else spool
    folder = Path(own or load_spool() or platformdirs.user_state_path("reverie") / "recordings")
    with _couriers_lock:
        identity = (place, secret if address else "", str(folder))
        if identity not in _couriers:
            _couriers[identity] = _open_courier(
                functools.partial(_destination, address, secret, chosen), folder / _folder_name(place), bool(address)
            )
        return _couriers[identity]


def _open_courier(destination: Callable[[], Destination], folder: Path, is_server: bool) -> Courier:
    courier = Courier(destination, folder, _CLOCK, most_waiting=MOST_WAITING_BYTES, most=MOST_SPOOL_BYTES)
    atexit.register(courier.close, EXIT_SECONDS)
    if not is_server:
        # A home works with executors, which end before ``atexit``: this runs before they do, where Python has it.
        before_executors = getattr(threading, "_register_atexit", None)
        with suppress(RuntimeError):  # the program is ending already: what is recorded waits on disk
            if before_executors is not None and concurrent.futures.thread:
                before_executors(courier.retire, EXIT_SECONDS)
    return courier


def _destination(address: str, secret: str, settings: Settings | None) -> Destination:
    if settings is None:
        server: Destination = load_module("reverie.recorder.server").ServerDestination(address, secret)
        return server
    home: Destination = load_module("reverie.recorder.home").HomeDestination(settings, _CLOCK)
    return home


def _folder_name(place: str) -> str:
    return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _begin_anew() -> None:
    """In a forked process nobody carries for the parent's sessions."""
    for courier in _couriers.values():
        courier.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
