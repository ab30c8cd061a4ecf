"""What other packages add is found, used by name, and harms nobody when it is broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.extensions.conftest import EXAMPLE, Run

REVERIE = ("-m", "reverie.cli.main")
CODE = EXAMPLE / "reverie_example"
PARLEY = {"parley": "p-1", "said": ["user: hello", "agent: hi", "ghost: boo"], "mark": 0.5}
CHAT = {"id": "one", "messages": [{"role": "user", "content": "hello"}]}


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def listed(run: Run, *folders: Path) -> dict[tuple[str, str, str], Any]:
    done = run(*REVERIE, "extensions", "--json", folders=folders)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["extensions"]
    return {(one["group"].removeprefix("reverie."), one["name"], one["distribution"]): one for one in found}


def test_what_is_installed_is_listed_with_its_distribution(run: Run, example: Path) -> None:
    found = listed(run, example)
    theirs = {key: one for key, one in found.items() if one["distribution"] != "reverie"}
    assert set(theirs) == {
        ("importers", "parley", "reverie-example"),
        ("graders", "brief", "reverie-example"),
        ("embedders", "letters", "reverie-example"),
        ("models", "echo", "reverie-example"),
    }
    assert {(one["version"], one["error"]) for one in theirs.values()} == {("1.2.0", None)}
    assert ("importers", "chat", "reverie") in found and ("graders", "formula", "reverie") in found


def test_a_file_in_a_format_of_another_package_is_imported_by_content(run: Run, example: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    lines(folder / "a.jsonl", PARLEY)
    lines(folder / "b.jsonl", CHAT)
    done = run(*REVERIE, "import", folder, "--json", folders=(example,))
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["sessions"]["created"], summary["events"], summary["scores"]) == (2, 3, 1)
    warning = f"{folder / 'a.jsonl'}:1: said[2] is by 'ghost', who is not known; it is left out"
    assert summary["warnings"] == [warning]
    exported = run(*REVERIE, "export", "-", "--where", "agent = 'parley'", folders=(example,))
    session = json.loads(exported.stdout)["session"]
    assert (session["id"], session["source"]) == ("p-1", "parley")
    again = run(*REVERIE, "import", folder, "--format", "parley", "--json", folders=(example,))
    assert json.loads(again.stdout)["sessions"]["unchanged"] == 1


def test_worker_processes_read_formats_of_other_packages(run: Run, example: Path, tmp_path: Path) -> None:
    file = lines(tmp_path / "many.jsonl", *({**PARLEY, "parley": f"p-{n}"} for n in range(2_100)))
    done = run(*REVERIE, "import", file, "--json", folders=(example,), REVERIE_WORKERS="2")
    assert json.loads(done.stdout)["sessions"]["created"] == 2_100


def test_formats_of_other_packages_are_named_where_none_is_found(run: Run, example: Path, tmp_path: Path) -> None:
    done = run(*REVERIE, "import", lines(tmp_path / "odd.jsonl", {"odd": 1}), folders=(example,))
    known = done.stderr.partition("known are ")[2].partition(";")[0].split(", ")
    assert known == sorted(known)
    assert {"chat", "claude-code", "parley", "tau-bench"} <= set(known)


def test_a_broken_extension_is_listed_with_what_is_wrong_and_what_to_do(run: Run, example: Path, broken: Path) -> None:
    found = listed(run, broken, example)
    errors = {name: one["error"] for (_, name, distribution), one in found.items() if distribution == "reverie-broken"}
    place = "(reverie.{}, {}) of reverie-broken 0.9"
    remedy = "upgrade, reinstall or uninstall reverie-broken"
    assert errors == {
        "burst": f"the extension 'burst' {place.format('importers', 'reverie_broken:IMPORTER')} cannot be loaded: "
        f"OSError: no such moon; {remedy}",
        "chat": f"the extension 'chat' {place.format('importers', 'reverie_example.parley:IMPORTER')} has a name that "
        "is Reverie's own; rename the entry point, or uninstall it",
        "vanished": f"the extension 'vanished' {place.format('graders', 'reverie_gone:grade')} cannot be loaded: "
        f"ModuleNotFoundError: No module named 'reverie_gone'; {remedy}",
        "number": f"the extension 'number' {place.format('embedders', 'math:pi')} is float, not a callable without "
        "arguments that gives a reverie.digests.vector.TextEmbedder; see docs/extensions.md",
        "quitter": f"the extension 'quitter' {place.format('models', 'reverie_quits:open_model')} cannot be loaded: "
        f"SystemExit: 7; {remedy}",
    }
    assert found["importers", "parley", "reverie-example"]["error"] is None


def test_a_broken_importer_stops_nothing_but_what_asks_for_it(
    run: Run, example: Path, broken: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    lines(folder / "a.jsonl", PARLEY)
    lines(folder / "b.jsonl", CHAT)
    (folder / "notes.txt").write_text("nothing\n")
    done = run(*REVERIE, "import", folder, "--json", folders=(broken, example))
    assert done.returncode == 0
    assert json.loads(done.stdout)["sessions"]["created"] == 2
    assert "notes.txt: not a session file; the extension 'burst'" in done.stderr
    asked = run(*REVERIE, "import", folder, "--format", "burst", folders=(broken, example))
    assert asked.returncode == 1
    assert asked.stderr.startswith("reverie: the extension 'burst'") and asked.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [b"[reverie.importers]\nparley\n", b"[reverie.importers]\nm\xe9 = a:b\n"])
def test_a_malformed_list_of_entry_points_costs_its_own_package_alone(
    run: Run, example: Path, tmp_path: Path, content: bytes
) -> None:
    written = tmp_path / "torn" / "reverie_torn-2.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: reverie-torn\nVersion: 2\n")
    (written / "entry_points.txt").write_bytes(content)
    done = run(*REVERIE, "extensions", "--json", folders=(tmp_path / "torn", example))
    answer = json.loads(done.stdout)
    assert {one["name"]: one["error"] for one in answer["extensions"]}["parley"] is None
    (told,) = answer["unreadable"]
    assert told.startswith("the entry points of reverie-torn cannot be read: ")
    assert told.endswith("; reinstall or uninstall it")


def test_two_packages_with_one_name_are_refused_by_both_their_names(run: Run, example: Path, tmp_path: Path) -> None:
    written = tmp_path / "twin" / "reverie_twin-3.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: reverie-twin\nVersion: 3\n")
    (written / "entry_points.txt").write_text("[reverie.importers]\nparley = reverie_example.parley:IMPORTER\n")
    found = listed(run, example, tmp_path / "twin")
    first = found["importers", "parley", "reverie-example"]["error"]
    second = found["importers", "parley", "reverie-twin"]["error"]
    assert first.endswith("of reverie-example 1.2.0 has the same name as one of reverie-twin; uninstall one of the two")
    assert second.endswith("of reverie-twin 3 has the same name as one of reverie-example; uninstall one of the two")


EMBED = (
    "from reverie.digests.vector import open_embedder as o; e = o('letters'); print(e.name, *e.embed(['ab'])[0, :3])"
)
GRADERS = "from reverie.outcomes.graders import read_graders; print(*read_graders())"
ASK = """
import asyncio
from reverie.language_model import ModelMessage, ModelRequest
from reverie.models.open import open_model
from reverie.settings import load_settings
async def ask():
    async with open_model(load_settings().model) as model:
        print(model.name, (await model.complete(ModelRequest("p/1", (ModelMessage("user", "hoy"),), 9))).text)
