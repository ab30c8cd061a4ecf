"""``reverie audit``: listed, sealed, verified, written out."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from reverie.cli.audit import audit
from reverie.cli.keys import workspaces
from reverie.cli.memory import memory
from reverie.errors import InputError, NotFoundError, SettingsError
from tests.storage.audit.history import tamper

CLEAN = (
    "2 rows, 2 seals: nothing was changed that can be told; 0 rows lawfully erased, 0 rows after the last seal; "
    "signatures not checked, outside file not given\n"
)
pytestmark = pytest.mark.usefixtures("commands_database")


@pytest.fixture
def commands_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that the commands use, with a store of one memory."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    for arguments, text in ((["create", "desk"], None), (["write", "desk", "/hours.md"], "Open from nine to five.")):
        made = CliRunner().invoke(memory, arguments, input=text, catch_exceptions=False)
        assert made.exit_code == 0, made.output


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(audit, list(arguments), catch_exceptions=False)


def test_what_was_sealed_is_verified_until_it_is_changed(database_url: str) -> None:
    assert invoke("seal").stdout.startswith("seal 1: store_revisions 1 to 1 (1), root ")
    assert invoke("seal").stdout == "nothing to seal\n"
    clean = invoke("verify")
    assert (clean.exit_code, clean.stdout) == (
        0,
        CLEAN,
    )
    tamper(database_url, "store_revisions", "UPDATE store_revisions SET actor = 'somebody'")
    found = invoke("verify")
    assert (found.exit_code, found.stdout.splitlines()[0].partition(" (")[0]) == (1, "store_revisions 1")
    report = invoke("verify", "--json")
    assert report.exit_code == 1
    assert [one["kind"] for one in msgspec.json.decode(report.stdout)["findings"]] == ["edited"]


def test_keys_and_the_outside_file_are_those_given_or_those_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, file = tmp_path / "seal.key", tmp_path / "seals.jsonl"
    assert "--public-key" in invoke("keygen", str(key)).stdout
    assert key.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="is there already"):
        invoke("keygen", str(key))
    monkeypatch.setenv("REVERIE_AUDIT_KEY", str(key))
    monkeypatch.setenv("REVERIE_AUDIT_SEAL_FILE", str(file))
    invoke("seal")
    assert len(file.read_bytes().splitlines()) == 2
    assert invoke("verify").stdout.endswith("signatures checked, outside file compared\n")
    monkeypatch.delenv("REVERIE_AUDIT_KEY")
    monkeypatch.delenv("REVERIE_AUDIT_SEAL_FILE")
    given = ("verify", "--seals", str(file), "--public-key", f"{key}.pub")
    assert invoke(*given).stdout.endswith("signatures checked, outside file compared\n")
    file.write_text("half a li")
    with pytest.raises(InputError, match=r"seals\.jsonl:1: no seal"):
        invoke(*given)
    with pytest.raises(InputError, match=r"give the \.pub file"):
        invoke("verify", "--public-key", str(key))
    monkeypatch.setenv("REVERIE_AUDIT_KEY", f"{key}.pub")
    with pytest.raises(SettingsError, match="reverie audit keygen"):
        invoke("seal")


def test_an_exported_row_is_the_text_that_was_hashed(tmp_path: Path) -> None:
    invoke("seal")
    file = tmp_path / "history.jsonl"
    invoke("export", str(file))
    records = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    rows = [one for one in records if one["type"] == "row"]
    assert [one["table"] for one in rows] == ["store_revisions", "memory_versions"]
    assert [one["content_hash"] for one in rows] == [hashlib.sha256(one["text"].encode()).hexdigest() for one in rows]
    leaves = [bytes.fromhex(one["leaves"]) for one in records if one["type"] == "seal"]
    assert leaves == [(1).to_bytes(8) + bytes.fromhex(one["content_hash"]) for one in rows]


def test_acts_and_seals_are_listed_by_workspace() -> None:
    CliRunner().invoke(workspaces, ["create", "other"], catch_exceptions=False)
    invoke("seal")
    assert [one["number"] for one in msgspec.json.decode(invoke("seals", "--json").stdout)] == [2, 1]
    assert "not signed" in invoke("seals").stdout
    assert msgspec.json.decode(invoke("seals", "--workspace", "other", "--json").stdout) == []
    assert msgspec.json.decode(invoke("list", "--json").stdout) == []
    with pytest.raises(NotFoundError, match="nowhere"):
        invoke("list", "--workspace", "nowhere")
