"""Carries what is recorded to disk and on to its destination, in threads of its own: nobody waits for it.

One thread writes lines to the spool, another sends sessions that have ended. What there is no room for is dropped,
counted, and told once; what cannot be sent is kept on disk, and sent later, by a later process if need be.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from reverie.clock import Clock, SystemClock
from reverie.recorder.destination import AwayError, BriefingAsked, Destination, Guidance, RefusedError
from reverie.recorder.line import Lost, assemble, encode
from reverie.recorder.spool import SCORES, Spool, lines_of

log = logging.getLogger("reverie.recorder")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""Between two tries to reach a destination that is away."""
_WAKE_SECONDS = 0.2
_transcripts = msgspec.json.Encoder()


class LateScores(msgspec.Struct, frozen=True):
    """Scores of a session that has ended."""

    session_id: str
    scores: dict[str, float]


class _Item(msgspec.Struct, frozen=True):
    name: str
    """The session's name in the spool."""
    data: bytes
    is_last: bool
    """Whether the session ends with it."""
    is_scores: bool


class Courier:
    """The way of all sessions of this process to one destination."""

    def __init__(
        self, open_destination: Callable[[], Destination], folder: Path, clock: Clock, *, most_waiting: int, most: int
    ) -> None:
        """``most_waiting`` bytes may wait for the disk, and ``most`` bytes on it for the destination."""
        self.clock = clock
        self._open_destination = open_destination
        self._folder = folder
        self._most_waiting = most_waiting
        self._most = most
        self._begin()

    def begin_anew(self) -> None:
        """Forget what waits and start over: in a forked process, the threads and what they carry are the parent's."""
        self.spool.let_go()
        self._begin()

    def _begin(self) -> None:
        self.spool = Spool(self._folder, self._most)
        self._destination: Destination | None = None
        self._opening = threading.Lock()
        self._changed = threading.Condition()
        self._queue: deque[_Item] = deque()
        self._queued = 0
        self._is_writing = self._is_sending = self._has_ready = False
        self._hurries = self._failures = 0
        self._lost: dict[str, int] = {}
        self._dropped = 0
        self._told: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._is_retired = self._is_closed = False

    def put(self, name: str, data: bytes, *, is_last: bool = False, is_scores: bool = False) -> bool:
        """Take in lines of a session; False where there is no room for them, which is counted.

        The end of a session has room always: it is small, and nothing would be sent without it.
        """
        with self._changed:
            self._start()
            if self._is_closed or (self._queued + len(data) > self._most_waiting and not is_last):
                self._drop(name)
                return False
            self._queue.append(_Item(name, data, is_last, is_scores))
            self._queued += len(data)
            self._changed.notify_all()
            return True

    def brief(self, asked: BriefingAsked, seconds: float) -> Guidance:
        """Guidance; raises as :meth:`Destination.brief`."""
        return self._reached().brief(asked, seconds)

    def flush(self, seconds: float) -> int:
        """Wait until all that has ended is sent, or it is clear that it cannot be now, for at most ``seconds``.

        Gives how many sessions are left.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._hurries += 1
            failures = self._failures
            self._changed.notify_all()
            while not self._is_retired and (left := until - time.monotonic()) > 0:
                # What is being written is neither in the queue nor on disk, so it could not be counted.
                is_kept = not self._queue and not self._is_writing
                if is_kept and (failures != self._failures or not self._is_busy()):
                    break
                self._changed.wait(min(left, _WAKE_SECONDS))
            return sum(item.is_last or item.is_scores for item in self._queue) + len(self.spool.waiting())

    def retire(self, seconds: float) -> None:
        """Send what can be sent within ``seconds``, and let go of the destination; what comes later is kept on disk."""
        left = self.flush(seconds)
        with self._changed:
            self._is_retired = True
            self._changed.notify_all()
        if left:
            log.warning("%d recorded sessions are not sent yet; the next program that records sends them", left)
        if self._destination is not None:
            try:
                self._destination.close()
            except AwayError as error:
                log.warning("the destination of recorded sessions does not close: %s", error)
            self._destination = None

    def close(self, seconds: float) -> None:
        """Write what is queued to disk, send what can be sent within ``seconds``, and end."""
        if not self._is_retired and self._threads:
            self.retire(seconds)
        with self._changed:
            self._is_closed = self._is_retired = True
            self._changed.notify_all()
        if "write" in self._threads:
            self._threads["write"].join(seconds + 1.0)
        if self._dropped:
            log.warning("%d lines of recorded sessions were dropped in all, for want of room", self._dropped)
        self.spool.close()

    def tell_once(self, kind: str, message: str, *given: object) -> None:
        """A warning, the first time that there is one of its kind."""
        if kind not in self._told:
            self._told.add(kind)
            log.warning(message, *given)

    def _start(self) -> None:
        if self._threads or self._is_closed:
            return
        for name, work in (("write", self._write), ("send", self._send)):
            self._threads[name] = threading.Thread(
                target=self._forever, args=[name, work], name=f"reverie-{name}", daemon=True
            )
            self._threads[name].start()

    def _drop(self, name: str) -> None:
        self._lost[name] = self._lost.get(name, 0) + 1
        self._dropped += 1
        self.tell_once("room", "there is no room for what is recorded; it is dropped, and counted in the session")

    def _is_busy(self) -> bool:
        return bool(self._queue) or self._is_writing or self._is_sending or bool(self.spool.waiting())

    def _reached(self) -> Destination:
        with self._opening:
            if self._destination is None:
                self._destination = self._open_destination()
            return self._destination

    def _forever(self, name: str, work: Callable[[], bool]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                if not work():
                    return
                pause = FIRST_PAUSE_SECONDS
                continue
            except Exception as error:  # noqa: BLE001 - the outermost loop: the program that is recorded must not notice
                self.tell_once(name, "recorded sessions wait in %s: %s", self.spool.own, error or repr(error))
            with self._changed:
                self._failures += 1
                self._changed.notify_all()
                hurries = self._hurries
                self._changed.wait_for(lambda: self._is_retired or self._hurries != hurries, pause)  # noqa: B023
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)

    def _write(self) -> bool:
        """Write what is queued; whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            if not self._queue:
                return False
            items, self._queue, self._queued = list(self._queue), deque(), 0
            self._is_writing = True
        for item in items:
            try:
                self._keep(item)
            except OSError as error:
                self.tell_once("disk", "what is recorded cannot be kept on disk, and is dropped: %s", error)
                with self._changed:
                    self._drop(item.name)
        with self._changed:
            self._is_writing = False
            self._has_ready = True
            self._changed.notify_all()
        return True

    def _keep(self, item: _Item) -> None:
        self.spool.open()
        if item.is_scores:
            self.spool.keep_scores(item.name, item.data)
            return
        with self._changed:
            lost = self._lost.pop(item.name, 0)
        data = encode(Lost(lost)) + item.data if lost else item.data
        if not self.spool.append(item.name, data, is_last=item.is_last):
            with self._changed:
                self._lost[item.name] = lost
                self._drop(item.name)
        if item.is_last:
            self.spool.finish(item.name)

    def _send(self) -> bool:
        """Send what waits; whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_retired or self._has_ready)
            if self._is_retired:
                return False
            self._has_ready, self._is_sending = False, True
        has_failed = True
        try:
            for path in self.spool.waiting():
                self._send_one(path)
            has_failed = False
        finally:
            with self._changed:
                self._is_sending = False
                self._has_ready = self._has_ready or has_failed
                self._changed.notify_all()
        self._told.discard("send")  # when it is away again, that is news
        return True

    def _send_one(self, path: Path) -> None:
        try:
            if path.suffix == SCORES:
                late = msgspec.json.decode(path.read_bytes(), type=LateScores)
                self._reached().score(late.session_id, late.scores)
            else:
                transcript = assemble(lines_of(path))
                if transcript is None:
                    raise RefusedError("its beginning is not there")
                self._reached().deliver(transcript.session.id, _transcripts.encode(transcript) + b"\n")
        except (RefusedError, msgspec.DecodeError) as error:
            log.warning("a recorded session is not taken, and kept in %s: %s", self.spool.set_aside(path), error)
        else:
            self.spool.remove(path)


class _Nowhere(Courier):
    """For programs that record nothing."""

    def put(self, name: str, data: bytes, *, is_last: bool = False, is_scores: bool = False) -> bool:  # noqa: ARG002
        """Forget it."""
        return True

    def brief(self, asked: BriefingAsked, seconds: float) -> Guidance:  # noqa: ARG002
        """There is none."""
        return Guidance(failure="nothing is recorded here")


def _no_destination() -> Destination:
    raise AwayError("nothing is recorded here")


NOWHERE = _Nowhere(_no_destination, Path("nowhere"), SystemClock(), most_waiting=0, most=0)
