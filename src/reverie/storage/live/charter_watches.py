"""What sessions showed of charters, and how each behaviour stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from reverie.runtime.charter import Watched
from reverie.runtime.charter_watch import RECENT, Watch
from reverie.storage.postgres.database import Connection

AT_REST = "(l.session_key IS NULL OR l.status = 'terminated' OR (l.status = 'idle' AND l.pending = '[]'))"
"""SQL of ``sessions s`` joined with ``live_sessions l``: nothing goes on in it, and nothing is waited for."""
ENDED_AT = "coalesce(s.ended_at, s.started_at, s.imported_at)"
"""SQL of ``sessions s``: when it ended, as far as its source says."""


class EndedSession(msgspec.Struct, frozen=True):
    """A session that is to be judged."""

    key: int
    id: str
    agent: str
    """The id of the agent of a live session, else the name that it bears."""
    live: bool
    events: int


class Judgement(msgspec.Struct, frozen=True):
    """What a session showed."""

    place: int
    session_key: int | None
    agent: str
    version: int
    shown: Mapping[str, float]
    judged_at: datetime


class StoredWatch(msgspec.Struct, frozen=True):
    """How a behaviour of an agent stands."""

    charter_agent_id: str
    agent: str
    behaviour: str
    watched: Watched
    from_place: int
    """Judgements after this place are counted,"""
    through_place: int
    """up to this one."""
    watch: Watch
    alarm_id: str | None = None


async def next_ended(
    connection: Connection, charter_agent_id: str, since: datetime, rest_minutes: float, now: datetime, limit: int
) -> list[EndedSession]:
    """Sessions that a charter has not judged yet, in the order of their ends.

    Live ones that ended after ``since`` and rest, and imported ones that came after it.
    """
    async with connection.cursor(row_factory=args_row(EndedSession)) as cursor:
        await cursor.execute(
            f"""
            SELECT s.key, s.id, coalesce(l.agent_id, s.agent, ''), l.session_key IS NOT NULL, s.event_count
            FROM sessions s LEFT JOIN live_sessions l ON l.session_key = s.key
            WHERE (s.imported_at > %(since)s OR (l.session_key IS NOT NULL AND s.ended_at > %(since)s))
                AND (%(owner)s = '' OR coalesce(l.agent_id, s.agent) = %(owner)s)
                AND s.event_count > 0 AND {AT_REST}
                AND (l.session_key IS NULL OR l.status = 'terminated' OR l.archived_at IS NOT NULL
                    OR l.last_event_at <= %(rested)s)
                AND NOT EXISTS (
                    SELECT FROM charter_judgements j WHERE j.session_key = s.key AND j.charter_agent_id = %(owner)s
                )
            ORDER BY {ENDED_AT}, s.key LIMIT %(limit)s
            """.encode(),
            {
                "owner": charter_agent_id,
                "since": since,
                "rested": now - timedelta(minutes=rest_minutes),
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def rules_fired(connection: Connection, keys: Sequence[int]) -> dict[int, frozenset[str]]:
    """The rules that held in sessions, by key; every session that is run here is there, if only with none."""
    rows = await connection.execute(
        """
        SELECT l.session_key, array_remove(array_agg(DISTINCT f.rule), NULL)
        FROM live_sessions l LEFT JOIN rule_firings f USING (session_key)
        WHERE l.session_key = ANY (%s) AND l.run_here GROUP BY l.session_key
        """,
        [list(keys)],
    )
    return {key: frozenset(rules) for key, rules in await rows.fetchall()}


async def last_place(connection: Connection, charter_agent_id: str) -> int:
    """The place of a charter's latest judgement; 0 where there is none."""
    row = await connection.execute(
        "SELECT coalesce(max(place), 0) FROM charter_judgements WHERE charter_agent_id = %s", [charter_agent_id]
    )
    ((place,),) = await row.fetchall()
    return int(place)


async def add_judgements(connection: Connection, charter_agent_id: str, judgements: Sequence[Judgement]) -> None:
    """Record what sessions showed; the charter is held.

    Sessions that were deleted meanwhile are recorded as such.
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO charter_judgements
                (charter_agent_id, place, session_key, agent, version, shown, judged_at)
            VALUES (%s, %s, (SELECT key FROM sessions WHERE key = %s FOR KEY SHARE), %s, %s, %s, %s)
            """,
            [
                (charter_agent_id, one.place, one.session_key, one.agent, one.version, Jsonb(one.shown), one.judged_at)
                for one in judgements
            ],
        )


async def read_shown(
    connection: Connection,
    charter_agent_id: str,
    agent: str,
    behaviour: str,
    after: int,
    through: int,
    most: int | None = None,
) -> list[float]:
    """The numbers of a behaviour in an agent's sessions, of places after one and up to another, in their order.

    Args:
        most: the last so many alone.
    """
    rows = await connection.execute(
        """
        SELECT (shown ->> %(behaviour)s)::float8 FROM charter_judgements
        WHERE charter_agent_id = %(owner)s AND agent = %(agent)s AND place > %(after)s AND place <= %(through)s
            AND shown ? %(behaviour)s
        ORDER BY place DESC LIMIT %(most)s
        """,
        {
            "owner": charter_agent_id,
            "agent": agent,
            "behaviour": behaviour,
            "after": after,
            "through": through,
            "most": most,
        },
    )
    return [value for (value,) in await rows.fetchall()][::-1]


async def read_recent(connection: Connection, watch: StoredWatch) -> list[float]:
    """The numbers of the latest sessions that a watch has counted, the last one last."""
    owner, after, through = watch.charter_agent_id, watch.from_place, watch.through_place
    return await read_shown(connection, owner, watch.agent, watch.behaviour, after, through, RECENT)


async def read_watches(connection: Connection, charter_agent_id: str, agent: str | None = None) -> list[StoredWatch]:
    """How the behaviours of a charter stand, by agent and name."""
    rows = await connection.execute(
        """
        SELECT agent, behaviour, watched::text, from_place, through_place, watch::text, alarm_id
        FROM charter_watches WHERE charter_agent_id = %(owner)s AND (%(agent)s::text IS NULL OR agent = %(agent)s)
        ORDER BY agent, behaviour
        """,
        {"owner": charter_agent_id, "agent": agent},
    )
    return [
        StoredWatch(
            charter_agent_id,
            row[0],
            row[1],
            msgspec.json.decode(row[2], type=Watched),
            row[3],
            row[4],
            msgspec.json.decode(row[5], type=Watch),
            row[6],
        )
        for row in await rows.fetchall()
    ]


async def write_watches(connection: Connection, watches: Sequence[StoredWatch]) -> None:
    """Keep how behaviours stand."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO charter_watches
                (charter_agent_id, agent, behaviour, watched, from_place, through_place, watch, alarm_id)
            VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s::jsonb, %s)
            ON CONFLICT (charter_agent_id, agent, behaviour) DO UPDATE SET watched = excluded.watched,
                from_place = excluded.from_place, through_place = excluded.through_place, watch = excluded.watch,
                alarm_id = excluded.alarm_id
            """,
            [
                (
                    *(one.charter_agent_id, one.agent, one.behaviour, msgspec.json.encode(one.watched).decode()),
                    *(one.from_place, one.through_place, msgspec.json.encode(one.watch).decode(), one.alarm_id),
                )
                for one in watches
            ],
        )
