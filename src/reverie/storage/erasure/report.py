"""What an erasure is asked for, how far it has come, and what it did; clients read these records too."""

from typing import Literal

import msgspec

from reverie.errors import InputError

ErasureState = Literal["running", "done"]


class ErasureRequest(msgspec.Struct, frozen=True):
    """Whose sessions are to be erased: those named, those of a user, those of an agent."""

    session_ids: tuple[str, ...] = ()
    """Also of sessions that were deleted before: what was learned from them may still be there."""
    user_id: str | None = None
    agent: str | None = None
    """An agent's id, or the name that its sessions bear."""

    def check(self) -> None:
        """See that something is asked.

        Raises:
            InputError: nothing is, or something empty.
        """
        asked = [*self.session_ids, *(each for each in (self.user_id, self.agent) if each is not None)]
        if not asked or not all(asked):
            raise InputError(
                "say whose sessions are to be erased: ids of sessions, a user or an agent, none of them empty"
            )


class ErasedSession(msgspec.Struct, frozen=True):
    """A session that was stored and is erased."""

    id: str
    content_sha256: str
    """Of its events as they were imported, by which a copy elsewhere can be known."""


class Progress(msgspec.Struct, frozen=True):
    """How far the erasure of sessions has come."""

    sessions: tuple[ErasedSession, ...] = ()
    rows: dict[str, int] = {}
    """Deleted so far, by table."""
    codes: tuple[int, ...] = ()
    """Behaviours that they showed."""


class ErasureReport(msgspec.Struct, frozen=True):
    """What was erased: counts, ids and hashes, no content."""

    sessions: tuple[ErasedSession, ...] = ()
    rows: dict[str, int] = {}
    """Deleted or blanked, by table."""
    lessons_retold: tuple[str, ...] = ()
    """They stand without the erased sessions, with fewer citations."""
    lessons_retired: tuple[str, ...] = ()
    """All sessions that they cited are erased."""
    lessons_removed: tuple[str, ...] = ()
    """No session that is left shows what they speak of."""
    memories_changed: tuple[str, ...] = ()
    memories_removed: tuple[str, ...] = ()
    versions_redacted: tuple[str, ...] = ()
    dreams_changed: tuple[str, ...] = ()
    """Dreams that may have read an erased session; what they found of it is taken out of their results."""
    trials_ended: tuple[str, ...] = ()
    shown_in: tuple[str, ...] = ()
    """Other sessions that were shown what came from erased ones: their logs may repeat it, and stay."""
    left: tuple[str, ...] = ()
    """What a person has to look at, in sentences."""
