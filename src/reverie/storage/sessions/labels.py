"""Sessions to be labelled: frames, the order in which they are asked for, and the answers."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from reverie.errors import NotFoundError, StateError
from reverie.outcomes.label_draw import asked_probability, draw_sessions
from reverie.outcomes.label_task import PERSON, LabelProgress
from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.segment import parse_segment
from reverie.sessions.session import Score
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of
from reverie.storage.sessions.scores import record_scores, update_rewards

_STANDING = """
SELECT f.metric, nullif(f.condition, ''), count(t.session_key), count(*) FILTER (WHERE t.state = 'answered'),
       count(*) FILTER (WHERE t.state = 'skipped'), count(*) FILTER (WHERE t.state = 'open')
FROM label_frames f LEFT JOIN label_tasks t ON t.frame_key = f.key WHERE f.key = %s GROUP BY f.key
"""
# A skipped session was asked for and has no label: of those asked for, the share that was answered is labelled.
_WEIGH = """
WITH lowest AS (
    SELECT min(priority) FILTER (WHERE state = 'open') AS open,
           count(*) FILTER (WHERE state = 'answered')::float8
               / nullif(count(*) FILTER (WHERE state <> 'open'), 0) AS response
    FROM label_tasks WHERE frame_key = %(frame)s
)
UPDATE scores c
SET probability = CASE WHEN l.open IS NULL THEN l.response
                       WHEN t.priority < l.open THEN least(1, t.size * l.open) * l.response END
