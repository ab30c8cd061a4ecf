"""One change to the documents of a store, and why it was made."""

from typing import Literal

import msgspec

ChangeAction = Literal["add", "edit", "merge", "drop", "mark", "quarantine", "tier", "expire"]


class Change(msgspec.Struct, frozen=True):
    """One edit the dream made to the store."""

    action: ChangeAction
    path: str
    reason: str
