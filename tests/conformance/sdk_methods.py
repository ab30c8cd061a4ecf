"""Every public method of the SDK's resources that the server covers, found by looking at the SDK."""

import inspect
from collections.abc import Iterator
from typing import Any

from anthropic import AsyncAnthropic

RESOURCES = (
    "agents",
    "environments",
    "sessions",
    "memory_stores",
    "dreams",
    "deployments",
    "deployment_runs",
    "files",
    "skills",
    "vaults",
    "webhooks",
)
"""Under ``client.beta``."""
_WRAPPERS = ("with_raw_response", "with_streaming_response")


def sdk_methods(client: Any = None) -> list[str]:
    """``resource.method`` paths, in the order of the resources; of the async client unless another is given."""
    beta = (client or AsyncAnthropic(api_key="unused")).beta
    return [method for name in RESOURCES for method in _methods(getattr(beta, name), name)]


def _methods(resource: Any, path: str) -> Iterator[str]:
    kind = type(resource)
    for name in sorted(dir(kind)):
        if name.startswith("_") or name in _WRAPPERS:
            continue
        if inspect.isfunction(inspect.getattr_static(kind, name)):
            yield f"{path}.{name}"
        else:
            yield from _methods(getattr(resource, name), f"{path}.{name}")
