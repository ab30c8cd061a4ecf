from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result

from reverie.cli.label import label
from reverie.cli.sessions import import_sessions
from tests.conftest import ChatFile


@pytest.fixture
def chats(database_url: str, chat_file: ChatFile, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database with twenty sessions without scores; a terminal of eighty columns."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    monkeypatch.setenv("COLUMNS", "80")
    path: Path = chat_file("chats.jsonl", *(_chat(number) for number in range(20)))
    CliRunner().invoke(import_sessions, [str(path)], catch_exceptions=False)
    return database_url


def _chat(number: int) -> dict[str, Any]:
    calls = [{"id": "c", "type": "function", "function": {"name": "recall_memory", "arguments": "{}"}}]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Lesson: always verify first."},
        {"role": "user", "content": f"Order {number} is late"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c", "content": "remembered: be kind"},
        {"role": "assistant", "content": "Sorry\x1b[31m about that."},
    ]
    return {"id": f"s{number}", "task_id": f"t{number % 4}", "messages": messages}


def ask(keys: str, *options: str) -> Result:
    return CliRunner().invoke(label, list(options), input=keys, catch_exceptions=False)


def scores(url: str) -> list[tuple[float, str, float]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT value, source, probability FROM scores ORDER BY probability").fetchall()


def test_answers_are_scores_of_a_person_with_the_probability_of_being_asked(chats: str) -> None:
    told = ask("y\nn\n0.5\n", "--n", "3").output
    assert "3 of 20 sessions labelled; 17 not asked for." in told
    assert sorted(value for value, _, _ in scores(chats)) == [0.0, 0.5, 1.0]
    assert {source for _, source, _ in scores(chats)} == {"person"}
    assert all(0 < probability < 0.5 for _, _, probability in scores(chats))


def test_quitting_keeps_what_was_answered_and_the_next_call_goes_on(chats: str) -> None:
    first, second = ask("y\nq\n"), ask("n\nq\n")
    assert "1 of 20 sessions labelled" in first.output
    assert "2 of 20 sessions labelled" in second.output
    assert len(scores(chats)) == 2


@pytest.mark.usefixtures("chats")
def test_the_end_of_the_input_is_a_quit() -> None:
    assert "1 of 20 sessions labelled" in ask("y\n").output


def test_skipping_and_taking_back(chats: str) -> None:
    told = ask("y\nu\ns\nn\nq\n").output
    assert "taken back: s" in told
    assert "1 of 20 sessions labelled, 1 skipped; 18 not asked for." in told
    assert [value for value, _, _ in scores(chats)] == [0.0]


def test_what_is_no_score_is_asked_again(chats: str) -> None:
    told = ask("7\nperhaps\ny\nq\n").output
    assert told.count("is no score from 0 to 1") == 2
    assert [value for value, _, _ in scores(chats)] == [1.0]


@pytest.mark.usefixtures("chats")
def test_a_person_sees_the_session_but_no_memory_and_nothing_a_terminal_would_obey() -> None:
    told = ask("m\nq\n").output
    assert "is late" in told and "Sorry" in told
    assert "always verify" not in told and "recall_memory" not in told and "be kind" not in told
    assert "\x1b[31m about" not in told


@pytest.mark.usefixtures("chats")
def test_json_is_one_document_on_standard_output() -> None:
    told = CliRunner().invoke(label, ["--json"], input="y\nq\n", catch_exceptions=False)
    progress = msgspec.json.decode(told.stdout)
    assert (progress["answered"], progress["sessions"], progress["metric"]) == (1, 20, "reward")


@pytest.mark.usefixtures("chats")
def test_only_the_sessions_of_a_condition_are_asked_for() -> None:
    assert "of 2 sessions labelled" in ask("q\n", "--where", "id in ('s1', 's2')").output
