"""Verification: every row of the history is compared with its own hash and with the seal that covers it.

Rows and seals are read as a stream, in one snapshot; the hashes are computed here, not by the database.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from reverie.storage.postgres.act import ERASURE
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.sealed_table import AUDIT_LOG, SEALED_TABLES, SealedTable
from reverie.storage.service.history import HistoryRow, begin_reading, read_erased, read_rows, read_seals
from reverie.storage.service.seal import Seal, Verification, read_leaves
from reverie.storage.service.seal_check import ChainCheck, Findings
from reverie.storage.service.seal_file import read_seal_file
from reverie.storage.service.seal_keys import NO_KEYS, PublicKeys

_TABLES = {table.name: table for table in SEALED_TABLES}
_FALSE_ERASURES = """
SELECT e."table", e.act, count(*), a.details -> 'rows' ->> e."table"
FROM erased_rows e LEFT JOIN audit_log a ON a.number = e.act AND a.action = %s
GROUP BY e."table", e.act, a.details HAVING count(*)::text IS DISTINCT FROM a.details -> 'rows' ->> e."table"
ORDER BY e.act, e."table"
"""

Tell = Callable[[str], None]
"""Is told how far it has got."""


async def verify_history(
    database: Database, keys: PublicKeys = NO_KEYS, seal_file: Path | None = None, tell: Tell = lambda _: None
) -> Verification:
    """Find what is not as it was written and sealed in a workspace.

    Args:
        keys: the public keys that seals must be signed by; without any, signatures are not checked.
        seal_file: the file to which seals were appended; without it a cut-off end cannot be told.

    Raises:
        InputError: the file cannot be read.
    """
    async with database.connection() as connection:
        workspace_id = await begin_reading(connection)
        outside = None if seal_file is None else await asyncio.to_thread(read_seal_file, seal_file, workspace_id)
        findings = Findings()
        chain = ChainCheck(workspace_id, keys, outside, findings)
        history = _History(connection, findings, tell)
        await history.compare_sealed(chain)
        await history.compare_rest()
        await history.compare_erasures()
    return Verification(
        seals=chain.taken,
        rows=history.rows,
        unsealed=history.unsealed,
        erased=history.erased,
        signatures="checked" if keys else "not checked",
        seal_file="not given" if outside is None else "compared",
        found=findings.found,
        findings=tuple(findings.first),
    )


class _History:
    """The rows of all sealed tables, read once, in order."""

    def __init__(self, connection: Connection, findings: Findings, tell: Tell) -> None:
        self._connection = connection
        self._findings = findings
        self._tell = tell
        self._reached: dict[str, int] = {}
        """The last row of each table that was compared."""
        self._uncertain: set[str] = set()
        """Tables of which a seal before the next one may be missing."""
        self.rows = self.unsealed = self.erased = 0

    async def compare_sealed(self, chain: ChainCheck) -> None:
        """Compare each seal with the chain, and the rows that it covers with its leaves."""
        async for seal, leaves in read_seals(self._connection):
            missing, is_sound = chain.take(seal, leaves)
            if missing:
                self._uncertain |= set(_TABLES)
            if seal.table in _TABLES:
                # After a gap the chain cannot say whether a seal is sound; one that goes back is in a wrong place.
                goes_on = seal.first > self._reached.get(seal.table, seal.first - 1)
                await self._compare_seal(seal, dict(read_leaves(leaves)), is_sound or (missing and goes_on))
            self._tell(self._progress)
        chain.end()

    @property
    def _progress(self) -> str:
        return f"{self.rows:,} rows, {self._findings.found:,} found"

    async def _compare_seal(self, seal: Seal, leaves: dict[int, bytes], is_sound: bool) -> None:
        """What a broken seal holds says nothing of the rows, and where it ends is uncertain."""
        table = _TABLES[seal.table]
        last = min([seal.last, *([max(leaves)] if leaves else [])])
        if not is_sound:
            self._uncertain.add(table.name)
            await self._compare_unsealed(table, last)
            return
        if table.name in self._uncertain:
            self._uncertain.discard(table.name)
            await self._compare_unsealed(table, seal.first - 1)
        await self._compare_leaves(table, seal, leaves, last)

    async def _compare_leaves(self, table: SealedTable, seal: Seal, leaves: dict[int, bytes], last: int) -> None:
        erased = await read_erased(self._connection, table, self._reached.get(table.name), last)
        async for row, computed in self._read(table, last):
            sealed = leaves.pop(row.number, None)
            if sealed is None:
                text = f"{_named(table, row)} was put in after seal {seal.number} was made"
                self._findings.add("inserted", text, table.name, row.number, seal.number)
            elif computed == sealed == row.content_hash:
                continue
            elif row.blanked and row.content_hash == sealed and row.number in erased:
                self.erased += 1
            else:
                self._edited(table, row, computed, seal.number)
        for number in sorted(leaves):
            if number in erased:
                self.erased += 1
            else:
                text = f"{table.name} {number} was deleted; seal {seal.number} covers it, and no act erased it"
                self._findings.add("deleted", text, table.name, number, seal.number)

    async def compare_rest(self) -> None:
        """Compare the rows after the last seal with their own hashes."""
        for table in SEALED_TABLES:
            before = self.rows
            await self._compare_unsealed(table, None)
            self.unsealed += self.rows - before
            self._tell(self._progress)

    async def _compare_unsealed(self, table: SealedTable, last: int | None) -> None:
        erased = await read_erased(self._connection, table, self._reached.get(table.name), last)
        async for row, computed in self._read(table, last):
            if computed != row.content_hash and not (row.blanked and row.number in erased):
                self._edited(table, row, computed, None)

    def _edited(self, table: SealedTable, row: HistoryRow, computed: bytes, seal: int | None) -> None:
        than = "what was written" if seal is None else f"what seal {seal} covers"
        how = " (its hash was changed with it)" if computed == row.content_hash else ""
        self._findings.add("edited", f"{_named(table, row)} is not {than}{how}", table.name, row.number, seal)

    async def compare_erasures(self) -> None:
        """Compare the rows that are said to be erased with the acts that say so."""
        found = await self._connection.execute(_FALSE_ERASURES, [ERASURE])
        for table, act, count, said in await found.fetchall():
            told = "there is no such act of erasure" if said is None else f"the act says {said}"
            text = f"{count} rows of {table} are said to be erased by act {act} of the audit log; {told}"
            self._findings.add("erasure", text, AUDIT_LOG, act)

    async def _read(self, table: SealedTable, last: int | None) -> AsyncIterator[tuple[HistoryRow, bytes]]:
        """The rows after those that were compared, up to number ``last``, with the hash of what each holds now."""
        async for row in read_rows(self._connection, table, self._reached.get(table.name), last):
            self.rows += 1
            yield row, hashlib.sha256(row.text.encode()).digest()
        if last is not None:
            self._reached[table.name] = max(last, self._reached.get(table.name, last))


def _named(table: SealedTable, row: HistoryRow) -> str:
    return f"{table.name} {row.number} ({row.name})"
