"""Dreams and lessons in the database: the record of a dream, what became of each lesson."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

import msgspec

from reverie.dreams.dream import DreamRequest, DreamResult, DreamStatus
from reverie.dreams.request import reading_segment, segment_of
from reverie.errors import DreamError, DreamInputError, InputError, NotFoundError
from reverie.lessons.lesson import Lesson
from reverie.overview.overview import Overview
from reverie.sessions.segment import Segment
from reverie.statistics.online import AlphaWealth
from reverie.storage.memory.store_places import IS_UNTRUSTED, read_place
from reverie.storage.memory.stores import find_store
from reverie.storage.postgres.database import Connection
from reverie.storage.service.teams import team_of_store
from reverie.storage.sessions.condition import condition_of
from reverie.teams.membership import UNTRUSTED


class DreamRow(msgspec.Struct, frozen=True):
    """A dream as recorded."""

    id: str
    memory_store_id: str
    status: DreamStatus
    request: DreamRequest
    created_at: datetime
    last_session_key: int
    """Sessions imported later are left to the next dream."""
    error: str | None = None
    served: bool = False
    """Whether it was asked for through the server, so that the server's processes run it and no command does."""
    has_output: bool = False
    """Whether the store it writes to is there for it."""
    session_id: str | None = None
    """The session it can be watched in."""

    @property
    def lineage(self) -> list[str]:
        """The stores whose earlier dreams it goes on from: its own and, where that is a clone, the cloned one."""
        return [self.memory_store_id, self.request.store] if self.request.clone else [self.memory_store_id]

    @property
    def writer(self) -> dict[str, str] | None:
        """Who writes its memories, as the wire API's actor union; None where it cannot be watched."""
        return None if self.session_id is None else {"type": "session_actor", "session_id": self.session_id}

    @property
    def scope(self) -> dict[str, str | None]:
        """Parameters for :data:`_SAME_SCOPE`."""
        return _scope_of(self.request)


def _scope_of(request: DreamRequest) -> dict[str, str | None]:
    ids = request.session_ids
    return {"where": request.where, "ids": None if ids is None else msgspec.json.encode(ids).decode()}


_SAME_SCOPE = """(d.request ->> 'where', d.request ->> 'session_ids')
    IS NOT DISTINCT FROM (%(where)s::text, %(ids)s::jsonb::text)"""
"""That dream ``d`` is over the same sessions."""
_COLUMNS = "id, memory_store_id, status, request, created_at, last_session_key, error, served, has_output, session_id"


async def open_dream(connection: Connection, store_id: str) -> DreamRow | None:
    """The store's dream that has neither ended nor failed, if any."""
    return await _one(connection, "memory_store_id = %s AND status IN ('pending', 'running')", store_id)


async def concluded_at(connection: Connection, dream_id: str) -> datetime:
    """When a dream came to what it found; of one that has not, when it was asked for."""
    query = "SELECT coalesce(ended_at, created_at) FROM dreams WHERE id = %s"
    ((at,),) = await (await connection.execute(query, [dream_id])).fetchall()
    return cast(datetime, at)


async def read_dream(connection: Connection, dream_id: str) -> DreamRow:
    """The dream with this id.

    Raises:
        NotFoundError: there is none.
    """
    row = await _one(connection, "id = %s", dream_id)
    if row is None:
        raise NotFoundError(f"no dream {dream_id}")
    return row


async def _one(connection: Connection, condition: str, value: str) -> DreamRow | None:
    query = f"SELECT {_COLUMNS} FROM dreams WHERE {condition}"
    row = await (await connection.execute(query.encode(), [value])).fetchone()
    if row is None:
        return None
    return DreamRow(row[0], row[1], row[2], msgspec.convert(row[3], DreamRequest), *row[4:])


