"""Self-hosted managed agents that learn from their own past sessions by dreaming.

The rooms, in the order of the flow; a room imports only rooms before it, and no room imports an edge:

    sessions → outcomes → digests → statistics → mining → overview → lessons → memory → trials → teams → assist
        → dreams → agents → runtime

Edges: storage, models, telemetry, reports, testing, jobs, api, client, library, recorder, cli. Below the flow: prompts.

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
    from reverie.recorder.recording import current_session, flush_recordings, record, recorded
    from reverie.recorder.session import RecordedSession
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
    "RecordedSession",
    "Reverie",
    "ReverieError",
    "Settings",
    "current_session",
    "flush_recordings",
    "open",
    "open_async",
    "record",
    "recorded",
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
    "RecordedSession": "reverie.recorder.session",
    "Reverie": "reverie.library",
    "ReverieError": "reverie.errors",
    "Settings": "reverie.settings",
    "current_session": "reverie.recorder.recording",
    "flush_recordings": "reverie.recorder.recording",
    "open": "reverie.library",
    "open_async": "reverie.library",
    "record": "reverie.recorder.recording",
    "recorded": "reverie.recorder.recording",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reverie' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
