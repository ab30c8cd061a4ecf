"""Self-hosted managed agents that learn from their own past sessions by dreaming.

The rooms, in the order of the flow; a room imports only rooms before it, and no room imports an edge:

    sessions → outcomes → digests → statistics → mining → overview → lessons → memory → trials → teams → assist
        → dreams → agents → runtime

Edges: storage, models, telemetry, reports, testing, jobs, api, client, library, cli. Below the flow: prompts.

The names below are the public ones; they are loaded when first used, so that the command line starts quickly.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.client.client import AsyncClient, Client
    from reverie.dreams.dream import DreamResult
    from reverie.dreams.policy import DreamPolicy
    from reverie.errors import ReverieError
    from reverie.lessons.lesson import Lesson
    from reverie.library import AsyncReverie, Reverie, open, open_async
    from reverie.mining.policy import MiningPolicy
    from reverie.outcomes.metric import Metric
    from reverie.settings import Settings
    from reverie.storage.sessions.import_summary import ImportOptions, ImportSummary

__all__ = [
    "AsyncClient",
    "AsyncReverie",
    "Client",
    "DreamPolicy",
    "DreamResult",
    "ImportOptions",
    "ImportSummary",
    "Lesson",
    "Metric",
    "MiningPolicy",
    "Reverie",
    "ReverieError",
    "Settings",
    "open",
    "open_async",
]

_HOMES = {
    "AsyncClient": "reverie.client.client",
    "AsyncReverie": "reverie.library",
    "Client": "reverie.client.client",
    "DreamPolicy": "reverie.dreams.policy",
    "DreamResult": "reverie.dreams.dream",
    "ImportOptions": "reverie.storage.sessions.import_summary",
    "ImportSummary": "reverie.storage.sessions.import_summary",
    "Lesson": "reverie.lessons.lesson",
    "Metric": "reverie.outcomes.metric",
    "MiningPolicy": "reverie.mining.policy",
    "Reverie": "reverie.library",
    "ReverieError": "reverie.errors",
    "Settings": "reverie.settings",
    "open": "reverie.library",
    "open_async": "reverie.library",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reverie' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
