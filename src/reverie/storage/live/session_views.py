"""What a session may see of its stores: drawn when it is made, before anything is mounted, and kept.

A session that does without an adopted lesson, or without memory at all, must not come upon it in a mount or by recall.
Lessons that are not adopted yet are no documents, so they need no view.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from reverie.lessons.lesson import Lesson
from reverie.storage.live.assignments import unit_of
from reverie.storage.live.sessions import LiveSession
from reverie.storage.live.trials import TrialRow, standing_trials
from reverie.storage.memory.store_places import lessons_of_others
from reverie.storage.postgres.database import Connection
from reverie.trials.draw import is_shown, share_at

_HIDDEN = """
SELECT m.id FROM session_views v JOIN trials t ON t.id = v.trial_id
JOIN sessions s ON s.key = v.session_key
JOIN memories m ON m.memory_store_id = t.memory_store_id
    AND (t.kind = 'memory' OR m.lesson_id = ANY (t.subject_ids))
WHERE s.id = %s AND t.memory_store_id = %s AND NOT v.shown
"""
_AGENT = "SELECT l.agent ->> 'name' FROM sessions s JOIN live_sessions l ON l.session_key = s.key WHERE s.id = %s"


def stores_of(resources: Sequence[dict[str, Any]]) -> list[str]:
    """The memory stores among a session's resources."""
    return [resource["memory_store_id"] for resource in resources if resource["type"] == "memory_store"]


async def make_views(connection: Connection, session: LiveSession) -> None:
    """Draw what a new session may see of its stores."""
    stores = stores_of(session.resources)
    trials = await standing_trials(connection, stores) if stores else []
    drawn = [(session.key, trial.id, *_drawn(trial, session)) for trial in trials if needs_view(trial)]
    if not drawn:
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO session_views (session_key, trial_id, shown, share) VALUES (%s, %s, %s, %s)", drawn
        )


def needs_view(trial: TrialRow) -> bool:
    """Whether what a trial is about stands in the store, so that a session could come upon it."""
    return trial.state == "adopted" or trial.subject.kind == "memory"


async def read_views(connection: Connection, session_key: int) -> dict[str, float]:
    """The share that each view of a session was drawn with, by trial."""
    rows = await connection.execute("SELECT trial_id, share FROM session_views WHERE session_key = %s", [session_key])
    return dict(await rows.fetchall())


async def hidden_lessons(connection: Connection, session_key: int) -> list[Lesson]:
    """The lessons that a session does without."""
    rows = await connection.execute(
        """
        SELECT l.lesson::text FROM session_views v JOIN trials t ON t.id = v.trial_id
        JOIN lessons l ON l.memory_store_id = t.memory_store_id AND (t.kind = 'memory' OR l.id = ANY (t.subject_ids))
        WHERE v.session_key = %s AND NOT v.shown
        """,
        [session_key],
    )
    return [msgspec.json.decode(text, type=Lesson) for (text,) in await rows.fetchall()]


async def hidden_memories(connection: Connection, session_id: str | None, store_id: str) -> list[str]:
    """Ids of a store's memories that a session does without, by its views or as a team's lessons for other agents.

    Without a session there are none.
    """
    if session_id is None:
        return []
    rows = await connection.execute(_HIDDEN, [session_id, store_id])
    drawn = [memory_id for (memory_id,) in await rows.fetchall()]
    named = await connection.execute(_AGENT, [session_id])
    (agent,) = await named.fetchone() or (None,)
    return [*drawn, *await lessons_of_others(connection, store_id, agent)]


def _drawn(trial: TrialRow, session: LiveSession) -> tuple[bool, float]:
    share = share_at(trial.shares, trial.exposures - trial.from_place)
    unit = unit_of(trial, session.id, session.metadata.get("user_id"))
    return is_shown(trial.salt, unit, trial.subject.text, share), share
