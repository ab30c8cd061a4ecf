"""What a process reports of itself while it runs, and the telemetry that reports nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from starlette.types import ASGIApp

REQUESTS = "reverie.requests"
EVENTS_APPENDED = "reverie.events.appended"
STREAMS_OPEN = "reverie.streams.open"
DREAMS = "reverie.dreams"
QUEUE_DEPTH = "reverie.queue.depth"

Attributes = Mapping[str, str | int]


class Telemetry(Protocol):
    """Takes spans and measurements."""

    @property
    def is_on(self) -> bool:
        """Whether anyone listens; False spares the work of measuring."""
        ...

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """``app`` with a span for each request, named by its route, and the usual HTTP metrics."""
        ...

    def stage(self, stage: str, dream_id: str) -> AbstractContextManager[None]:
        """A span for as long as a stage of a dream takes."""
        ...

    def count(self, name: str, amount: int, attributes: Attributes | None = None) -> None:
        """Add to a counter."""
        ...

    def measure(self, name: str, value: int, attributes: Attributes | None = None) -> None:
        """Set a gauge."""
        ...


class NoTelemetry:
    """Telemetry that reports nothing."""

    is_on = False

    def wrap(self, app: ASGIApp) -> ASGIApp:
        return app

    def stage(self, stage: str, dream_id: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def count(self, name: str, amount: int, attributes: Attributes | None = None) -> None:
        pass

    def measure(self, name: str, value: int, attributes: Attributes | None = None) -> None:
        pass


NO_TELEMETRY = NoTelemetry()
