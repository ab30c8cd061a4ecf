"""Memory: stores, documents, who made them so, what changed, and the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from reverie.api.records import DocumentVersion, PathDifference, StoredDocument, StoreRevision
from reverie.console.difference import ShownDifference, show
from reverie.console.links import actor_at, at, session_at
from reverie.console.page import page
from reverie.console.visit import Visit
from reverie.errors import InputError

PAGE = 50
_MOST_DIFFERENCES = 50
_MOST_SESSIONS = 20
_LATEST = 8
_DIGITS = 10
"""Of the largest number that the database holds."""


@dataclass(frozen=True, slots=True)
class Crumb:
    """A part of a path, and the page of all that is beneath it."""

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A directory, or a document with its facts, in a listing."""

    name: str
    href: str
    is_directory: bool
    tier: str = ""
    size: int = 0
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class ShownRevision:
    """An act on a store, with what can be looked at."""

    revision: StoreRevision
    by_href: str | None
    diff_href: str
    undo_href: str
    """The preview of going back to before it."""
    keep_href: str
    """The preview of going back to it."""


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version of a document: whose act it was, and on what sessions."""

    version: DocumentVersion
    by_href: str | None
    href: str
    diff_href: str
    sessions: tuple[tuple[str, str], ...]
    more_sessions: int


@page("GET", "/console/memory", "memory")
async def list_stores(visit: Visit) -> Response:
    """The memory stores, newest first."""
    with_archived = visit.query.get("archived") == "yes"
    listed = await visit.client.beta.memory_stores.list(limit=20, include_archived=with_archived, **_page_of(visit))
    following = at("memory", archived=visit.query.get("archived"), page=listed.next_page) if listed.next_page else None
    return visit.show(
        "memory_stores.html",
        stores=[(store, at("memory", store.id)) for store in listed.data],
        with_archived=with_archived,
        next_href=following,
    )


@page("GET", "/console/memory/{store}", "memory")
async def read_store(visit: Visit) -> Response:
    """A store: the documents beneath a path, or the document at one."""
    path = visit.query.get("path") or "/"
    return await (_directory(visit, path) if path.endswith("/") else _document(visit, path))


async def _directory(visit: Visit, path: str) -> Response:
    store_id = visit.path["store"]
    store = await visit.client.beta.memory_stores.retrieve(store_id)
    listed = await visit.client.beta.memory_stores.memories.list(
        store_id, path_prefix=path, depth=1, limit=PAGE, **_page_of(visit)
    )
    revisions = await visit.client.revision_page(store_id, limit=_LATEST)
    following = at("memory", store_id, path=path, page=listed.next_page) if listed.next_page else None
    return visit.show(
        "memory.html",
        store=store,
        path=path,
        crumbs=_crumbs(store_id, path),
        entries=[_entry(item.to_dict(), store_id, path) for item in listed.data],
        revisions=[_revision(row) for row in revisions.data],
        log_href=at("memory", store_id, "revisions"),
        next_href=following,
        audit_href=at("audit", resource_id=store_id),
    )


async def _document(visit: Visit, path: str) -> Response:
    store_id, revision = visit.path["store"], _number(visit, "revision")
    store = await visit.client.beta.memory_stores.retrieve(store_id)
    document = await visit.client.document(store_id, path, revision=revision)
    versions = [_version(version, document) for version in document.versions]
    lesson_id = document.version.lesson_id
    return visit.show(
        "memory_document.html",
        store=store,
        document=document,
        crumbs=_crumbs(store_id, document.path),
        shown=_version(document.version, document),
        versions=versions,
        now_href=at("memory", store_id, path=document.versions[0].path or path),
        lesson_href=None if lesson_id is None else at("lessons", lesson_id, store=store_id),
    )


@page("GET", "/console/memory/{store}/revisions", "memory")
async def list_revisions(visit: Visit) -> Response:
    """What was done to a store, newest first."""
    store_id = visit.path["store"]
    store = await visit.client.beta.memory_stores.retrieve(store_id)
    listed = await visit.client.revision_page(store_id, page=visit.query.get("page") or None)
    following = at("memory", store_id, "revisions", page=listed.next_page) if listed.next_page else None
    revisions = [_revision(row) for row in listed.data]
    return visit.show("memory_revisions.html", store=store, revisions=revisions, next_href=following)


@page("GET", "/console/memory/{store}/diff", "memory")
async def read_diff(visit: Visit) -> Response:
    """What a revision changed, or how two differ; of one document where one is named."""
    store_id, revision = visit.path["store"], _needed(visit, "revision")
    against, path = _number(visit, "against"), visit.query.get("path") or None
    store = await visit.client.beta.memory_stores.retrieve(store_id)
    found = await visit.client.diff(store_id, revision, against=against, document=path)
    return visit.show(
        "memory_diff.html",
        store=store,
        found=found,
        path=path,
        differences=_differences(found.differences, store_id, revision),
        more=max(len(found.differences) - _MOST_DIFFERENCES, 0),
        whole_href=at("memory", store_id, "diff", revision=revision, against=found.against),
        log_href=at("memory", store_id, "revisions"),
    )


@page("GET", "/console/memory/{store}/roll-back", "memory")
async def preview_roll_back(visit: Visit) -> Response:
    """What going back to a revision would change, before it is done."""
    store_id, to = visit.path["store"], _needed(visit, "to")
    store = await visit.client.beta.memory_stores.retrieve(store_id)
    latest = await visit.client.revision_page(store_id, limit=1)
    if not latest.data:
        raise InputError("this store has no revision yet; there is nothing to go back to")
    present = latest.data[0].number
    found = await visit.client.diff(store_id, to, against=present)
    return visit.show(
        "memory_roll_back.html",
        store=store,
        to=to,
        present=present,
        found=found,
        differences=_differences(found.differences, store_id, present, is_wish=True),
        more=max(len(found.differences) - _MOST_DIFFERENCES, 0),
        action=at("memory", store_id, "roll-back"),
        log_href=at("memory", store_id, "revisions"),
    )


@page("POST", "/console/memory/{store}/roll-back", "memory")
async def roll_back(visit: Visit) -> Response:
    """Go back to a revision, as it was previewed."""
    store_id, to = visit.path["store"], _needed(visit, "to")
    reason = visit.text("reason") or "rolled back in the console"
    done = await visit.client.rollback(store_id, to, reason, expected_revision=_needed(visit, "present"))
    if done.revision is None:
        return visit.go(at("memory", store_id), said=f"The store is already as it was at revision {to}.")
    said = f"The store is as it was at revision {to}; that is revision {done.revision.number}."
    return visit.go(at("memory", store_id), said=said)


def _page_of(visit: Visit) -> dict[str, Any]:
    """Which page of a list is asked for, as a parameter of the official client; none of the first."""
    page = visit.query.get("page")
    return {"page": page} if page else {}


def _number(visit: Visit, name: str) -> int | None:
    """The number of a revision that the page is asked for, if it is.

    Raises:
        InputError: it is no number.
    """
    text = visit.text(name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS):
        raise InputError(f"{name}: revisions have numbers, and {text!r} is none")
    return int(text)


def _needed(visit: Visit, name: str) -> int:
    """The same where there is no page without it.

    Raises:
        InputError: it is not given, or is no number.
    """
    number = _number(visit, name)
    if number is None:
        raise InputError(f"{name}: give the number of a revision")
    return number


def _crumbs(store_id: str, path: str) -> list[Crumb]:
    """The directories above a path."""
    names = path.strip("/").split("/")[: None if path.endswith("/") else -1]
    return [
        Crumb(name, at("memory", store_id, path=f"/{'/'.join(names[: place + 1])}/"))
        for place, name in enumerate(names)
        if name
    ]


def _entry(item: dict[str, object], store_id: str, beneath: str) -> Entry:
    path = str(item["path"])
    name, href = path.removeprefix(beneath), at("memory", store_id, path=path)
    if item["type"] == "memory_prefix":
        return Entry(name, href, is_directory=True)
    size = item["content_size_bytes"]
    assert isinstance(size, int)
    return Entry(name, href, False, str(item.get("tier", "")), size, str(item["updated_at"])[:10])


def _revision(row: StoreRevision) -> ShownRevision:
    store_id = row.memory_store_id
    return ShownRevision(
        row,
        actor_at(row.actor),
        at("memory", store_id, "diff", revision=row.number),
        at("memory", store_id, "roll-back", to=row.number - 1),
        at("memory", store_id, "roll-back", to=row.number),
    )


def _version(version: DocumentVersion, document: StoredDocument) -> ShownVersion:
    store_id, path = document.memory_store_id, version.path or document.path
    sessions = tuple((each, session_at(each)) for each in version.source_session_ids[:_MOST_SESSIONS])
    return ShownVersion(
        version,
        actor_at(version.actor),
        at("memory", store_id, path=path, revision=version.revision),
        at("memory", store_id, "diff", revision=version.revision, path=path),
        sessions,
        len(version.source_session_ids) - len(sessions),
    )


def _differences(
    found: Sequence[PathDifference], store_id: str, revision: int, is_wish: bool = False
) -> list[ShownDifference]:
    """The first differences; each leads to its document as of ``revision``, or before it where it was deleted.

    Of a wish, ``revision`` is what is there before it comes true.
    """

    def href(one: PathDifference) -> str | None:
        is_there = one.operation != ("created" if is_wish else "deleted")
        at_revision = revision if is_there else revision - 1
        if is_wish and not is_there:
            return None
        return at("memory", store_id, path=one.path, revision=at_revision) if at_revision > 0 else None

    return [show(one, href(one)) for one in _first(found)]


def _first(found: Sequence[PathDifference]) -> Iterable[PathDifference]:
    return found[:_MOST_DIFFERENCES]
