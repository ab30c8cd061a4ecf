"""The lessons of an erasure: told anew, retired, or gone, with the trials that they were in."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from reverie.lessons.lesson import Lesson
from reverie.lessons.retelling import Label, retell
from reverie.storage.live.trials import insert_decision, read_trial, set_state
from reverie.storage.postgres.database import Connection

ENDED = "what it tried came from sessions that are erased"
_STANDING = ("trial", "adopted", "frozen")


class ChangedLesson(msgspec.Struct, frozen=True):
    """A lesson of a store before and after; None after it is gone."""

    store_id: str
    before: Lesson
    after: Lesson | None

    @property
    def stands(self) -> bool:
        """Whether it is still advice to follow."""
        return self.after is not None and (self.after.status == self.before.status or self.after.status != "retired")


async def change_lessons(
    connection: Connection, erased: Collection[str], gone: Collection[Label]
) -> list[ChangedLesson]:
    """Bring every lesson of the workspace to what stands without the erased sessions; those that changed."""
    rows = await connection.execute("SELECT memory_store_id, lesson::text FROM lessons ORDER BY memory_store_id, id")
    changed = []
    for store_id, text in await rows.fetchall():
        before = msgspec.json.decode(text, type=Lesson)
        after = retell(before, erased, gone)
        if after != before:
            changed.append(ChangedLesson(store_id, before, after))
    for one in changed:
        await _write(connection, one)
    return changed


async def end_trials(connection: Connection, changed: Sequence[ChangedLesson], by: str, now: datetime) -> list[str]:
    """End the trials of lessons that do not stand; the ids of those ended. No trial keeps words that are gone."""
    ended = []
    for one in changed:
        rows = await connection.execute(
            "SELECT id, state FROM trials WHERE memory_store_id = %s AND %s = ANY (subject_ids) ORDER BY id",
            [one.store_id, one.before.id],
        )
        for trial_id, state in await rows.fetchall():
            if not one.stands and state in _STANDING:
                trial = await read_trial(connection, trial_id, lock=True)
                await insert_decision(connection, trial_id, "end", by, ENDED, {}, now)
                await set_state(connection, trial, "ended", ENDED, now)
                ended.append(trial_id)
            title = "erased" if one.after is None else one.after.advice
            await connection.execute(
                "UPDATE trials SET title = %s, proposal = NULL WHERE id = %s AND (%s OR cardinality(subject_ids) = 1)",
                [title, trial_id, one.after is None],
            )
    return ended


async def _write(connection: Connection, one: ChangedLesson) -> None:
    if one.after is None:
        await connection.execute(
            "DELETE FROM lessons WHERE memory_store_id = %s AND id = %s", [one.store_id, one.before.id]
        )
        return
    await connection.execute(
        "UPDATE lessons SET status = %s, lesson = %s::jsonb WHERE memory_store_id = %s AND id = %s",
        [one.after.status, msgspec.json.encode(one.after).decode(), one.store_id, one.after.id],
    )
