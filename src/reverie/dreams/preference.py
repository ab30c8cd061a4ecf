"""The record of a standing order that users gave again and again."""

from typing import Literal

import msgspec

from reverie.overview.friction import Quote

PreferenceStatus = Literal["candidate", "quarantined", "waiting"]


class Preference(msgspec.Struct, frozen=True):
    """A standing order of users, in the words of one of them."""

    words: str
    status: PreferenceStatus
    """``candidate``: for a person or a trial; ``quarantined``: a person looks first; ``waiting``: too few said so."""
    reason: str
    times: int
    sessions: int
    users: int | None
    """Different known users; None where no session of the dream names its user."""
    quotes: tuple[Quote, ...]
