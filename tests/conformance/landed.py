"""Which resources are served so far; tests of the others are skipped until they are."""

import pytest

from reverie.api.app import ENDPOINTS

_SERVED = {endpoint.name.partition(".")[0] for endpoint in ENDPOINTS}
_NEEDS = {
    "environments.work": ("sessions", "agents"),
    "sessions": ("agents",),
    "sessions.create": ("memory_stores",),
    "sessions.resources": ("files",),
    "dreams": ("sessions", "agents", "memory_stores"),
    "deployments": ("agents", "sessions"),
    "deployment_runs": ("agents", "sessions"),
    "webhooks": ("agents",),
}


def needs(*resources: str) -> pytest.MarkDecorator:
    """Skip unless all of these resources are served."""
    missing = sorted(set(resources) - _SERVED)
    return pytest.mark.skipif(bool(missing), reason=f"not served yet: {', '.join(missing)}")


def needs_of(method: str) -> pytest.MarkDecorator:
    """Skip unless what the method's exercise needs is served."""
    names = {method.partition(".")[0]}
    for prefix, more in _NEEDS.items():
        if method.startswith(prefix):
            names |= set(more)
    return needs(*names)
