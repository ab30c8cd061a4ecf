"""``reverie import``, ``export``, ``metric`` and ``score`` as a shell sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reverie.cli.main import main
from tests.conftest import ChatFile

GOOD = {"id": "one", "messages": [{"role": "user", "content": "hello"}], "reward": 0.5}
BAD = {"id": "two", "messages": "none"}

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """Runs a command; its exit code, standard output and standard error."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        output = capfd.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else 0, output.out, output.err)

    return run


def test_an_import_says_what_it_did(shell: Shell, chat_file: ChatFile) -> None:
    file = chat_file(
        "a.jsonl", GOOD, {**GOOD, "id": "two", "messages": [{"role": "user", "content": "ada@example.org"}]}
    )
    code, out, err = shell("import", file)
    assert code == 0
    assert out == "2 created, 0 extended, 0 unchanged, 0 failed; 2 events, 2 scores\nredacted: 1 EMAIL\n"
    assert err == ""


def test_some_bad_records_give_exit_code_3_and_one_line_each(shell: Shell, chat_file: ChatFile) -> None:
    file = chat_file("a.jsonl", GOOD, BAD)
    code, out, err = shell("import", file, "--json")
    assert code == 3
    summary = json.loads(out)
    assert summary["sessions"] == {"created": 1, "unchanged": 0, "extended": 0, "failed": 1}
    assert summary["errors"] == [{"path": str(file), "line": 2, "reason": summary["errors"][0]["reason"]}]
    assert err == f"{file}:2: {summary['errors'][0]['reason']}\n"


def test_nothing_imported_gives_exit_code_1(shell: Shell, chat_file: ChatFile, tmp_path: Path) -> None:
    assert shell("import", chat_file("bad.jsonl", BAD))[0] == 1
    assert shell("import", tmp_path / "missing.jsonl")[0] == 1
    (tmp_path / "empty").mkdir()
    assert shell("import", tmp_path / "empty")[0] == 1


def test_an_import_with_nothing_new_succeeds(shell: Shell, chat_file: ChatFile) -> None:
    file = chat_file("a.jsonl", GOOD)
    shell("import", file)
    assert shell("import", file)[:2] == (0, "0 created, 0 extended, 1 unchanged, 0 failed; 0 events, 0 scores\n")


def test_a_strict_import_of_a_bad_record_gives_exit_code_1(shell: Shell, chat_file: ChatFile) -> None:
    code, out, _ = shell("import", chat_file("a.jsonl", GOOD, BAD), "--strict", "--json")
    assert (code, json.loads(out)["sessions"]["created"]) == (1, 0)


def test_fields_are_set_from_the_command_line(shell: Shell, chat_file: ChatFile) -> None:
    file = chat_file("run_7.jsonl", GOOD)
    shell("import", file, "--agent", "desk", "--set", "task_id={stem}", "--set", "team=blue", "--format", "chat")
    code, out, _ = shell("export", "-", "--where", "agent = 'desk' and metadata.team = 'blue'")
    assert code == 0
    assert json.loads(out)["session"]["task_id"] == "run_7"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["import", "x", "--set", "novalue"], "--set novalue: give it as KEY=VALUE"),
        (["import", "x", "--score", "grade"], "name it with --scores FILE"),
        (["export", "-", "--where", "colour = 1"], "'colour' is not a column"),
        (["export", "-", "--json"], "name a file"),
        (["score", "nobody", "reward=1"], "there is no session 'nobody'"),
        (["score", "nobody", "reward"], "give a score as METRIC=VALUE"),
        (["metric", "define", "m", "--low", "2"], "low 2.0 must be below high 1.0"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(shell: Shell, arguments: list[str], reason: str) -> None:
    code, out, err = shell(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert reason in err


def test_an_export_is_written_to_a_file(shell: Shell, chat_file: ChatFile, tmp_path: Path) -> None:
    shell("import", chat_file("a.jsonl", GOOD))
    code, out, _ = shell("export", tmp_path / "out.jsonl", "--json")
    assert (code, json.loads(out)) == (0, {"sessions": 1, "events": 1})
    assert json.loads((tmp_path / "out.jsonl").read_text())["scores"] == [{"metric": "reward", "value": 0.5}]


def test_a_metric_is_defined_scored_and_listed(shell: Shell, chat_file: ChatFile) -> None:
    shell("import", chat_file("a.jsonl", GOOD))
    assert shell("metric", "define", "turns", "--minimize", "--high", 10, "--target", 4)[0] == 0
    assert shell("score", "one", "turns=5", "--json")[1] == '{"session":"one","reward":0.5,"notes":[]}\n'
    assert shell("score", "one", "turns=3")[1] == "one: reward 0.700\n"
    listed = json.loads(shell("metric", "list", "--json")[1])["metrics"]
    assert [(row["metric"]["name"], row["defined"], row["sessions"], row["on_target"]) for row in listed] == [
        ("reward", False, 1, None),
        ("turns", True, 1, 1.0),
    ]
    assert "turns" in shell("metric", "list")[1]
