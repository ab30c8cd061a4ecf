"""The way back: edits that make a store as it was, memory by memory."""

from collections.abc import Mapping

import msgspec

from reverie.memory.memory import Edit, Tier


class Held(msgspec.Struct, frozen=True):
    """What a memory holds, and where."""

    path: str
    content: str
    tier: Tier
    lesson_id: str | None = None


def plan_rollback(present: Mapping[str, Held], wished: Mapping[str, Held], reason: str) -> list[Edit]:
    """The edits that make of the ``present`` memories, by their ids, the ``wished`` ones; in path order.

    A memory that still exists keeps its id and gets its path back. One that is gone is made anew, unless another has
    been made at its path since: that one then stands for it.
    """
    at = {held.path: memory_id for memory_id, held in present.items()}
    stand_ins = {
        at[held.path]: held
        for memory_id, held in wished.items()
        if memory_id not in present and held.path in at and at[held.path] not in wished
    }
    kept = {memory_id: held for memory_id, held in wished.items() if memory_id in present} | stand_ins
    edits = [
        _change(present[memory_id], held, reason) for memory_id, held in kept.items() if present[memory_id] != held
    ]
    edits += [
        Edit(held.path, held.content, reason, tier=held.tier, lesson_id=held.lesson_id, only_new=held.path in at)
        for memory_id, held in wished.items()
        if memory_id not in present and at.get(held.path) not in stand_ins
    ]
    edits += [Edit(held.path, None, reason) for memory_id, held in present.items() if memory_id not in kept]
    return sorted(edits, key=lambda edit: edit.path)


def _change(present: Held, held: Held, reason: str) -> Edit:
    source = present.path if present.path != held.path else None
    return Edit(held.path, held.content, reason, tier=held.tier, renamed_from=source, lesson_id=held.lesson_id)