asyncio.run(ask())
"""


@pytest.mark.parametrize(
    ("code", "printed"),
    [(EMBED, "letters/letters-1 0.70710677 0.70710677 0.0"), (GRADERS, "brief formula"), (ASK, "echo:m hoy")],
)
def test_embedders_graders_and_models_of_other_packages_are_chosen_by_name(
    run: Run, example: Path, code: str, printed: str
) -> None:
    variables = {"REVERIE_MODEL": "echo:m", "REVERIE_MODEL_URL": "http://localhost"}
    done = run("-c", code, folders=(example,), **variables)
    assert (done.stdout.strip(), done.stderr) == (printed, "")


def test_a_model_of_another_package_is_not_opened_where_requests_must_stay_here(run: Run, example: Path) -> None:
    code = "from reverie.models.open import open_model; from reverie.settings import ModelSettings as M; "
    done = run("-c", code + "open_model(M('echo', 'm'))", folders=(example,), REVERIE_MODEL_REQUESTS="local")
    assert "REVERIE_MODEL_REQUESTS=local forbids echo" in done.stderr


@pytest.mark.parametrize(
    "file", ["pyproject.toml", *sorted(f"reverie_example/{path.name}" for path in CODE.glob("[a-z]*.py"))]
)
def test_the_page_shows_the_example_as_it_is(file: str) -> None:
    page = (EXAMPLE.parents[2] / "docs" / "extensions.md").read_text(encoding="utf-8")
    assert f"\n{(EXAMPLE / file).read_text(encoding='utf-8').rstrip()}\n```\n" in page
