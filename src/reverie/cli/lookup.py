"""Agents, environments and memory stores of a server, by what a person calls them: an id or a name."""

from typing import Any

from anthropic import NotFoundError

from reverie.cli.remote import RemoteError

ENVIRONMENT_KEY = "environment_id"
"""In an agent's metadata: where ``reverie chat`` runs its sessions."""
MEMORY_STORE_KEY = "memory_store_id"
"""In an agent's metadata: the memory that ``reverie chat`` gives its sessions."""


async def find_by_name(resource: Any, name: str) -> Any | None:
    """The newest of these resources with that name that is not archived, as the SDK has it."""
    async for one in resource.list(limit=100):
        if one.name == name and one.archived_at is None:
            return one
    return None


async def find(resource: Any, noun: str, prefix: str, named: str, remedy: str) -> Any:
    """The resource with this id or name; ``remedy`` is what to do when there is none.

    Raises:
        RemoteError: there is none.
    """
    found = await find_by_name(resource, named)
    if found is None and named.startswith(prefix):
        try:
            found = await resource.retrieve(named)
        except NotFoundError:
            found = None
    if found is None:
        raise RemoteError(f"no {noun} {named!r} is there; {remedy}")
    return found
