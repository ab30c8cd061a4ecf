import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reverie.cli.main import main

Reverie = Callable[..., tuple[int, str, str]]


@pytest.fixture
def reverie(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Reverie:
    """Runs a command on a fresh database; gives exit code, standard output and standard error."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_HOME", str(tmp_path / "home"))

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        code = ended.value.code
        assert isinstance(code, int)
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.md"
    file.write_text("Verify the identity before a refund.\n")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "lessons").mkdir(parents=True)
    (folder / "lessons" / "refunds.md").write_bytes("Prüfe zuerst.\r\n".encode())
    (folder / "plain").write_text("")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def document(result: tuple[int, str, str]) -> Any:
    code, output, errors = result
    assert (code, errors) == (0, "")
    return json.loads(output)


def test_a_memory_is_written_shown_listed_and_deleted(reverie: Reverie, note: Path) -> None:
    reverie("memory", "create", "notes")
    code, output, _ = reverie("memory", "write", "notes", "/refunds.md", "--file", note, "--reason", "seen twice")
    assert code == 0
    assert "revision 1" in output
    assert "write by user  1 created, 0 modified, 0 deleted\n    seen twice" in output
    code, output, provenance = reverie("memory", "show", "/refunds.md")
    assert (code, output) == (0, note.read_text())
    assert "write by user" in provenance
    assert (
        "/refunds.md  intermediate  37 bytes  revision 1, write by user: seen twice"
        in reverie("memory", "list", "notes")[1]
    )
    reverie("memory", "delete", "notes", "/refunds.md")
    assert reverie("memory", "show", "/refunds.md")[0] == 1
    assert reverie("memory", "show", "/refunds.md", "--revision", 1)[1] == note.read_text()


def test_every_reading_command_names_act_actor_reason_and_sessions_in_json(reverie: Reverie, note: Path) -> None:
    reverie("memory", "create", "notes")
    written = document(reverie("memory", "write", "/a", "--file", note, "--reason", "why", "--json"))["revision"]
    origin = {"act": "write", "actor": "user", "reason": "why", "source_session_ids": []}
    assert written.items() >= origin.items()
    assert document(reverie("memory", "log", "--json"))["revisions"] == [written]
    assert document(reverie("memory", "list", "--json"))["stores"][0]["latest_revision"] == written
    assert document(reverie("memory", "diff", 0, "--json"))["revisions"] == [written]
    (listed,) = document(reverie("memory", "list", "notes", "--json"))["memories"]
    assert listed.items() >= {**origin, "path": "/a", "content": None}.items()
    shown = document(reverie("memory", "show", "/a", "--json"))
    assert shown.items() >= {**origin, "path": "/a", "content": note.read_text()}.items()


def test_a_diff_shows_what_changed_and_a_rollback_undoes_it(reverie: Reverie, note: Path) -> None:
    reverie("memory", "create", "notes")
    reverie("memory", "write", "notes", "/a", "--file", note)
    note.write_text("Never mind.\n")
    reverie("memory", "write", "notes", "/a", "--file", note)
    code, output, _ = reverie("memory", "diff", "notes", 1, 2)
    assert code == 0
    assert "-Verify the identity before a refund.\n+Never mind.\n" in output
    assert output.endswith("0 created, 1 modified, 0 deleted\n")
    assert reverie("memory", "rollback", "notes", 1)[0] == 2
    rolled = document(reverie("memory", "rollback", "notes", 1, "--reason", "worse", "--json"))["revision"]
    assert (rolled["act"], rolled["number"], rolled["reason"]) == ("rollback", 3, "back to revision 1: worse")
    assert reverie("memory", "diff", 1)[1].endswith("0 created, 0 modified, 0 deleted\n")
    assert "nothing to change" in reverie("memory", "rollback", 1, "--reason", "again")[1]


def test_recall_ranks_with_reasons(reverie: Reverie, note: Path) -> None:
    reverie("memory", "create", "notes")
    reverie("memory", "write", "/refunds.md", "--file", note)
    (hit,) = document(reverie("recall", "notes", "refunding customers", "--limit", 3, "--json"))["hits"]
    assert (hit["path"], [reason["term"] for reason in hit["reasons"]]) == ("/refunds.md", ["refunding"])
    code, output, _ = reverie("recall", "notes", "refunding", "--words")
    assert code == 0
    explained = "/refunds.md  (refunding 0.42) × activation 0.97 × impact 1.00, intermediate"
    assert output.endswith(f"{explained}\n    Verify the identity before a refund.\n")


def test_recall_of_meanings_keeps_a_budget_and_counts_uses(reverie: Reverie, note: Path) -> None:
    reverie("memory", "create", "notes")
    reverie("memory", "write", "/a/refunds.md", "--file", note, "--tier", "long")
    asked = ("recall", "refunds", "--meaning", "--json")
    (first,) = document(reverie(*asked, "--record"))["hits"]
    assert (first["tier"], first["tokens"], first["impact"]) == ("long", 10, 1.0)
    (second,) = document(reverie(*asked))["hits"]
    assert second["activation"] > first["activation"]
    assert document(reverie(*asked, "--tokens", 9))["hits"] == []


def test_a_policy_is_shown_and_set(reverie: Reverie, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    reverie("memory", "create", "notes")
    assert document(reverie("policy"))["memory"]["tiers"]["short_days"] == 7
    file.write_text('{"memory": {"tiers": {"short_days": 2}}}')
    assert document(reverie("policy", "notes", "--file", file))["memory"]["tiers"]["short_days"] == 2
    file.write_text('{"tier": {}}')
    assert reverie("policy", "--file", file)[0] == 1
    assert document(reverie("policy"))["memory"]["tiers"]["short_days"] == 2


def test_a_store_may_be_left_out_only_while_there_is_one(reverie: Reverie) -> None:
    assert "memory create NAME" in reverie("memory", "log")[2]
    reverie("memory", "create", "one")
    assert reverie("memory", "log")[0] == 0
    reverie("memory", "create", "two")
    code, _, errors = reverie("memory", "log")
    assert (code, errors) == (1, "reverie: there are 2 memory stores; name one of: one, two\n")


def test_a_second_store_of_one_name_is_not_made(reverie: Reverie) -> None:
    assert reverie("memory", "create", "notes")[0] == 0
    assert reverie("memory", "create", "notes")[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", "a", "b"),
        ("diff", "1", "2", "3"),
        ("diff", "a"),
        ("rollback", "a", "--reason", "r"),
        ("show", "a", "b", "c"),
    ],
)
def test_arguments_that_make_no_sense_are_a_usage_error(reverie: Reverie, arguments: tuple[str, ...]) -> None:
    assert reverie("memory", *arguments)[0] == 2


def test_an_exported_import_is_the_same_to_the_byte(reverie: Reverie, folder: Path, tmp_path: Path) -> None:
    code, output, _ = reverie("memory", "import", folder, "--json")
    summary = json.loads(output)
    assert (code, summary["errors"]) == (0, [])
    assert summary["memories"] == {"created": 2, "modified": 0, "unchanged": 0, "failed": 0}
    assert summary["revision"]["act"] == "import"
    assert summary["store"]["name"] == "default"
    code, output, _ = reverie("memory", "export", tmp_path / "deep" / "out", "--json")
    assert (code, json.loads(output)["written"]) == (0, 2)
    assert files(tmp_path / "deep" / "out") == files(folder)


def test_importing_again_changes_nothing_and_removes_nothing(reverie: Reverie, folder: Path) -> None:
    reverie("memory", "import", folder, "--store", "notes")
    (folder / "plain").unlink()
    summary = json.loads(reverie("memory", "import", folder, "--store", "notes", "--json")[1])
    assert (summary["revision"], summary["memories"]["unchanged"]) == (None, 1)
    assert "/plain" in reverie("memory", "list", "notes")[1]


def test_bad_files_are_named_and_the_rest_comes_in(reverie: Reverie, folder: Path) -> None:
    (folder / "image.png").write_bytes(b"\x89PNG\xff")
    (folder / "long.md").write_bytes(b"x" * 102_401)
    (folder / "lessons" / "link.md").symlink_to(folder / "plain")
    (folder / "away").symlink_to("/")
    (folder / ".anthropic-memory-store").write_text("marker")
    code, _, errors = reverie("memory", "import", folder)
    assert code == 3
    assert errors.splitlines() == [
        f"{folder}/away: not a regular file; put a copy of the file here",
        f"{folder}/image.png: byte 1 is not UTF-8; only UTF-8 text can be a memory",
        f"{folder}/long.md: content is over 102,400 bytes; split it into several memories",
        f"{folder}/lessons/link.md: not a regular file; put a copy of the file here",
    ]
    assert len(json.loads(reverie("memory", "list", "default", "--json")[1])["memories"]) == 2


def test_an_import_of_nothing_makes_no_store_and_fails(reverie: Reverie, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    assert reverie("memory", "import", tmp_path / "bad")[0] == 1
    (tmp_path / "bad" / "a").write_bytes(b"\xff")
    assert reverie("memory", "import", tmp_path / "bad")[0] == 1
    code, _, errors = reverie("memory", "import", tmp_path / "missing")
    assert (code, errors) == (1, f"reverie: there is no folder {tmp_path}/missing\n")
    assert reverie("memory", "list")[1] == ""


def test_a_folder_in_use_is_written_only_by_force(reverie: Reverie, folder: Path, tmp_path: Path) -> None:
    reverie("memory", "import", folder)
    target = tmp_path / "out"
    target.mkdir()
    (target / "plain").write_text("mine")
    code, _, errors = reverie("memory", "export", target)
    assert (code, "--force" in errors) == (1, True)
    assert files(target) == {"plain": b"mine"}
    assert reverie("memory", "export", target, "--force")[0] == 0
    assert files(target) == files(folder)


def test_an_export_never_leaves_its_folder(reverie: Reverie, folder: Path, tmp_path: Path) -> None:
    reverie("memory", "import", folder)
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "out"
    target.mkdir()
    (target / "lessons").symlink_to(outside)
    (target / "plain").symlink_to(outside / "plain")
    code, _, errors = reverie("memory", "export", target, "--force")
    assert (code, errors.count("symbolic link would lead out")) == (1, 2)
    assert files(outside) == {}


def test_exporting_an_unknown_store_names_the_stores(reverie: Reverie, tmp_path: Path) -> None:
    reverie("memory", "create", "notes")
    code, _, errors = reverie("memory", "export", tmp_path / "out")
    assert (code, "'default'; the stores are: notes" in errors) == (1, True)


def test_a_file_in_the_way_of_an_export_is_named(reverie: Reverie, folder: Path) -> None:
    reverie("memory", "import", folder)
    code, _, errors = reverie("memory", "export", folder / "plain")
    assert (code, f"cannot use the folder {folder}/plain" in errors) == (1, True)
