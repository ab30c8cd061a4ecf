"""Alarms of charters: raised once, standing until a person acknowledges them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError
from reverie.ids import new_id
from reverie.runtime.charter_report import Act, AlarmNumbers
from reverie.storage.postgres.database import Connection

_COLUMNS = """number, id, charter_agent_id, version, agent, behaviour, act, numbers, session_id, at, acknowledged_at,
    acknowledged_by, note"""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """That a behaviour left its range."""

    number: int
    id: str
    charter_agent_id: str
    version: int
    agent: str
    behaviour: str
    act: Act
    """What was done."""
    numbers: AlarmNumbers
    session_id: str
    """The last session that was counted."""
    at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str = ""


async def raise_alarm(
    connection: Connection,
    charter: tuple[str, int],
    agent: str,
    behaviour: str,
    act: Act,
    numbers: AlarmNumbers,
    session_id: str,
    now: datetime,
) -> str:
    """Record an alarm; its id.

    Args:
        charter: whose it is, and its version.
    """
    alarm_id = new_id("alm", now)
    await connection.execute(
        """
        INSERT INTO charter_alarms (id, charter_agent_id, version, agent, behaviour, act, numbers, session_id, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [alarm_id, *charter, agent, behaviour, act, Jsonb(msgspec.to_builtins(numbers)), session_id, now],
    )
    return alarm_id


async def read_alarm(connection: Connection, alarm_id: str) -> Alarm:
    """One alarm.

    Raises:
        NotFoundError: there is none.
    """
    found = await _select(connection, "WHERE id = %s", [alarm_id])
    if not found:
        raise NotFoundError(f"there is no alarm {alarm_id!r}; `reverie charter alarms` lists those that there are")
    return found[0]


async def list_alarms(
    connection: Connection, agent: str | None, *, standing: bool, before: int | None, limit: int
) -> list[Alarm]:
    """Alarms before a number, newest first.

    Args:
        agent: of this agent alone; None is any.
        standing: only those that nobody has acknowledged.
    """
    return await _select(
        connection,
        """
        WHERE (%(agent)s::text IS NULL OR agent = %(agent)s) AND (NOT %(standing)s OR acknowledged_at IS NULL)
            AND (%(before)s::bigint IS NULL OR number < %(before)s)
        ORDER BY number DESC LIMIT %(limit)s
        """,
        {"agent": agent, "standing": standing, "before": before, "limit": limit},
    )


async def pausing_alarm(connection: Connection, agent_ids: Sequence[str]) -> Alarm | None:
    """The first alarm for which an agent is to stand still; None where none is."""
    found = await _select(
        connection,
        "WHERE agent = ANY (%s) AND act = 'pause' AND acknowledged_at IS NULL ORDER BY number LIMIT 1",
        [list(agent_ids)],
    )
    return found[0] if found else None


async def note_acknowledged(connection: Connection, alarm_id: str, by: str, note: str, now: datetime) -> bool:
    """Let an alarm stand no more; False where somebody has done so before."""
    done = await connection.execute(
        """
        UPDATE charter_alarms SET acknowledged_at = %s, acknowledged_by = %s, note = %s
        WHERE id = %s AND acknowledged_at IS NULL
        """,
        [now, by, note, alarm_id],
    )
    return done.rowcount == 1


async def _select(connection: Connection, rest: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Alarm]:
    def alarm(**row: object) -> Alarm:
        return msgspec.convert(row, Alarm)

    async with connection.cursor(row_factory=kwargs_row(alarm)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM charter_alarms {rest}".encode(), parameters)
        return await cursor.fetchall()
