"""Beta headers, as strictly as the hosted service takes them; this server insists on them only when asked to."""

import re
from typing import get_args

from starlette.requests import Request

from reverie.api.endpoint import Endpoint
from reverie.api.wire_type import SdkType
from reverie.errors import InputError, NotFoundError

_HEADER = "anthropic-beta"
_AGENTS = "managed-agents-2026-04-01"
_MEMORY = "agent-memory-2026-07-22"
_DREAMS = "dreaming-2026-04-21"
_PREVIEW = re.compile(
    r"^((?:managed-agents|agent-memory|dreaming)-\d{4}-\d{2}-\d{2})-research-preview(?:-\d{4}-\d{2}-\d{2})?$"
)
"""What early users of a beta send instead of its name."""
_NAMES = SdkType("AnthropicBetaParam")
_NEEDED = {
    "agents": {_AGENTS},
    "sessions": {_AGENTS},
    "environments": {_AGENTS},
    "deployments": {_AGENTS},
    "deployment_runs": {_AGENTS},
    "vaults": {_AGENTS},
    "memory_stores": {_MEMORY, _AGENTS},
    "dreams": {_DREAMS},
}
"""By resource, the names of which one has to be there."""


def check_betas(request: Request, endpoint: Endpoint) -> None:
    """Accept a request whose beta headers suit the endpoint.

    Raises:
        InputError: a name is unknown, missing, or goes ill with another.
        NotFoundError: the endpoint does not show itself without its header.
    """
    values = request.headers.getlist(_HEADER)
    named = {_PREVIEW.sub(r"\1", name.strip()) for value in values for name in value.split(",") if name.strip()}
    known = {name for union in get_args(_NAMES.source) for name in get_args(union)}
    for name in sorted(named - known):
        raise InputError(f"{_HEADER}: {name!r} is not the name of a beta")
    resource = endpoint.name.partition(".")[0]
    needed = set() if endpoint.extension else _NEEDED.get(resource, set())
    if resource == "memory_stores" and {_MEMORY, _AGENTS} <= named:
        raise InputError(f"{_HEADER}: {_MEMORY} and {_AGENTS} do not go together here; send the first alone")
    if needed and not needed & named:
        if endpoint.name.startswith("sessions.threads."):
            raise NotFoundError(f"there is no {request.method} {request.url.path}")
        raise InputError(f"{_HEADER}: {endpoint.name} needs {' or '.join(sorted(needed))}")
