"""What a model contributed to dreams, kept in the dreams' rows so that it is paid for once."""

from typing import TypeVar

import msgspec

from reverie.assist.consultation import Consultation, Judgement
from reverie.assist.wording import KEPT, ModelWording
from reverie.digests.behaviour_name import read_label
from reverie.digests.predicate import Proposal
from reverie.sessions.segment import Segment
from reverie.storage.learning.dreams import DreamRow
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of

_Record = TypeVar("_Record", Consultation, Judgement, ModelWording)
_COLUMN: dict[type, str] = {Consultation: "consultation", Judgement: "judgement", ModelWording: "wording"}


async def write_contribution(
    connection: Connection, dream_id: str, record: Consultation | Judgement | ModelWording
) -> None:
    """Keep a part of a dream's dealings with a model for the steps, or the dreams, that follow."""
    query = f"UPDATE dreams SET {_COLUMN[type(record)]} = %s WHERE id = %s"
    await connection.execute(query.encode(), [msgspec.msgpack.encode(record), dream_id])


async def read_contribution(connection: Connection, dream_id: str, kind: type[_Record]) -> _Record | None:
    """The part that was kept, if any."""
    query = f"SELECT {_COLUMN[kind]} FROM dreams WHERE id = %s"
    row = await (await connection.execute(query.encode(), [dream_id])).fetchone()
    return None if row is None or row[0] is None else msgspec.msgpack.decode(row[0], type=kind)


async def latest_wording(connection: Connection, dream: DreamRow) -> ModelWording:
    """The words of the store's latest completed dream that had a model."""
    query = """
        SELECT wording FROM dreams WHERE memory_store_id = ANY (%s) AND status = 'completed' AND wording IS NOT NULL
        ORDER BY created_at DESC LIMIT 1
    """
    row = await (await connection.execute(query, [dream.lineage])).fetchone()
    return ModelWording() if row is None else msgspec.msgpack.decode(row[0], type=ModelWording)


async def earlier_proposals(connection: Connection, dream: DreamRow) -> list[Proposal]:
    """The proposals of the store's earlier dreams that lessons rest on which are adopted, on trial or candidates."""
    query = "SELECT DISTINCT lesson ->> 'behaviour' FROM lessons WHERE memory_store_id = %s AND status = ANY (%s)"
    rows = await connection.execute(query, [dream.memory_store_id, list(KEPT)])
    relied_on = {read_label(row[0])[1] async for row in rows}
    rows = await connection.execute(
        """
        SELECT consultation FROM dreams
        WHERE memory_store_id = ANY (%s) AND id <> %s AND status = 'completed' AND consultation IS NOT NULL
        ORDER BY created_at
        """,
        [dream.lineage, dream.id],
    )
    earlier = [msgspec.msgpack.decode(row[0], type=Consultation).proposals.proposals async for row in rows]
    # One that was refused once may have come back later with another predicate under the same words.
    by_name = {proposal.name: proposal for proposals in earlier for proposal in proposals}
    return [proposal for name, proposal in by_name.items() if name in relied_on]


async def scored_sessions(connection: Connection, segment: Segment, last_key: int) -> dict[int, str]:
    """Key → id of the segment's sessions with a reward, up to ``last_key``, in the order they were imported in."""
    condition = condition_of(segment)
    query = f"""SELECT s.key, s.id FROM sessions s
        WHERE s.key <= %(last_key)s AND s.reward IS NOT NULL AND ({condition.sql}) ORDER BY s.key"""
    parameters = {**condition.parameters, "last_key": last_key}
    return {row[0]: row[1] async for row in await connection.execute(query.encode(), parameters)}