async def held_to_store(connection: Connection, request: DreamRequest) -> DreamRequest:
    """The request held to what its store may learn from; doing it again changes nothing.

    A team's store learns from its members' sessions, and a private one from its own agent's. A store that is not there
    yet is nobody's.

    Raises:
        ConflictError: several stores have the name.
        InputError: a session is named that the store may not learn from, or a team's dream shall write to a clone.
    """
    with suppress(NotFoundError):
        store = await find_store(connection, request.store)
        place, team = await read_place(connection, store.id), await team_of_store(connection, store.id)
        if team is not None and request.clone:
            raise InputError(
                f"output_behavior: a dream of the team {team.name!r} writes to the stores of its agents, too, and to "
                "no clone; give update_existing"
            )
        agents = team.agents if team is not None else (place.owner,) if place.owner is not None else ()
        request = msgspec.structs.replace(
            request, agents=agents, team=None if team is None else team.id, private=place.owner is not None
        )
    outside = await _outside(connection, request)
    if outside:
        raise InputError(
            f"session_ids: {outside[0]} is marked {UNTRUSTED}, or no session of whom the store {request.store!r} is for"
        )
    return request


async def _outside(connection: Connection, request: DreamRequest) -> list[str]:
    """Sessions that are named, and there, and must not be learnt from."""
    if request.session_ids is None:
        return []
    may = condition_of(segment_of(request))
    query = (
        f"SELECT s.id FROM sessions s WHERE s.id = ANY (%(named)s) AND ({may.sql}) IS NOT TRUE ORDER BY s.id LIMIT 1"
    )
    rows = await connection.execute(query.encode(), {**may.parameters, "named": list(request.session_ids)})
    return [session_id for (session_id,) in await rows.fetchall()]


async def count_untrusted(connection: Connection, request: DreamRequest, last_key: int) -> int:
    """How many of the sessions that a dream reads are marked untrusted, and its store must not learn from."""
    if request.private:
        return 0
    condition = condition_of(reading_segment(request))
    query = f"SELECT count(*) FROM sessions s WHERE s.key <= %(last_key)s AND {IS_UNTRUSTED} AND ({condition.sql})"
    ((count,),) = await (
        await connection.execute(query.encode(), {**condition.parameters, "last_key": last_key})
    ).fetchall()
    return int(count)


async def insert_dream(
    connection: Connection,
    dream_id: str,
    store_id: str,
    request: DreamRequest,
    now: datetime,
    *,
    served: bool = False,
) -> DreamRow:
    """Record a dream over the sessions that exist now."""
    _, mark = await mark_sessions(connection, segment_of(request))
    await connection.execute(
        """
        INSERT INTO dreams (id, memory_store_id, status, request, created_at, served, sessions_mark, last_session_key)
        VALUES (%s, %s, 'pending', %s::jsonb, %s, %s, %s, (SELECT coalesce(max(key), 0) FROM sessions))
        """,
        [dream_id, store_id, msgspec.json.encode(request).decode(), now, served, mark],
    )
    return await read_dream(connection, dream_id)


async def mark_sessions(connection: Connection, segment: Segment, last_key: int | None = None) -> tuple[int, str]:
    """How many sessions a segment has, and a mark that another session, event or score in it makes another one.

    With ``last_key`` the later sessions are left out.
    """
    condition = condition_of(segment)
    wanted = condition.sql if last_key is None else f"s.key <= %(last_key)s AND ({condition.sql})"
    query = f"""
        SELECT told.sessions, md5(concat_ws(' ', told.sessions, told.sum, (
            SELECT sum(hashtextextended(concat_ws(' ', c.metric, c.value), c.session_key)::numeric)
            FROM scores c JOIN sessions s ON s.key = c.session_key WHERE {wanted}
        )))
        FROM (
            SELECT count(*) AS sessions, sum(hashtextextended(concat_ws(' ', s.event_count, s.reward), s.key)::numeric)
            FROM sessions s WHERE {wanted}
        ) AS told
    """
    parameters = condition.parameters if last_key is None else {**condition.parameters, "last_key": last_key}
    row = await (await connection.execute(query.encode(), parameters)).fetchone()
    assert row is not None
    return row[0], row[1]


async def last_mark(connection: Connection, store_id: str, request: DreamRequest) -> tuple[str, str | None] | None:
    """The store's last completed dream over the sessions of ``request``, and the mark that they had then."""
    rows = await connection.execute(
        f"""
        SELECT d.id, d.sessions_mark FROM dreams d
        WHERE d.memory_store_id = %(store)s AND d.status = 'completed' AND {_SAME_SCOPE}
        ORDER BY d.created_at DESC, d.id DESC LIMIT 1
        """.encode(),
        {"store": store_id, **_scope_of(request)},
    )
    row = await rows.fetchone()
    return None if row is None else (row[0], row[1])


