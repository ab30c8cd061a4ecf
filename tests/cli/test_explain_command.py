from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from reverie.cli.dream import dream
from reverie.cli.explain import explain
from reverie.cli.memory import memory
from reverie.cli.sessions import import_sessions
from reverie.errors import NotFoundError
from tests.dreams.small_desk import small_desk


@pytest.fixture
def lesson_id(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The lesson that a dream over the small desk adopts."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    CliRunner().invoke(import_sessions, [str(small_desk(tmp_path / "desk.jsonl"))], catch_exceptions=False)
    result = msgspec.json.decode(CliRunner().invoke(dream, ["--json"], catch_exceptions=False).stdout)
    return next(str(x["id"]) for x in result["lessons"] if x["status"] == "adopted")


def test_a_lesson_is_explained_by_its_table_its_sessions_and_its_doubts(lesson_id: str) -> None:
    told = msgspec.json.decode(CliRunner().invoke(explain, [lesson_id, "--json"], catch_exceptions=False).stdout)
    assert told["lesson"]["id"] == lesson_id
    assert sum(row["share"] for row in told["strata"]) == pytest.approx(1)
    assert [moment["supports"] for moment in told["moments"]] == [True, True, True, False, False]
    assert any("verify" in turn["text"] for turn in told["moments"][0]["turns"])
    text = CliRunner().invoke(explain, [lesson_id[-6:]], catch_exceptions=False).output
    assert "What would change our mind" in text
    assert "task:t" in text


def test_a_lesson_is_named_by_the_path_of_its_document(lesson_id: str) -> None:
    listed = msgspec.json.decode(CliRunner().invoke(memory, ["list", "default", "--json"]).stdout)
    (path,) = [each["path"] for each in listed["memories"] if "/lessons/" in each["path"]]
    told = CliRunner().invoke(explain, [path, "--json"], catch_exceptions=False).stdout
    assert msgspec.json.decode(told)["lesson"]["id"] == lesson_id


def test_an_unknown_lesson_is_said_to_be_unknown(lesson_id: str) -> None:
    with pytest.raises(NotFoundError, match="no lesson has an id that ends in"):
        CliRunner().invoke(explain, [f"{lesson_id}x"], catch_exceptions=False)
