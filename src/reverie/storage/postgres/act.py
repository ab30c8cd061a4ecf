"""Acts are recorded in the transaction that they happen in; what erases sealed rows is an act that says how many."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from reverie.storage.postgres.database import Connection

ERASURE = "erasure"
"""The action of an act that says which sealed rows were lawfully erased."""


def system_actor(name: str) -> dict[str, str]:
    """Who acts where no caller asked for it, such as ``trials``."""
    return {"type": "system", "name": name}


async def record_act(
    connection: Connection,
    actor: Mapping[str, str],
    action: str,
    resource_id: str | None,
    request_id: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Add an act to the audit log; its number.

    Args:
        request_id: empty where no request asked for it.
        details: what an automatic act went by and how to undo it: numbers, the revision before and after.
    """
    row = await connection.execute(
        "INSERT INTO audit_log (at, actor, action, resource_id, request_id, details) VALUES (%s, %s, %s, %s, %s, %s)"
        " RETURNING number",
        [now, Jsonb(dict(actor)), action, resource_id, request_id, None if details is None else Jsonb(dict(details))],
    )
    ((number,),) = await row.fetchall()
    return int(number)


async def record_erasure(
    connection: Connection, resource_id: str, erased: Mapping[str, Sequence[int]], now: datetime
) -> None:
    """Record that rows of sealed tables, by their numbers, are deleted or blanked in this transaction as users may.

    Without it the audit log's verification would call them tampered with.
    """
    counts = {table: len(numbers) for table, numbers in erased.items() if numbers}
    if not counts:
        return
    act = await record_act(connection, system_actor(ERASURE), ERASURE, resource_id, "", now, {"rows": counts})
    for table in counts:
        await connection.execute(
            'INSERT INTO erased_rows ("table", number, act) SELECT %s, number, %s FROM unnest(%s::bigint[]) AS number',
            [table, act, list(erased[table])],
        )
