"""Wished changes against the store as it stands: what would be done, or why it may not be."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reverie.errors import (
    InputError,
    NotFoundError,
    PathConflictError,
    PreconditionError,
    StoreArchivedError,
    StoreLimitError,
)
from reverie.memory.content import content_sha256, encode_content
from reverie.memory.memory import Edit, MemoryStore, Operation, Tier
from reverie.memory.path import check_path, directories, find_clash
from reverie.memory.store import MAX_MEMORIES

GROWTH: Mapping[Operation, int] = {"created": 1, "modified": 0, "deleted": -1}
"""By how much each operation changes the number of memories."""


class Head(msgspec.Struct, frozen=True):
    """A live memory, without its content."""

    id: str
    path: str
    content_sha256: str
    tier: Tier = "intermediate"
    lesson_id: str | None = None


class PlannedVersion(msgspec.Struct, frozen=True):
    """One real change that the edits amount to."""

    operation: Operation
    path: str
    reason: str
    memory_id: str | None
    """None where the memory is to be created."""
    content: str | None = None
    content_sha256: str | None = None
    content_size_bytes: int | None = None
    tier: Tier = "intermediate"
    lesson_id: str | None = None
    """The lesson whose document it is from now on."""


def plan_edits(
    store: MemoryStore, heads: Mapping[str, Head], edits: Sequence[Edit], *, most_memories: int = MAX_MEMORIES
) -> tuple[PlannedVersion, ...]:
    """The changes that make the store as the edits wish, without those that change nothing.

    The edits are one act, so their order does not matter. ``heads`` maps paths to live memories: at least those that
    the edits name, that would be their directories, or that stand beneath them (see :func:`related_directories`).

    Raises:
        InputError: a path or content breaks its rules, or two edits name one path.
        NotFoundError: there is no memory to rename.
        StoreArchivedError: the store is archived and an edit would write.
        PreconditionError: content has changed since it was read, and is not yet what the edit wishes.
        PathConflictError: a path is taken, or a memory would also be a directory.
        StoreLimitError: the store would hold more memories than are allowed.
    """
    _check_distinct(edit.source for edit in edits if edit.source is not None)
    _check_distinct(edit.path for edit in edits if edit.content is not None)
    if store.archived_at is not None and any(edit.content is not None for edit in edits):
        raise StoreArchivedError(
            f"memory store {store.name!r} ({store.id}) is archived; its memories can only be deleted"
        )
    vacated = vacated_paths(edits)
    for edit in edits:
        _check_free(heads, edit, vacated)
    planned_versions = [planned for edit in edits if (planned := _plan_edit(_head_of(heads, edit), edit)) is not None]
    kept = heads.keys() - vacated
    arrived = {planned.path for planned in planned_versions if planned.operation != "deleted"} - kept
    if arrived:
        _check_tree(heads, arrived, kept | arrived)
    grown = sum(GROWTH[planned.operation] for planned in planned_versions)
    if grown > 0:
        _check_size(store, store.memory_count + grown, most_memories)
    return tuple(planned_versions)


def vacated_paths(edits: Iterable[Edit]) -> set[str]:
    """The paths at which a memory goes away, or from which it moves."""
    left = {edit.renamed_from for edit in edits if edit.renamed_from is not None}
    return left | {edit.path for edit in edits if edit.content is None}


def related_directories(edits: Sequence[Edit]) -> set[str]:
    """The paths that would have to be directories for the edits to apply."""
    return {directory for edit in edits if edit.content is not None for directory in directories(edit.path)}


def _check_distinct(paths: Iterable[str]) -> None:
    repeated = next((path for path, count in Counter(paths).items() if count > 1), None)
    if repeated is not None:
        raise InputError(f"{repeated}: several edits of one act name this path; leave one")


def _check_free(heads: Mapping[str, Head], edit: Edit, vacated: Collection[str]) -> None:
    """Refuse to put a new or moved memory in another one's place."""
    taken = heads.get(edit.path)
    if (edit.only_new or edit.renamed_from is not None) and taken is not None and edit.path not in vacated:
        raise PathConflictError(
            f"{edit.path}: memory {taken.id} is there already; change that one, or choose another path",
            memory_id=taken.id,
            path=edit.path,
        )


def _head_of(heads: Mapping[str, Head], edit: Edit) -> Head | None:
    head = None if edit.source is None else heads.get(edit.source)
    if edit.renamed_from is not None and head is None:
        raise NotFoundError(f"{edit.renamed_from}: there is no memory to rename")
    return head


def _plan_edit(head: Head | None, edit: Edit) -> PlannedVersion | None:
    check_path(edit.path)
    data = None if edit.content is None else _encode(edit.path, edit.content)
    wished = None if data is None else content_sha256(data)
    present = None if head is None else head.content_sha256
    tier = edit.tier or (head.tier if head else "intermediate")
    same = head is not None and (head.path, present) == (edit.path, wished)
    # Another tier leaves a dream's text a dream's; other text, or another place, is whoever wrote it's.
    lesson_id = edit.lesson_id or (head.lesson_id if head is not None and same else None)
    if wished == present and (head is None or (same and (head.tier, head.lesson_id) == (tier, lesson_id))):
        return None
    if edit.expected_content_sha256 not in (None, present):
        raise PreconditionError(
            f"{edit.path}: content has SHA-256 {present or '(no memory)'}, not the expected "
            f"{edit.expected_content_sha256}; read it again and redo the edit"
        )
    memory_id = None if head is None else head.id
    if data is None:
        return PlannedVersion("deleted", edit.path, edit.reason, memory_id, tier=tier)
    operation: Operation = "created" if head is None else "modified"
    return PlannedVersion(
        operation, edit.path, edit.reason, memory_id, edit.content, wished, len(data), tier, lesson_id
    )


def _encode(path: str, content: str) -> bytes:
    try:
        return encode_content(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check_tree(heads: Mapping[str, Head], arrived: set[str], paths: set[str]) -> None:
    clash = find_clash(arrived, paths)
    if clash is not None:
        path, other = clash
        raise PathConflictError(
            f"{path}: {other} is a memory, and a memory cannot also be a directory; choose another path",
            memory_id=heads[other].id if other in heads else "",
            path=other,
        )


def _check_size(store: MemoryStore, memories: int, most_memories: int) -> None:
    if memories > most_memories:
        raise StoreLimitError(
            f"memory store {store.name!r} would hold {memories:,} memories; at most {most_memories:,} are allowed: "
            "delete or merge some"
        )
