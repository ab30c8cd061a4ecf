from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from reverie.cli.dream import dream
from reverie.cli.friction import friction
from reverie.cli.memory import memory
from reverie.cli.sessions import import_sessions
from reverie.errors import ExpressionError, InputError, NotFoundError
from tests.dreams.small_desk import small_desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small desk, imported into the database that the commands use."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    path = small_desk(tmp_path / "desk.jsonl")
    assert CliRunner().invoke(import_sessions, [str(path)]).exit_code == 0
    return tmp_path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(dream, ["--store", "desk", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def document(*arguments: str) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(run(*arguments, "--json").stdout)
    return decoded


def test_a_dream_gives_one_document_with_all_that_programs_rely_on(desk: Path) -> None:
    result = document("--report", str(desk / "report.html"))
    assert result["status"] == "completed"
    assert (result["sessions"]["read"], result["sessions"]["new"]) == (600, 600)
    assert result["placebo"] == {"runs": 5, "lessons": 0}
    lesson = next(x for x in result["lessons"] if x["status"] == "adopted")
    assert lesson["behaviour"] == "start | call:verify"
    assert lesson["effect"]["low"] < 0.5 < lesson["effect"]["high"]
    assert {"session_id", "event_id"} == lesson["evidence"][0].keys()
    assert lesson["scope"] == {"agent": "desk", "task_family": None, "condition": None}
    assert [change["action"] for change in result["changes"]] == ["add"]
    assert "start | call:verify" in {pattern["behaviour"] for pattern in result["patterns"]}
    assert "<!doctype html>" in (desk / "report.html").read_text(encoding="utf-8").lower()


def test_a_second_dream_reads_nothing_new_and_changes_nothing(desk: Path) -> None:
    assert desk.exists()
    first, second = document(), document()
    assert second["sessions"]["new"] == 0
    assert second["changes"] == []
    assert [x["id"] for x in second["lessons"]] == [x["id"] for x in first["lessons"]]
    log = msgspec.json.decode(CliRunner().invoke(memory, ["log", "desk", "--json"]).stdout)
    assert [revision["actor"] for revision in log["revisions"]] == [first["dream_id"]]


def test_an_estimate_counts_and_runs_nothing(desk: Path) -> None:
    assert desk.exists()
    estimate = document("--estimate")
    assert estimate["sessions"] == {"read": 600, "new": 600, "scored": 600, "dated": None}
    assert estimate["cost_usd"] == 0
    assert CliRunner().invoke(memory, ["list", "--json"]).stdout.strip() in ('{"stores":[]}', '{\n  "stores": []\n}')


def test_where_chooses_the_sessions(desk: Path) -> None:
    assert desk.exists()
    assert document("--where", "task_id = 't1'")["sessions"]["read"] == 10
    with pytest.raises(ExpressionError, match="allowed are"):
        run("--where", "1; DROP TABLE sessions")


def test_a_person_is_told_what_was_found(desk: Path) -> None:
    assert desk.exists()
    text = run().output
    assert "Read 600 sessions (600 new, 600 scored)" in text
    assert "1 adopted" in text
    assert "the placebo adopted 0 in 5 runs" in text
    assert "seconds: " not in text


def test_an_estimate_with_a_model_says_tokens_and_money(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.exists()
    monkeypatch.setenv("REVERIE_MODEL", "openai:m")
    monkeypatch.setenv("REVERIE_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("REVERIE_MODEL_PRICE", "3/15")
    estimate = document("--estimate")
    assert estimate["model"]["calls"] == 6 and estimate["cost_usd"] == estimate["model"]["usd"] > 0
    assert "6 calls of the model" in run("--estimate").output


def command(*arguments: str) -> Result:
    return CliRunner().invoke(dream, list(arguments))


def test_a_store_is_scheduled_shown_scheduled_anew_and_dreams_by_itself_no_more(desk: Path) -> None:
    assert desk.exists()
    zone = ("--time-zone", "Europe/Berlin")
    set_ = command("notes", "--schedule", "0 3 * * *", *zone, "--where", "reward > 0", "--budget", "5", "--json")
    schedule = msgspec.json.decode(set_.stdout)
    assert schedule["schedule"] == {"expression": "0 3 * * *", "timezone": "Europe/Berlin"}
    assert (schedule["status"], schedule["where"], schedule["budget"]) == (
        "active",
        "reward > 0",
        {"tokens": 5, "usd": None},
    )
    shown = CliRunner().invoke(memory, ["list"]).stdout
    assert 'dreams at "0 3 * * *" Europe/Berlin; next ' in shown
    (store,) = msgspec.json.decode(CliRunner().invoke(memory, ["list", "--json"]).stdout)["stores"]
    assert store["dream_schedule"] == schedule
    assert 'dreams at "30 4 * * 1" UTC' in command("--store", "notes", "--schedule", "30 4 * * 1").output
    assert command("notes", "--no-schedule").output == "notes: dreams by itself no more\n"
    assert isinstance(command("notes", "--no-schedule").exception, NotFoundError)
    assert "dreams at" not in CliRunner().invoke(memory, ["list"]).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["desk", "--store", "other"],
        ["--schedule", "0 3 * * *", "--no-schedule"],
        ["--schedule", "0 3 * * *", "--estimate"],
        ["--time-zone", "UTC"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    assert command(*arguments).exit_code == 2


def test_a_schedule_that_cannot_be_read_is_refused_and_makes_no_store(desk: Path) -> None:
    assert desk.exists()
    for wrong in (["--schedule", "@daily"], ["--schedule", "0 3 * * *", "--time-zone", "Mars/Olympus"]):
        assert isinstance(command("notes", *wrong).exception, InputError)
    assert CliRunner().invoke(memory, ["list"]).stdout == ""


def test_a_budget_is_of_one_dream(desk: Path) -> None:
    assert desk.exists()
    assert document("--budget", "0")["status"] == "completed"


def test_where_there_are_no_sessions_the_next_step_is_to_import_some(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    told = run().output
    assert "Next: Import some with `reverie import PATH`" in told
    assert "Friction" not in told and "strata" not in told
    assert "There are no sessions to read" in CliRunner().invoke(friction, [], catch_exceptions=False).output


def test_sessions_without_scores_end_in_one_next_step_and_what_a_tool_says_is_quoted_once(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Please find the order."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "Error: order not found", "is_error": True},
        {"role": "assistant", "content": "There is none."},
    ]
    path = tmp_path / "chats.json"
    path.write_bytes(msgspec.json.encode([{"id": f"s{i}", "messages": messages} for i in range(4)]))
    CliRunner().invoke(import_sessions, [str(path)], catch_exceptions=False)
    told = run().output
    assert told.count("“Error: order not found”") == 1
    assert told.count("Next: ") == 1
