"""Whatever is changed in a sealed history is found and named; an untouched one is clean."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from reverie.memory.memory import Edit
from reverie.settings import Settings
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.revisions import list_versions, redact_version
from reverie.storage.memory.stores import delete_store
from reverie.storage.postgres.database import Database
from reverie.storage.service.seal import Verification
from reverie.storage.service.seal_keys import make_keys, read_public_keys
from reverie.storage.service.seals import seal_history
from reverie.storage.service.verification import verify_history
from tests.storage.audit.history import NOW, rehash, tamper, write_act, write_history


@dataclass(frozen=True)
class Sealed:
    """A sealed history, signed and kept outside."""

    database: Database
    url: str
    settings: Settings
    store_id: str

    @property
    def seal_file(self) -> Path:
        assert self.settings.audit_seal_file is not None
        return self.settings.audit_seal_file

    async def seal(self) -> None:
        await seal_history(self.database, self.settings, NOW, 0)

    async def verify(self) -> Verification:
        return await verify_history(self.database)

    async def found(self) -> list[tuple[str, str | None, int | None]]:
        return [(one.kind, one.table, one.row) for one in (await self.verify()).findings]


@pytest_asyncio.fixture
async def sealed(database: Database, settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Sealed]:
    make_keys(tmp_path / "seal.key")
    signing = msgspec.structs.replace(
        settings, audit_seal_file=tmp_path / "seals.jsonl", audit_key=tmp_path / "seal.key"
    )
    history = Sealed(database, database_url, signing, await write_history(database))
    await history.seal()
    async with database.connection() as connection:
        await write_act(connection, "second")
    await history.seal()
    yield history


async def test_an_untouched_history_is_clean(sealed: Sealed, tmp_path: Path) -> None:
    keys = read_public_keys([tmp_path / "seal.key.pub"])
    found = await verify_history(sealed.database, keys, sealed.seal_file)
    assert found == Verification(6, 13, 0, 0, "checked", "compared", 0, ())


async def test_a_row_put_in_with_a_free_number_is_found(sealed: Sealed) -> None:
    tamper(
        sealed.url,
        "audit_log",
        "INSERT INTO audit_log (number, at, actor, action, request_id, content_hash) OVERRIDING SYSTEM VALUE"
        " VALUES (-3, now(), '{}', 'forged', '', '')",
    )
    rehash(sealed.url, "audit_log", -3)
    assert await sealed.found() == [("inserted", "audit_log", -3)]


async def test_a_row_after_the_last_seal_is_held_to_its_own_hash(sealed: Sealed) -> None:
    async with sealed.database.connection() as connection:
        number = await write_act(connection, "fresh")
    tamper(sealed.url, "audit_log", "UPDATE audit_log SET action = 'other' WHERE number = %s", number)
    assert await sealed.found() == [("edited", "audit_log", number)]


async def test_a_seal_that_was_taken_out_is_missed(sealed: Sealed) -> None:
    tamper(sealed.url, "audit_seals", "DELETE FROM audit_seals WHERE number = 3")
    (one,) = (await sealed.verify()).findings
    assert (one.kind, one.seal, one.text) == ("missing_seal", 3, "seal 3 is missing in the database, before seal 4")


async def test_a_cut_off_end_is_found_by_the_outside_file(sealed: Sealed) -> None:
    tamper(sealed.url, "audit_log", "DELETE FROM audit_log WHERE number = 5")
    tamper(sealed.url, "audit_seals", "DELETE FROM audit_seals WHERE number = 6")
    assert (await sealed.verify()).clean
    found = await verify_history(sealed.database, seal_file=sealed.seal_file)
    assert [(one.kind, one.seal) for one in found.findings] == [("missing_seal", 6)]


async def test_a_history_that_was_sealed_anew_is_found_by_the_file_and_by_the_signature(
    sealed: Sealed, tmp_path: Path
) -> None:
    tamper(sealed.url, "audit_log", "UPDATE audit_log SET resource_id = 'innocent' WHERE number = 2")
    rehash(sealed.url, "audit_log", 2)
    tamper(sealed.url, "audit_seals", "DELETE FROM audit_seals")
    await seal_history(sealed.database, Settings(home=tmp_path), NOW, 0)
    assert (await sealed.verify()).clean
    by_file = await verify_history(sealed.database, seal_file=sealed.seal_file)
    assert {one.kind for one in by_file.findings} == {"seal_file", "missing_seal"}
    keys = read_public_keys([tmp_path / "seal.key.pub"])
    (unsigned,) = (await verify_history(sealed.database, keys)).findings
    assert (unsigned.kind, unsigned.text) == ("signature", "seals 1 to 5 are not signed, and no signed seal follows")


async def test_seals_made_before_there_was_a_key_are_vouched_for_by_a_signed_one(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    await write_history(database)
    await seal_history(database, settings, NOW, 0)
    public, _ = make_keys(tmp_path / "k")
    async with database.connection() as connection:
        await write_act(connection, "more")
    await seal_history(database, msgspec.structs.replace(settings, audit_key=tmp_path / "k"), NOW, 0)
    assert (await verify_history(database, read_public_keys([public]))).clean
    other, _ = make_keys(tmp_path / "other")
    found = await verify_history(database, read_public_keys([other]))
    assert [(one.kind, one.seal) for one in found.findings] == [("signature", 6), ("signature", 1)]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("signature = decode(repeat('ab', 64), 'hex')", "seal 2: its signature is wrong"),
        ("signature = NULL", "seal 2: its signature or its key was taken away"),
        ("signature = ''", "seal 2: its signature is wrong"),
    ],
)
async def test_a_wrong_signature_is_found(sealed: Sealed, tmp_path: Path, change: str, text: str) -> None:
    tamper(sealed.url, "audit_seals", f"UPDATE audit_seals SET {change} WHERE number = 2")
    found = await verify_history(sealed.database, read_public_keys([tmp_path / "seal.key.pub"]))
    assert [one.text for one in found.findings] == [text]


async def test_a_redacted_version_and_a_deleted_store_are_lawful(sealed: Sealed) -> None:
    async with sealed.database.connection() as connection:
        edits = [Edit("/a.md", "Another text.", "because")]
        await apply_edits(connection, sealed.store_id, edits, act="write", actor="user", reason="because", now=NOW)
    await sealed.seal()
    async with sealed.database.connection() as connection:
        first = (await list_versions(connection, sealed.store_id))[-1]
        await redact_version(connection, sealed.store_id, first.id, None, NOW)
    assert await sealed.found() == [] and (await sealed.verify()).erased == 1
    async with sealed.database.connection() as connection:
        await delete_store(connection, sealed.store_id, NOW)
    assert await sealed.found() == [] and (await sealed.verify()).erased == 6
    await sealed.seal()
    assert await sealed.found() == []


async def test_a_redacted_row_tells_nothing_of_what_it_held(sealed: Sealed) -> None:
    """The hash that stays is salted, so that a guess at the content cannot be tried."""
    async with sealed.database.connection() as connection:
        edits = [Edit("/a.md", None, "gone")]
        await apply_edits(connection, sealed.store_id, edits, act="write", actor="user", reason="gone", now=NOW)
        first = (await list_versions(connection, sealed.store_id))[-1]
        await redact_version(connection, sealed.store_id, first.id, None, NOW)
        row = await connection.execute("SELECT salt, content FROM memory_versions WHERE id = %s", [first.id])
        assert await row.fetchone() == (None, None)


async def test_what_is_erased_without_an_act_is_tampering(sealed: Sealed) -> None:
    forged = "INSERT INTO erased_rows VALUES ('memory_versions', 1, 2), ('memory_versions', 2, 2)"
    for table in ("store_revisions", "memory_versions"):
        tamper(sealed.url, table, f"DELETE FROM {table}")
    gone = [("deleted", "store_revisions", 1), ("deleted", "store_revisions", 2)]
    assert await sealed.found() == [*gone, ("deleted", "memory_versions", 1), ("deleted", "memory_versions", 2)]
    tamper(sealed.url, "erased_rows", forged)
    assert await sealed.found() == [*gone, ("erasure", "audit_log", 2)]


async def test_progress_is_told(sealed: Sealed) -> None:
    told: list[str] = []
    await verify_history(sealed.database, tell=told.append)
    assert told[0] == "4 rows, 0 found" and told[-1] == "13 rows, 0 found"
