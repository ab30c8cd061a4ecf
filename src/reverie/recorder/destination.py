"""Where recorded sessions go, and what may become of one on its way."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from reverie.errors import ReverieError


class AwayError(ReverieError):
    """The destination cannot take anything now; what was to be sent is kept."""


class RefusedError(ReverieError):
    """The destination will never take this."""


class BriefingAsked(msgspec.Struct, frozen=True):
    """Who asks for guidance, and for what."""

    stores: tuple[str, ...]
    """Names or ids; none is the only store there is, of a home."""
    reference: str
    agent: str | None = None
    task_category: str | None = None
    user_id: str | None = None
    query: str = ""


class Guidance(msgspec.Struct, frozen=True):
    """What earlier sessions have shown, as drawn for one session."""

    text: str = ""
    """To be put before the agent; empty where nothing is known, or could be had."""
    briefing_id: str | None = None
    shown: tuple[str, ...] = ()
    """The lessons and memories in it."""
    failure: str | None = None
    """Why there is none, where Reverie could not be asked."""


class Destination(Protocol):
    """A server, or a home."""

    def deliver(self, session_id: str, transcript: bytes) -> None:
        """Store a session, one line of Reverie's own format.

        Raises:
            AwayError: not now.
            RefusedError: never.
        """

    def score(self, session_id: str, scores: Mapping[str, float]) -> None:
        """Record scores of a session that was delivered; raises as :meth:`deliver`."""

    def brief(self, asked: BriefingAsked, seconds: float) -> Guidance:
        """Guidance within ``seconds``.

        Raises:
            AwayError: it cannot be had.
        """

    def close(self) -> None:
        """Let go of connections."""
