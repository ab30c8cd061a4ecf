"""A memory store brought to a Managed Agents server: what was not written from here is never touched."""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from anthropic import AsyncAnthropic

from reverie.clock import Clock
from reverie.errors import ConflictError, NotFoundError
from reverie.jobs.bounded_http import each_listed
from reverie.memory.memory import Memory, MemoryStore
from reverie.memory.path import QUARANTINE
from reverie.storage.memory.memories import list_memories
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.pulled import forget_marks, read_marks, write_marks

WAY = "push anthropic"
_PAGE = 100

Act = Literal["create", "update", "delete", "keep"]


class PushedMemory(msgspec.Struct, frozen=True):
    """What becomes of one memory there."""

    path: str
    act: Act
    """``keep`` leaves what somebody else wrote, or changed since, as it is."""
    reason: str = ""


class Push(msgspec.Struct, frozen=True):
    """What is done, or would be."""

    store: str
    """The store here."""
    to: str
    """The store there; its name where it has yet to be made."""
    is_applied: bool
    memories: tuple[PushedMemory, ...]
    unchanged: int


class Pushing(msgspec.Struct, frozen=True):
    """From where, and to where."""

    client: AsyncAnthropic
    database: Database
    clock: Clock
    place: str
    store: MemoryStore


async def push(pushing: Pushing, to: str | None, *, apply: bool) -> Push:
    """Make the store there hold what the one here does, as far as it was written from here.

    Raises:
        NotFoundError: ``to`` names no store there.
        ConflictError: several stores there have the name.
    """
    far = await _find(pushing.client, to or pushing.store.name, must_be=to is not None)
    if far is None and apply:
        made = await pushing.client.beta.memory_stores.create(
            name=pushing.store.name, description=pushing.store.description
        )
        far = made.id
    there: dict[str, Any] = {}
    if far is not None:
        listed = pushing.client.beta.memory_stores.memories.list(far, view="basic", limit=_PAGE)
        there = {one.path: one async for one in each_listed(listed, "memories") if one.type == "memory"}
    async with pushing.database.connection() as connection:
        found = await list_memories(connection, pushing.store.id, with_content=True)
        here = {one.path: one for one in found if not one.path.startswith(QUARANTINE)}
        marks = await read_marks(connection, WAY, f"{pushing.place} {far}")
    planned = plan(here, there, marks)
    if apply and far is not None:
        for one in planned:
            await _do(pushing, far, one, here.get(one.path), there.get(one.path))
    same = sum(path in there and there[path].content_sha256 == sha256(one) for path, one in here.items())
    return Push(pushing.store.name, far or pushing.store.name, apply, tuple(planned), same)


def plan(here: dict[str, Memory], there: dict[str, Any], marks: dict[str, str]) -> list[PushedMemory]:
    """What has to be done; ``marks`` are the hashes of what was written from here, by path."""
    acts = []
    for path, memory in sorted(here.items()):
        far = there.get(path)
        if far is None:
            acts.append(PushedMemory(path, "create"))
        elif far.content_sha256 == sha256(memory):
            continue
        elif far.content_sha256 == marks.get(path):
            acts.append(PushedMemory(path, "update"))
        else:
            acts.append(PushedMemory(path, "keep", _whose(path, marks)))
    for path, far in sorted(there.items()):
        if path in here or path not in marks:
            continue
        is_ours = far.content_sha256 == marks[path]
        acts.append(PushedMemory(path, "delete") if is_ours else PushedMemory(path, "keep", _whose(path, marks)))
    return acts


def _whose(path: str, marks: dict[str, str]) -> str:
    return "it was changed there since" if path in marks else "it was not written from here"


def sha256(memory: Memory) -> str:
    """As the API has it: of the UTF-8 bytes."""
    return hashlib.sha256((memory.content or "").encode()).hexdigest()


async def _do(pushing: Pushing, store_id: str, act: PushedMemory, memory: Memory | None, far: Any) -> None:
    """Do one thing and note it, so that a push that is cut off goes on where it was."""
    memories = pushing.client.beta.memory_stores.memories
    if act.act == "create" and memory is not None:
        await memories.create(store_id, path=memory.path, content=memory.content or "")
    elif act.act == "update" and memory is not None:
        held: Any = {"type": "content_sha256", "content_sha256": far.content_sha256}
        await memories.update(far.id, memory_store_id=store_id, content=memory.content or "", precondition=held)
    elif act.act == "delete":
        await memories.delete(far.id, memory_store_id=store_id, expected_content_sha256=far.content_sha256)
    place = f"{pushing.place} {store_id}"
    async with pushing.database.connection() as connection:
        if act.act in ("create", "update") and memory is not None:
            await write_marks(connection, WAY, place, {act.path: sha256(memory)}, pushing.clock.now())
        elif act.act == "delete":
            await forget_marks(connection, WAY, place, [act.path])


async def _find(client: AsyncAnthropic, named: str, *, must_be: bool) -> str | None:
    found: Sequence[str] = [
        one.id
        async for one in each_listed(client.beta.memory_stores.list(limit=_PAGE), "memory stores")
        if named in (one.id, one.name)
    ]
    if len(found) > 1:
        raise ConflictError(f"several memory stores there are named {named!r}: {', '.join(found)}; give --to an id")
    if not found and must_be:
        raise NotFoundError(f"there is no memory store {named!r} there; leave out --to to have one made")
    return found[0] if found else None
