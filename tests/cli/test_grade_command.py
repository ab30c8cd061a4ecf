from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from reverie.cli.grade import grade
from reverie.cli.sessions import import_sessions
from reverie.errors import InputError, SettingsError
from reverie.testing.fake_models import fault, say, serve
from tests.conftest import ChatFile


@pytest.fixture(autouse=True)
def chats(database_url: str, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three sessions of one, two and three requests, the first of them scored."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    pair = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]
    chats = [{"id": f"s{number}", "messages": pair * number} for number in (1, 2, 3)]
    path = chat_file("chats.jsonl", {**chats[0], "reward": 1}, *chats[1:])
    CliRunner().invoke(import_sessions, [str(path)], catch_exceptions=False)


def grades(folder: Path, rubric: str, *options: str) -> Result:
    file = folder / "short.md"
    file.write_text(rubric, encoding="utf-8")
    return CliRunner().invoke(grade, ["--rubric", str(file), *options], catch_exceptions=False)


def test_a_grader_in_python_scores_by_the_file_and_the_metric_is_named_after_it(tmp_path: Path) -> None:
    told = grades(tmp_path, "1 if turns < 3 else 0\n", "--grader", "formula", "--json")
    result = msgspec.json.decode(told.stdout)
    assert (told.exit_code, result["graded"], result["metric"], result["grader"]) == (0, 3, "short", "grader:formula")
    assert result["agreement"]["sessions"] == 1
    again = grades(tmp_path, "1 if turns < 3 else 0\n", "--grader", "formula")
    assert "3 of 3 sessions graded by grader:formula as 'short' (3 were before)." in again.output


def test_a_session_that_a_grader_cannot_grade_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    told = grades(tmp_path, "1 / (turns - 2)", "--grader", "formula", "--where", "id in ('s2', 's3')")
    assert told.exit_code == 3
    assert "s2: " in told.stderr
    assert "1 of 2 sessions graded" in told.stdout and "1 failed" in told.stdout


def test_a_model_is_asked_by_its_route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve([say('{"explanation": "kind", "score": 1}')] * 3) as server:
        monkeypatch.setenv("REVERIE_MODEL", "openai:small")
        monkeypatch.setenv("REVERIE_MODEL_URL", f"{server.url}/v1")
        told = grades(tmp_path, "Was it kind?")
    assert (told.exit_code, len(server.requests)) == (0, 3)
    assert "graded by openai:small as 'short'" in told.output
    assert "price unknown" in told.output


def test_a_model_that_takes_no_key_ends_the_run_and_nothing_counts_as_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve([fault("authentication")] * 9) as server:
        monkeypatch.setenv("REVERIE_MODEL", "anthropic:m")
        monkeypatch.setenv("REVERIE_MODEL_URL", server.url)
        told = grades(tmp_path, "Was it kind?", "--json", "--concurrency", "1")
    result = msgspec.json.decode(told.stdout)
    assert (told.exit_code, result["graded"], result["left"], len(server.requests)) == (3, 0, 3, 1)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVERIE_MODEL", raising=False)
    with pytest.raises(SettingsError, match="--model"):
        grades(tmp_path, "Was it kind?")
    with pytest.raises(InputError, match="is empty"):
        grades(tmp_path, " \n")
    with pytest.raises(InputError, match="unknown"):
        grades(tmp_path, "x", "--grader", "nobody")
