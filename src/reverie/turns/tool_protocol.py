"""What a server says to the process that runs a session's tools, and what it hears; each a line of JSON."""

from typing import Any

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A path that agents are promised, and where it is for this process."""

    promised: str
    real: str


class ToolPlan(msgspec.Struct, frozen=True):
    """Where the tools of a session work."""

    workdir: str
    roots: tuple[str, ...]
    """Folders that file tools may reach besides."""
    read_only: tuple[str, ...]
    places: tuple[Place, ...] = ()
    """Paths to be translated; none where the promised ones are there."""
    limited: bool = False


class ToolRequest(msgspec.Struct, frozen=True):
    """A call."""

    id: str
    name: str
    input: dict[str, Any]


class ToolAnswer(msgspec.Struct, frozen=True):
    """What came of it."""

    id: str
    content: list[dict[str, Any]]
    is_error: bool = False
