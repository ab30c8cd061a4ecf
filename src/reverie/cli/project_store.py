"""Which memory store is a project's: by its folder, unless the settings name one."""

from collections.abc import Iterable
from pathlib import Path

from reverie.errors import NotFoundError
from reverie.memory.memory import MemoryStore
from reverie.settings import Settings
from reverie.storage.memory.stores import find_store
from reverie.storage.postgres.database import Connection

USUAL_STORE = "default"
"""Where a dream that is told of no store writes."""


def store_names(settings: Settings, cwd: str) -> list[str]:
    """The stores that a project's sessions may be briefed from; the first that there is counts.

    A project is the folder of the nearest ``.git`` above ``cwd``, else ``cwd`` itself.
    """
    if settings.store is not None:
        return [settings.store]
    folder = Path(cwd)
    roots = [place for place in (folder, *folder.parents) if (place / ".git").exists()]
    name = (roots[0] if roots else folder).name
    return [*([name] if name else []), USUAL_STORE]


def listed_store(settings: Settings, cwd: str, listed: Iterable[tuple[str, str]]) -> str | None:
    """The id of the project's store among those that a server lists, by name and id; None where it has none."""
    ids: dict[str, str] = {}
    for name, store_id in listed:
        ids |= {name: store_id, store_id: store_id}
    return next((ids[name] for name in store_names(settings, cwd) if name in ids), None)


async def find_project_store(connection: Connection, settings: Settings, cwd: str) -> MemoryStore | None:
    """The project's store; None where none was named and there is none.

    Raises:
        NotFoundError: the store that the settings name is not there.
        ConflictError: several stores have the name.
    """
    for name in store_names(settings, cwd):
        try:
            return await find_store(connection, name)
        except NotFoundError:
            if settings.store is not None:
                raise
    return None