async def set_running(connection: Connection, dream_id: str) -> None:
    """Mark a pending dream, whose output is there, as running."""
    await connection.execute(
        "UPDATE dreams SET status = 'running', has_output = true WHERE id = %s AND status = 'pending'", [dream_id]
    )


async def check_inputs(connection: Connection, dream: DreamRow) -> None:
    """See that what a dream reads is still there.

    Raises:
        DreamInputError: the store was archived, deleted or given to a team or an agent, or a session was deleted.
    """
    store_id = dream.request.store if dream.request.clone else dream.memory_store_id
    query = "SELECT FROM memory_stores WHERE id = %s AND archived_at IS NULL"
    if await (await connection.execute(query, [store_id])).fetchone() is None:
        raise DreamInputError(
            f"memory store {store_id} was archived or deleted meanwhile", "input_memory_store_unavailable"
        )
    missing = await missing_sessions(connection, dream.request.session_ids or ())
    if missing:
        raise DreamInputError(f"session {missing[0]} was deleted meanwhile", "input_session_unavailable")
    if not dream.request.clone and await held_to_store(connection, dream.request) != dream.request:
        raise DreamInputError(
            f"memory store {store_id} became a team's or an agent's own, or is so no more, since the dream was asked "
            "for; ask for another",
            "input_memory_store_unavailable",
        )


async def missing_sessions(connection: Connection, session_ids: Sequence[str]) -> list[str]:
    """Those of the ids that no session has."""
    rows = await connection.execute(
        """
        SELECT wanted.id FROM unnest(%s::text[]) AS wanted (id)
        WHERE NOT EXISTS (SELECT FROM sessions s WHERE s.id = wanted.id)
        """,
        [list(session_ids)],
    )
    return [row[0] async for row in rows]


async def fail_dream(
    connection: Connection, dream_id: str, error: str, now: datetime, error_type: str = DreamError.code
) -> None:
    """Record why a dream ended without a result; an ended one stays as it is."""
    await connection.execute(
        """
        UPDATE dreams SET status = 'failed', error = %s, error_type = %s, ended_at = %s
        WHERE id = %s AND status IN ('pending', 'running')
        """,
        [error, error_type, now, dream_id],
    )


async def write_overview(connection: Connection, dream_id: str, overview: Overview, described: int) -> None:
    """Keep what was found of other kinds, and in how many sessions."""
    encoded = msgspec.msgpack.encode(overview)
    await connection.execute(
        "UPDATE dreams SET overview = %s, described = %s WHERE id = %s", [encoded, described, dream_id]
    )


async def read_overview(connection: Connection, dream_id: str) -> Overview | None:
    """The overview of this dream, if it has one."""
    row = await (await connection.execute("SELECT overview FROM dreams WHERE id = %s", [dream_id])).fetchone()
    return None if row is None or row[0] is None else msgspec.msgpack.decode(row[0], type=Overview)


async def latest_overview(connection: Connection, dream: DreamRow) -> tuple[Overview, int] | None:
    """The overview of the latest earlier dream over the same sessions, and how many it described.

    None where the sessions of that dream are no longer what they were: one was deleted, continued or scored again.
    """
    row = await (
        await connection.execute(
            f"""
            SELECT overview, described, sessions_mark, last_session_key FROM dreams d
            WHERE memory_store_id = ANY (%(stores)s) AND id <> %(id)s AND status = 'completed'
                AND overview IS NOT NULL AND {_SAME_SCOPE}
            ORDER BY created_at DESC LIMIT 1
            """,
            {"stores": dream.lineage, "id": dream.id, **dream.scope},
        )
    ).fetchone()
    if row is None or (await mark_sessions(connection, segment_of(dream.request), row[3]))[1] != row[2]:
        return None
    return msgspec.msgpack.decode(row[0], type=Overview), row[1]


async def read_wealth(connection: Connection, store_id: str) -> AlphaWealth:
    """The confirmation tests of the store's dreams so far."""
    query = "SELECT stream::text FROM confirmation_streams WHERE memory_store_id = %s"
    row = await (await connection.execute(query, [store_id])).fetchone()
    return AlphaWealth() if row is None else msgspec.json.decode(row[0], type=AlphaWealth)


