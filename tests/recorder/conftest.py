"""A destination in memory, and recorders whose sessions end up there."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reverie.clock import SystemClock
from reverie.recorder.courier import Courier
from reverie.recorder.destination import AwayError, BriefingAsked, Guidance, RefusedError
from reverie.recorder.recording import Recorder
from reverie.recorder.session import About
from reverie.sessions.event import text_of
from reverie.sessions.importers.payload import check_payloads
from reverie.sessions.session import Transcript
from reverie.testing.patience import PATIENCE_SECONDS

ROOM = 1_000_000


@dataclass
class Shelf:
    """Takes sessions, unless it is away or does not want them."""

    sessions: list[Transcript] = field(default_factory=list)
    late: dict[str, dict[str, float]] = field(default_factory=dict)
    asked: list[BriefingAsked] = field(default_factory=list)
    is_away: bool = False
    unwanted: frozenset[str] = frozenset()

    def deliver(self, session_id: str, transcript: bytes) -> None:
        """See :class:`Destination`."""
        self._check(session_id)
        read = msgspec.json.decode(transcript, type=Transcript)
        check_payloads(read.events)
        self.sessions.append(read)

    def score(self, session_id: str, scores: Mapping[str, float]) -> None:
        """See :class:`Destination`."""
        self._check(session_id)
        self.late.setdefault(session_id, {}).update(scores)

    def brief(self, asked: BriefingAsked, seconds: float) -> Guidance:  # noqa: ARG002
        """See :class:`Destination`."""
        self._check(asked.reference)
        self.asked.append(asked)
        return Guidance("Look first.", "brf_1", ("lsn_1",))

    def close(self) -> None:
        """See :class:`Destination`."""

    def _check(self, session_id: str) -> None:
        if self.is_away:
            raise AwayError("nobody is there")
        if session_id in self.unwanted:
            raise RefusedError("not this one")


@dataclass
class Desk:
    """One program that records."""

    folder: Path
    shelf: Shelf
    most_waiting: int = ROOM
    most: int = ROOM
    couriers: list[Courier] = field(default_factory=list)

    def courier(self) -> Courier:
        """The one of this program."""
        if not self.couriers:
            self.couriers.append(
                Courier(lambda: self.shelf, self.folder, SystemClock(), most_waiting=self.most_waiting, most=self.most)
            )
        return self.couriers[-1]

    def record(self, *, separate: bool = False, **about: Any) -> Recorder:
        """As ``reverie.record``."""
        return Recorder(About(**about), self.courier, separate=separate)

    def arrived(self) -> list[Transcript]:
        """The sessions that have arrived, once all have."""
        assert self.courier().flush(PATIENCE_SECONDS) == 0
        return self.shelf.sessions

    def end(self) -> None:
        """The program ends."""
        while self.couriers:
            self.couriers.pop().close(PATIENCE_SECONDS)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A program that records."""
    made = Desk(tmp_path / "spool", Shelf())
    yield made
    made.end()


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged."""
    caplog.set_level(logging.WARNING, "reverie.recorder")
    return caplog


def told(transcript: Transcript, thread: str | None = None) -> list[tuple[str, str]]:
    """Type and text of a thread's events, without the bookkeeping."""
    books = ("span.model_request_end", "session.thread_created")
    return [
        (event.type, str(event.payload.get("name")) if event.type == "agent.tool_use" else text_of(event))
        for event in transcript.events
        if event.thread_id == thread and event.type not in books
    ]
