"""What is mounted into a session: memory stores, files, repositories."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from reverie.agents.web_address import check_web_address
from reverie.errors import InputError, StateError
from reverie.ids import derived_id
from reverie.memory.memory import MemoryStore

MOST_MEMORY_STORES = 8
MOST_FILES = 500
_MEMORY_ROOT = "/mnt/memory"
_UPLOADS_ROOT = "/mnt/session/uploads"


def check_resources(resources: Sequence[Mapping[str, Any]], *, self_hosted: bool) -> None:
    """Accept what a session shall have mounted.

    Raises:
        InputError: there are too many, one comes twice, or the environment cannot mount them.
    """
    stores = [resource["memory_store_id"] for resource in resources if resource["type"] == "memory_store"]
    if len(stores) > MOST_MEMORY_STORES:
        raise InputError(f"resources: {len(stores)} memory stores; at most {MOST_MEMORY_STORES} are allowed")
    if len(set(stores)) < len(stores):
        raise InputError("resources: a memory store is attached twice")
    files = sum(resource["type"] == "file" for resource in resources)
    if files > MOST_FILES:
        raise InputError(f"resources: {files} files; at most {MOST_FILES} are allowed")
    if self_hosted and len(stores) < len(resources):
        raise InputError(
            "resources: a self_hosted environment mounts memory stores alone", code="self_hosted_resources_unsupported"
        )


def mount_store(wanted: Mapping[str, Any], store: MemoryStore, taken: Sequence[str]) -> dict[str, Any]:
    """An attached memory store; name and description are as they were when it was attached.

    Args:
        taken: mount paths that other stores of the session have.

    Raises:
        StateError: the store is archived.
    """
    if store.archived_at is not None:
        raise StateError(f"memory store {store.id} is archived and cannot be attached", code="memory_store_archived")
    return {
        "type": "memory_store",
        "memory_store_id": store.id,
        "access": wanted.get("access") or "read_write",
        "instructions": wanted.get("instructions"),
        "name": store.name,
        "description": store.description,
        "mount_path": _free_path(f"{_MEMORY_ROOT}/{_slug(store.name)}", taken),
    }


def mount_file(wanted: Mapping[str, Any], session_id: str, number: int, now: datetime) -> dict[str, Any]:
    """An attached file, beneath the uploads."""
    path = _plain_path(wanted.get("mount_path") or f"/{wanted['file_id']}")
    rooted = path if path.startswith(f"{_UPLOADS_ROOT}/") else f"{_UPLOADS_ROOT}{path}"
    return {
        "id": derived_id("sesrsc", session_id, str(number)),
        "type": "file",
        "file_id": wanted["file_id"],
        "mount_path": rooted,
        "created_at": _text(now),
        "updated_at": _text(now),
    }


def mount_repository(wanted: Mapping[str, Any], session_id: str, number: int, now: datetime) -> dict[str, Any]:
    """An attached repository; its token is never kept, since nothing here checks repositories out yet."""
    url = check_web_address("resources: url", wanted["url"], plain=False)
    name = urlsplit(url).path.rstrip("/").rpartition("/")[2].removesuffix(".git") or "repository"
    return {
        "id": derived_id("sesrsc", session_id, str(number)),
        "type": "github_repository",
        "url": url,
        "checkout": wanted.get("checkout"),
        "mount_path": _plain_path(wanted.get("mount_path") or f"/workspace/{name}"),
        "created_at": _text(now),
        "updated_at": _text(now),
    }


def check_mounts(mounted: Sequence[Mapping[str, Any]]) -> None:
    """Accept mounted resources that are not in each other's place.

    Raises:
        InputError: two have one path, or one is a file where another needs a directory.
    """
    paths = {resource["mount_path"] for resource in mounted}
    if len(paths) < len(mounted):
        places = [resource["mount_path"] for resource in mounted]
        twice = next(path for path in places if places.count(path) > 1)
        raise InputError(f"resources: mount_path {twice!r} is given twice; each resource needs a place of its own")
    for path in (resource["mount_path"] for resource in mounted if resource["type"] == "file"):
        beneath = next((other for other in paths if other.startswith(f"{path}/")), None)
        if beneath is not None:
            raise InputError(f"resources: mount_path {path!r} is a file, so that {beneath!r} cannot be beneath it")


def _plain_path(path: str) -> str:
    """``path`` from the root, without empty steps and single dots: ``a//./b`` as ``/a/b``."""
    steps = [step for step in path.split("/") if step not in ("", ".")]
    if not steps or path.endswith("/"):
        raise InputError(f"resources: mount_path {path!r} names no file or directory; give one such as /data/table.csv")
    if ".." in steps or not path.isprintable():
        raise InputError(f"resources: mount_path {path!r} has .. or control characters; write it out plainly")
    return "/" + "/".join(steps)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "store"


def _free_path(path: str, taken: Sequence[str]) -> str:
    number, free = 1, path
    while free in taken:
        number += 1
        free = f"{path}-{number}"
    return free


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
