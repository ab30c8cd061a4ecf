"""Scores kept in a file of their own."""

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import InputError
from reverie.outcomes.score_file import ScoreTable, read_scores
from reverie.sessions.session import Session


def table(folder: Path, content: Any, fields: Sequence[str] = (), key: str | None = None) -> ScoreTable:
    path = folder / "scores"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_scores(path, key=key, fields=fields)


def scores(
    table: ScoreTable, session_id: str = "s", stem: str = "file", task_id: str | None = None
) -> dict[str, float]:
    session = Session(id=session_id, source="chat", task_id=task_id)
    return {score.metric: score.value for score in table.scores_for(session, stem)}


@pytest.mark.parametrize(
    "content",
    [
        [{"session_id": "s", "csat": 4, "solved": True, "note": "x", "late": None}],
        {"s": {"csat": 4, "solved": True}},
        '{"session_id": "s", "csat": 4, "solved": true}\n\n{"session_id": "t", "csat": 1}\n',
        {"session_id": "s", "csat": 4, "solved": True},
        "session_id,csat,solved,note,late\ns,4,true,x,\n",
    ],
)
def test_every_layout_gives_the_numbers_and_booleans(content: Any, tmp_path: Path) -> None:
    assert scores(table(tmp_path, content)) == {"csat": 4.0, "solved": 1.0}


def test_a_bare_number_by_id_is_the_reward(tmp_path: Path) -> None:
    assert scores(table(tmp_path, {"s": 0.5, "t": 1})) == {"reward": 0.5}


@pytest.mark.parametrize(
    ("key", "value", "session"),
    [
        ("session_id", "s-1", {"session_id": "s-1"}),
        ("file", "run_9", {"stem": "run_9"}),
        ("task_id", "retail:3", {"task_id": "retail:3"}),
        ("task_id", 0, {"stem": "task_0"}),
        ("task_id", "007", {"stem": "task_007"}),
    ],
)
def test_a_row_joins_by_id_stem_task_or_numbered_stem(
    key: str, value: Any, session: dict[str, str], tmp_path: Path
) -> None:
    found = table(tmp_path, [{key: value, "x": 1}, {key: "other", "x": 0}])
    assert found.key == key
    assert scores(found, **session) == {"x": 1.0}
    assert [row.key for row in found.unclaimed()] == ["other"]
    assert scores(found, "none", "none", "none") == {}


def test_keys_in_csv_keep_their_leading_zeros(tmp_path: Path) -> None:
    assert scores(table(tmp_path, "task_id,x\n007,1\n"), stem="task_007") == {"x": 1.0}


def test_a_graders_key_is_no_score_unless_asked_for(tmp_path: Path) -> None:
    row = {
        "id": "s",
        "task_id": 4,
        "golden_actions_count": 5,
        "predicted_x": 1,
        "path_match": True,
        "db_hash": 3,
        "ok": 1,
    }
    assert scores(table(tmp_path, [row])) == {"ok": 1.0}
    assert scores(table(tmp_path, [row], ["path_match"])) == {"path_match": 1.0}


@pytest.mark.parametrize(("database", "said", "reward"), [(True, None, 1.0), (True, False, 0.0), (False, True, 0.0)])
def test_tau2_evaluations_give_one_reward(database: bool, said: bool | None, reward: float, tmp_path: Path) -> None:
    row = {"task_id": "0", "db_match": database, "communicate_match": said, "golden_hash": "x", "steps": 7}
    assert scores(table(tmp_path, [row]), stem="task_0") == {"reward": reward}


def test_fields_are_named_and_joined_as_the_smallest(tmp_path: Path) -> None:
    row = {"id": "s", "a": 0.25, "b": True, "c": None}
    found = table(tmp_path, [row], ["a", "reward=b&a", "late=c", "x=b & c"])
    assert scores(found) == {"a": 0.25, "reward": 0.25, "x": 1.0}


@pytest.mark.parametrize(
    ("content", "fields", "reason"),
    [
        ("[1, 2", (), ": broken JSON at character 6"),
        ('{"id": "s"}\n{"id": \n', (), ":2: broken JSON"),
        ('{"id": "s"}\n[]\n', (), ":2: not a JSON object"),
        ([{"id": "s"}, 3], (), ":2: not a JSON object"),
        ([], (), ": no row has any of session_id, id, file, task_id"),
        ([{"name": "s", "x": 1}], (), ": no row has any of session_id"),
        (
            "Ticket;Solved\ns;1\n",
            (),
            ": no row has any of session_id, id, file, task_id; say which field names the session by --scores-key",
        ),
        ([{"id": "s"}, {"id": None}], (), ":2: id must be text or a whole number, not None"),
        ([{"id": "s"}, {"id": "s"}], (), ":2: id 's' is there twice, first at 1"),
        (
            [{"id": "s", "x": "high"}],
            ["x"],
            ":1: x 'high' is not a number; say what words mean, each by a number, as in --score 'x=high:1,…'",
        ),
        (
            "id,solved\ns,yes\n",
            ["reward=solved"],
            ":2: solved 'yes' is not a number; say what words mean, each by a number, as in --score 'solved=yes:1,…'",
        ),
        ([{"id": "s", "x": 1}], ["y"], ": no row has a field 'y'; there are id, x"),
        ([{"id": "s", "x": 1, "y": 1}], ["x&y"], ": 'x&y' needs a name, as in reward=x&y"),
        ([{"id": "s", "reward": 5}], (), ":1: reward 5 is outside 0 to 1; give it another name"),
        ("id,x\ns,1,2\n", (), ":2: has more cells than the first line has names"),
        ("id,x\ns,nan\n", ["x"], ":2: x nan is not a number"),
    ],
)
def test_what_cannot_be_used_is_named(content: Any, fields: Sequence[str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        table(tmp_path, content, fields)
    assert f"{tmp_path}/scores{reason}" in str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_read_as_any_spreadsheet_writes_it(delimiter: str, mark: str, tmp_path: Path) -> None:
    content = mark + "id,solved,stars\r\ns,true,4\r\n".replace(",", delimiter)
    assert scores(table(tmp_path, content, ["solved", "stars"])) == {"solved": 1.0, "stars": 4.0}


def test_a_table_of_one_column_has_no_delimiter(tmp_path: Path) -> None:
    assert scores(table(tmp_path, "id\ns\n", [])) == {}


def test_a_score_file_may_lie_inside_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "runs.tar.gz"
    data = json.dumps([{"id": "s", "x": 1}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        information = tarfile.TarInfo("run/eval.json")
        information.size = len(data)
        archive.addfile(information, io.BytesIO(data))
    path.write_bytes(gzip.compress(buffer.getvalue()))
    assert scores(read_scores(path / "run" / "eval.json", key=None, fields=[])) == {"x": 1.0}
    with pytest.raises(InputError, match=r"runs\.tar\.gz: has no member run/other\.json"):
        read_scores(path / "run" / "other.json", key=None, fields=[])


def test_a_missing_score_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        read_scores(tmp_path / "none.json", key=None, fields=[])
