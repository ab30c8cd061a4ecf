"""What mining found for a dream, kept for the steps that follow.

Apart from the other tables of dreams, since whoever reads it needs the statistics libraries.
"""

from collections.abc import Sequence

import msgspec

from reverie.errors import NotFoundError
from reverie.mining.member_findings import MemberFindings
from reverie.mining.mine import MiningResult
from reverie.storage.postgres.database import Connection


async def write_findings(connection: Connection, dream_id: str, findings: MiningResult) -> None:
    """Keep what mining found for the steps that follow."""
    await connection.execute(
        "UPDATE dreams SET findings = %s WHERE id = %s", [msgspec.msgpack.encode(findings), dream_id]
    )


async def read_findings(connection: Connection, dream_id: str) -> MiningResult:
    """What mining found."""
    row = await (await connection.execute("SELECT findings FROM dreams WHERE id = %s", [dream_id])).fetchone()
    if row is None or row[0] is None:
        raise NotFoundError(f"dream {dream_id} has not been mined")
    return msgspec.msgpack.decode(row[0], type=MiningResult)


async def write_member_findings(connection: Connection, dream_id: str, members: Sequence[MemberFindings]) -> None:
    """Keep what the sessions of each agent of a team say by themselves for the steps that follow."""
    await connection.execute(
        "UPDATE dreams SET member_findings = %s WHERE id = %s", [msgspec.msgpack.encode(members), dream_id]
    )


async def read_member_findings(connection: Connection, dream_id: str) -> tuple[MemberFindings, ...]:
    """What they say; nothing of a dream that is of no team."""
    row = await (await connection.execute("SELECT member_findings FROM dreams WHERE id = %s", [dream_id])).fetchone()
    return () if row is None or row[0] is None else msgspec.msgpack.decode(row[0], type=tuple[MemberFindings, ...])
