"""Whole dreams over small worlds that nobody scored: one lesson where there is an effect, and none otherwise."""

from pathlib import Path

import pytest
from evaluation.implicit_dreams import HARM, write_reactions

import reverie
from reverie.settings import Settings


def dream(folder: Path, database_url: str, harm: float, seed: int) -> reverie.DreamResult:
    with reverie.open(Settings(home=folder, database_url=database_url)) as home:
        home.import_sessions([write_reactions(folder / "world.jsonl", "coder", seed, harm, tasks=30, runs=14)])
        return home.dream("coder")


def test_one_effect_that_shows_at_several_moments_is_one_lesson(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    lessons = [one for one in dream(tmp_path, database_url, HARM, 3).lessons if one.status == "adopted"]
    assert [one.behaviour for one in lessons] == ["before Edit | call:Read"]
    assert lessons[0].implicit and lessons[0].effect.low < 0.2 < lessons[0].effect.high
    # Not to read first is to begin with the edit.
    assert "start | call:Edit" in lessons[0].shadows


@pytest.mark.parametrize("seed", [1, 2])
def test_where_corrections_come_by_the_task_alone_nothing_is_adopted(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    result = dream(tmp_path, database_url, 0.0, seed)
    assert result.implicit and not [one for one in result.lessons if one.status == "adopted"]
