"""What is loaded when it is first used: all that needs the statistics libraries or the engine of jobs.

A server is then ready in about a second, not in three. The names below are those that the server uses; they are
resolved here and nowhere else, so that every import can be followed.
"""

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from reverie.digests.vector import open_embedder
    from reverie.jobs.activity import report_activity
    from reverie.jobs.dream_queue import DreamQueue
    from reverie.jobs.engine import estimate_dream
    from reverie.jobs.explanation import explain_lesson
    from reverie.jobs.routing import learn_all, report_routing, value_routing
    from reverie.turns.sandbox import open_sandboxes
    from reverie.turns.service import run_with_settings

__all__ = [
    "DreamQueue",
    "estimate_dream",
    "explain_lesson",
    "learn_all",
    "load",
    "open_embedder",
    "open_sandboxes",
    "report_activity",
    "report_routing",
    "run_with_settings",
    "value_routing",
]

_MODULE_OF = {
    "DreamQueue": "reverie.jobs.dream_queue",
    "open_embedder": "reverie.digests.vector",
    "open_sandboxes": "reverie.turns.sandbox",
    "run_with_settings": "reverie.turns.service",
    "report_activity": "reverie.jobs.activity",
    "estimate_dream": "reverie.jobs.engine",
    "explain_lesson": "reverie.jobs.explanation",
    "learn_all": "reverie.jobs.routing",
    "report_routing": "reverie.jobs.routing",
    "value_routing": "reverie.jobs.routing",
}

Loaded = TypeVar("Loaded")


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'reverie.api.on_demand' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


async def load(get: Callable[[], Loaded]) -> Loaded:
    """What ``get`` gives, such as ``lambda: on_demand.DreamQueue``, loaded in a thread so that no request waits."""
    return await asyncio.to_thread(get)
