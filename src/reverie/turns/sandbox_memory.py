"""Memory stores as folders of a sandbox: written before a turn's first call, read back after each that may have changed
them. Who changed what in the meantime decides: the store keeps its own, and the sandbox's goes beside it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from reverie.errors import PathConflictError, PreconditionError, ReverieError
from reverie.memory.content import content_sha256, encode_content
from reverie.memory.memory import Edit, Memory
from reverie.storage.live.session_views import hidden_memories
from reverie.storage.memory.folder import FileProblem, read_folder, write_folder
from reverie.storage.memory.memories import apply_edits, list_memories
from reverie.storage.postgres.database import Database
from reverie.turns.sandbox_folder import SandboxFolder

_REASON = "written by the agent of a session"
Hashes = dict[str, str]
"""Hashes of contents by path."""


class MountedStore(msgspec.Struct, frozen=True):
    """A store that is attached to a session."""

    store_id: str
    mount_path: str
    folder: Path
    read_only: bool


def mounted_stores(folder: SandboxFolder, resources: Sequence[Mapping[str, Any]]) -> list[MountedStore]:
    """The stores of a session, each with its folder on this machine."""
    return [
        MountedStore(
            resource["memory_store_id"],
            resource["mount_path"],
            folder.real(resource["mount_path"]),
            resource["access"] == "read_only",
        )
        for resource in resources
        if resource["type"] == "memory_store"
    ]


async def bring(database: Database, store: MountedStore, session_id: str) -> tuple[Hashes, list[FileProblem]]:
    """Make the folder as the session may see the store now.

    Returns:
        The hash of each memory, and the files that could not be written.
    """
    async with database.connection() as connection:
        hidden = await hidden_memories(connection, session_id, store.store_id)
        memories = await list_memories(connection, store.store_id, with_content=True, hidden=hidden)
    return await asyncio.to_thread(_write, store.folder, memories)


def _write(folder: Path, memories: Sequence[Memory]) -> tuple[Hashes, list[FileProblem]]:
    folder.mkdir(parents=True, exist_ok=True)
    present, _ = read_folder(folder, _REASON)
    there = {edit.path: _hash(edit) for edit in present}
    known = {memory.path: memory.content_sha256 for memory in memories}
    for path in there.keys() - known.keys():
        (folder / path[1:]).unlink(missing_ok=True)
    stale = [(memory.path, memory.content or "") for memory in memories if there.get(memory.path) != known[memory.path]]
    problems = write_folder(folder, stale, force=True)
    return known, problems


async def collect(
    database: Database, store: MountedStore, known: Mapping[str, str], session_id: str, now: datetime
) -> list[str]:
    """Take what the tools changed in the folder into the store; what the agent has to be told."""
    found, problems = await asyncio.to_thread(read_folder, store.folder, _REASON)
    edits = changes(found, problems, known, store.folder)
    told = [f"{store.mount_path}{_below(store, problem)} is not kept: {problem.reason}." for problem in problems]
    if not edits:
        return told
    if store.read_only:
        return [*told, f"{store.mount_path} is read-only: what was changed there is not kept."]
    try:
        await _apply(database, store, edits, session_id, now)
    except ReverieError:
        # Something stands in the way of one of them at least.
        for edit in edits:
            told += await _apply_one(database, store, edit, session_id, now)
    return told


def changes(
    found: Sequence[Edit], problems: Sequence[FileProblem], known: Mapping[str, str], folder: Path
) -> list[Edit]:
    """What was made, changed and deleted since the folder was as ``known`` says."""
    unreadable = {problem.path for problem in problems}
    there = {edit.path for edit in found}
    # Deletions first: what is written may need their place.
    edits = [
        Edit(path, None, _REASON, before)
        for path, before in known.items()
        if path not in there and str(folder / path[1:]) not in unreadable
    ]
    for edit in found:
        hash_then = known.get(edit.path)
        if hash_then is None:
            edits.append(msgspec.structs.replace(edit, only_new=True))
        elif hash_then != _hash(edit):
            edits.append(msgspec.structs.replace(edit, expected_content_sha256=hash_then))
    return edits


def _hash(edit: Edit) -> str:
    return content_sha256(encode_content(edit.content or ""))


def _below(store: MountedStore, problem: FileProblem) -> str:
    return problem.path.removeprefix(str(store.folder))


async def _apply(
    database: Database, store: MountedStore, edits: Sequence[Edit], session_id: str, now: datetime
) -> None:
    async with database.connection() as connection:
        await apply_edits(
            connection,
            store.store_id,
            edits,
            act="write",
            actor=session_id,
            reason=_REASON,
            source_session_ids=[session_id],
            created_by={"type": "session_actor", "session_id": session_id},
            now=now,
        )


async def _apply_one(database: Database, store: MountedStore, edit: Edit, session_id: str, now: datetime) -> list[str]:
    place = f"{store.mount_path}{edit.path}"
    try:
        await _apply(database, store, [edit], session_id, now)
    except (PreconditionError, PathConflictError) as error:
        if edit.content is None:
            return [f"{place} was changed by somebody else meanwhile, so it was not deleted."]
        aside = Edit(_beside(edit.path, session_id), edit.content, _REASON)
        try:
            await _apply(database, store, [aside], session_id, now)
        except ReverieError as again:
            return [f"{place} is not kept: {error}; nor can it be kept beside it: {again}."]
        kept = f"what you wrote is kept as {store.mount_path}{aside.path}"
        return [f"{place} was changed by somebody else meanwhile and is as they left it; {kept}."]
    except ReverieError as error:
        return [f"{place} is not kept: {error}."]
    return []


def _beside(path: str, session_id: str) -> str:
    plain = PurePosixPath(path)
    return str(plain.with_name(f"{plain.stem}-conflict-{session_id[-8:]}{plain.suffix}"))