FROM label_tasks t, lowest l
WHERE t.frame_key = %(frame)s AND t.state = 'answered' AND c.session_key = t.session_key AND c.metric = %(metric)s
"""


class LabelFrame(msgspec.Struct, frozen=True):
    """The sessions that the labels of a metric stand for."""

    key: int
    metric: str
    where: str | None


class LabelledSession(msgspec.Struct, frozen=True):
    """A session of a frame: its label where it has one, and how likely it was asked for."""

    session_id: str
    value: float | None
    probability: float | None


async def open_frame(connection: Connection, metric: str, where: str | None, now: datetime) -> LabelFrame:
    """The frame of a metric and a condition, with the sessions that came since; scored ones are left out.

    Raises:
        ExpressionError: the condition cannot be understood.
    """
    parse_segment(where)
    await connection.execute(
        "INSERT INTO label_frames (metric, condition, made_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [metric, where or "", now],
    )
    frame = await find_frame(connection, metric, where)
    # One at a time: two that begin together must not draw the same sessions twice.
    await connection.execute("SELECT FROM label_frames WHERE key = %s FOR UPDATE", [frame.key])
    await _add_sessions(connection, frame)
    return frame


async def find_frame(connection: Connection, metric: str, where: str | None) -> LabelFrame:
    """The frame of a metric and a condition.

    Raises:
        NotFoundError: nobody has begun to label so.
    """
    query = "SELECT key FROM label_frames WHERE metric = %s AND condition = %s"
    row = await (await connection.execute(query, [metric, where or ""])).fetchone()
    if row is None:
        raise NotFoundError(f"nobody has begun to label {metric!r} for these sessions; see reverie label")
    return LabelFrame(row[0], metric, where)


async def _add_sessions(connection: Connection, frame: LabelFrame) -> None:
    condition = condition_of(parse_segment(frame.where))
    unscored = "s.reward IS NULL" if frame.metric == REWARD_METRIC else "c.value IS NULL"
    query = f"""SELECT s.key, s.id, s.task_id, {unscored} AND t.session_key IS NULL
        FROM sessions s LEFT JOIN scores c ON c.session_key = s.key AND c.metric = %(label_metric)s
        LEFT JOIN label_tasks t ON t.session_key = s.key AND t.frame_key = %(label_frame)s
        WHERE {condition.sql} ORDER BY s.key"""
    given = {**condition.parameters, "label_metric": frame.metric, "label_frame": frame.key}
    rows = await (await connection.execute(query.encode(), given)).fetchall()
    fresh = [row for row in rows if row[3]]
    drawn = draw_sessions(
        [(row[0], row[1]) for row in fresh],
        [row[2] for row in fresh],
        [row[2] for row in rows],
        f"{frame.metric}\x1f{frame.where or ''}",
    )
    await connection.execute(
        """INSERT INTO label_tasks (frame_key, session_key, size, priority)
        SELECT %s, * FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) ON CONFLICT DO NOTHING""",
        [frame.key, [one.key for one in drawn], [one.size for one in drawn], [one.priority for one in drawn]],
    )


async def progress_of(connection: Connection, frame: LabelFrame) -> LabelProgress:
    """How far the labels of a frame are."""
    (row,) = await (await connection.execute(_STANDING, [frame.key])).fetchall()
    return LabelProgress(*row)


async def next_session(connection: Connection, frame: LabelFrame) -> str | None:
    """The session to ask for next; None where all were asked for. Nothing that was scored in another way is."""
    await _leave_out_scored(connection, frame)
    query = """SELECT s.id FROM label_tasks t JOIN sessions s ON s.key = t.session_key
        WHERE t.frame_key = %s AND t.state = 'open' ORDER BY t.priority LIMIT 1"""
    row = await (await connection.execute(query, [frame.key])).fetchone()
    return None if row is None else str(row[0])


async def _leave_out_scored(connection: Connection, frame: LabelFrame) -> None:
    """What was scored meanwhile in another way is known whatever this design does; it is not asked for."""
    query = """DELETE FROM label_tasks t USING scores c
        WHERE t.frame_key = %s AND t.state = 'open' AND c.session_key = t.session_key AND c.metric = %s"""
    await connection.execute(query, [frame.key, frame.metric])


async def answer(
    connection: Connection, frame: LabelFrame, session_id: str, value: float | None, now: datetime
) -> float | None:
    """Record a label, or None for skipped; the probability that the session was asked for, as far as the frame is.

    Raises:
        NotFoundError: the session is not of this frame.
        StateError: it was answered already; take that back first.
        MetricError: the value is not a finite number.
    """
    key, state = await _task(connection, frame, session_id)
    if state != "open":
        raise StateError(f"session {session_id!r} was {state} already; take that back (undo) to answer anew")
    if value is not None:
        await record_scores(connection, [(key, Score(frame.metric, value))], PERSON)
    await _move(connection, frame, key, "skipped" if value is None else "answered", now)
    query = "SELECT probability FROM scores WHERE session_key = %s AND metric = %s AND source = %s"
    row = await (await connection.execute(query, [key, frame.metric, PERSON])).fetchone()
    return row[0] if row else None


async def take_back(connection: Connection, frame: LabelFrame, session_id: str | None = None) -> str:
    """Open a task again and remove its label: the latest, or that of a session; the session's id.

    Raises:
        NotFoundError: there is nothing to take back.
    """
    if session_id is None:
        query = """SELECT s.id FROM label_tasks t JOIN sessions s ON s.key = t.session_key
            WHERE t.frame_key = %s AND t.state <> 'open' ORDER BY t.answered_at DESC, t.priority DESC LIMIT 1"""
        row = await (await connection.execute(query, [frame.key])).fetchone()
        if row is None:
            raise NotFoundError("there is no answer to take back")
        session_id = str(row[0])
    key, state = await _task(connection, frame, session_id)
    if state == "open":
        raise NotFoundError(f"session {session_id!r} has no answer to take back")
    await connection.execute(
        "DELETE FROM scores WHERE session_key = %s AND metric = %s AND source = %s", [key, frame.metric, PERSON]
    )
    # Without any score there is nothing that the rewards' rule would update.
    await connection.execute(
        "UPDATE sessions s SET reward = NULL WHERE key = %s AND NOT EXISTS"
        " (SELECT FROM scores c WHERE c.session_key = s.key)",
        [key],
    )
    await update_rewards(connection, [key])
    await _move(connection, frame, key, "open", None)
    return session_id


async def frame_labels(connection: Connection, frame: LabelFrame) -> list[LabelledSession]:
    """The sessions of a frame in the order of import; a label that waits for others before it counts as none."""
    query = """
    SELECT s.id, t.state, t.size, t.priority, c.value
    FROM label_tasks t JOIN sessions s ON s.key = t.session_key
    LEFT JOIN scores c ON c.session_key = t.session_key AND c.metric = %s
    WHERE t.frame_key = %s ORDER BY s.key
    """
    rows = await (await connection.execute(query, [frame.metric, frame.key])).fetchall()
    lowest = min((row[3] for row in rows if row[1] == "open"), default=None)
    asked, answered = sum(row[1] != "open" for row in rows), sum(row[1] == "answered" for row in rows)
    labelled = []
    for session_id, state, size, priority, value in rows:
        chance = asked_probability(size, priority, lowest) if state == "answered" else None
        known = None if chance is None or value is None else chance * answered / asked
        labelled.append(LabelledSession(session_id, None if known is None else value, known))
    return labelled


async def list_frames(connection: Connection, metric: str) -> Sequence[LabelFrame]:
    """The frames of a metric, those with the most answers first."""
    query = """
    SELECT f.key, f.metric, nullif(f.condition, '') FROM label_frames f LEFT JOIN label_tasks t
        ON t.frame_key = f.key AND t.state = 'answered'
    WHERE f.metric = %s GROUP BY f.key ORDER BY count(t.session_key) DESC, f.key
    """
    return [LabelFrame(*row) async for row in await connection.execute(query, [metric])]


async def _task(connection: Connection, frame: LabelFrame, session_id: str) -> tuple[int, str]:
    await connection.execute("SELECT FROM label_frames WHERE key = %s FOR UPDATE", [frame.key])
    query = """SELECT t.session_key, t.state FROM label_tasks t JOIN sessions s ON s.key = t.session_key
        WHERE t.frame_key = %s AND s.id = %s"""
    row = await (await connection.execute(query, [frame.key, session_id])).fetchone()
    if row is None:
        raise NotFoundError(f"session {session_id!r} is not among those to be labelled")
    return row[0], row[1]


async def _move(connection: Connection, frame: LabelFrame, key: int, state: str, now: datetime | None) -> None:
    await connection.execute(
        "UPDATE label_tasks SET state = %s, answered_at = %s WHERE frame_key = %s AND session_key = %s",
        [state, now, frame.key, key],
    )
    await _weigh(connection, frame)


async def _weigh(connection: Connection, frame: LabelFrame) -> None:
    """Bring the probabilities of the frame's labels up to date."""
    await connection.execute(_WEIGH, {"frame": frame.key, "metric": frame.metric})