async def write_wealth(connection: Connection, store_id: str, wealth: AlphaWealth) -> None:
    """Replace them."""
    await connection.execute(
        """
        INSERT INTO confirmation_streams VALUES (%s, %s::jsonb)
        ON CONFLICT (memory_store_id) DO UPDATE SET stream = EXCLUDED.stream
        """,
        [store_id, msgspec.json.encode(wealth, order="deterministic").decode()],
    )


async def lock_open_dream(connection: Connection, dream_id: str) -> bool:
    """Hold the dream's row until the transaction ends; False when it has ended already."""
    query = "SELECT FROM dreams WHERE id = %s AND status = 'running' FOR UPDATE"
    return (await (await connection.execute(query, [dream_id])).fetchone()) is not None


async def complete_dream(connection: Connection, result: DreamResult, now: datetime) -> None:
    """Record a dream's result and end it."""
    await connection.execute(
        "UPDATE dreams SET status = 'completed', result = %s::jsonb, ended_at = %s, findings = NULL, "
        "member_findings = NULL, judgement = NULL WHERE id = %s",
        [msgspec.json.encode(result).decode(), now, result.dream_id],
    )


async def read_result(connection: Connection, dream_id: str) -> DreamResult:
    """What a completed dream found and did.

    Raises:
        NotFoundError: there is no such dream, or it has not completed.
    """
    row = await (await connection.execute("SELECT result::text FROM dreams WHERE id = %s", [dream_id])).fetchone()
    if row is None or row[0] is None:
        raise NotFoundError(f"dream {dream_id} has no result")
    return msgspec.json.decode(row[0], type=DreamResult)


async def latest_result(connection: Connection, store_id: str) -> DreamResult | None:
    """The result of the store's latest completed dream, if it has one."""
    query = """
        SELECT result::text FROM dreams WHERE memory_store_id = %s AND status = 'completed'
        ORDER BY created_at DESC LIMIT 1
    """
    row = await (await connection.execute(query, [store_id])).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=DreamResult)


async def read_standing_lessons(connection: Connection, dream: DreamRow, store_id: str) -> list[Lesson]:
    """Lessons that an earlier dream over the same sessions left in a store, adopted or in trial."""
    rows = await connection.execute(
        f"""
        SELECT l.lesson::text FROM lessons l JOIN dreams d ON d.id = l.last_dream_id
        WHERE l.memory_store_id = %(store)s AND l.status IN ('adopted', 'trial') AND {_SAME_SCOPE}
        ORDER BY l.id
        """,
        {"store": store_id, **dream.scope},
    )
    return [msgspec.json.decode(row[0], type=Lesson) async for row in rows]


async def write_lessons(connection: Connection, store_id: str, dream_id: str, lessons: Sequence[Lesson]) -> None:
    """Record the present state of lessons; the dream that first spoke of one is kept."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO lessons (memory_store_id, id, status, kind, lesson, first_dream_id, last_dream_id)
            VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s)
            ON CONFLICT (memory_store_id, id) DO UPDATE SET status = EXCLUDED.status, kind = EXCLUDED.kind,
                lesson = EXCLUDED.lesson, last_dream_id = EXCLUDED.last_dream_id
            """,
            [(store_id, x.id, x.status, x.kind, msgspec.json.encode(x).decode(), dream_id, dream_id) for x in lessons],
        )


class Pace(msgspec.Struct, frozen=True):
    """Seconds per session."""

    digest_seconds: float
    mine_seconds: float


async def measured_pace(connection: Connection) -> Pace:
    """How fast the last ten dreams went on this machine; without any, a cautious guess."""
    rows = await connection.execute(
        "SELECT result::text FROM dreams WHERE status = 'completed' ORDER BY created_at DESC LIMIT 10"
    )
    results = [msgspec.json.decode(row[0], type=DreamResult) async for row in rows]
    seconds = {
        stage: sum(t.seconds for r in results for t in r.stages if t.stage == stage) for stage in ("digest", "mine")
    }
    digested = sum(result.sessions.new for result in results)
    mined = sum(result.sessions.read for result in results)
    return Pace(
        digest_seconds=seconds["digest"] / digested if digested else 0.002,
        mine_seconds=seconds["mine"] / mined if mined else 0.0005,
    )
