"""A dream whose lessons are tried live before they are adopted."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reverie.cli.dream import dream
from reverie.cli.explain import explain
from reverie.cli.memory import memory
from reverie.cli.policy import policy
from tests.jobs.commands import run
from tests.jobs.test_dream_time import dreamt

pytestmark = pytest.mark.usefixtures("user")


def live(folder: Path, **settings: object) -> None:
    """Have the store's lessons tried live."""
    path = folder / "policy.json"
    path.write_text(json.dumps({"live": {"mode": "act", **settings}}), encoding="utf-8")
    run(policy, "default", "--file", str(path))


def of(found: dict[str, Any], status: str) -> list[dict[str, Any]]:
    return [lesson for lesson in found["lessons"] if lesson["status"] == status]


def test_what_a_dream_would_adopt_is_in_trial_and_no_document(tmp_path: Path) -> None:
    run(memory, "create", "default")
    live(tmp_path)
    found = dreamt(tmp_path, lambda number: True, stops=False)  # noqa: ARG005
    (lesson,) = of(found, "trial")
    assert "verify" in lesson["behaviour"] and "tried live as trl_" in lesson["reason"]
    assert of(found, "adopted") == []
    assert "/lessons" not in run(memory, "list", "default")
    again = json.loads(run(dream, "--json"))
    assert [one["reason"] for one in of(again, "trial")] == [lesson["reason"].replace("passed the dream's tests, ", "")]


def test_the_report_and_explain_name_the_trial_of_a_lesson(tmp_path: Path) -> None:
    run(memory, "create", "default")
    live(tmp_path)
    (lesson,) = of(dreamt(tmp_path, lambda number: True, stops=False), "trial")  # noqa: ARG005
    run(dream, "--report", str(tmp_path / "report.html"))
    ((trial_id,),) = [re.findall(r"trl_\w+", lesson["reason"])]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"<code>{trial_id}</code>" in page and "◐ on trial" in page
    shown = run(explain, lesson["id"])
    assert f"Live trial {trial_id}, trial; see reverie trials show {trial_id}" in shown


def test_where_too_few_sessions_come_a_lesson_is_adopted_with_a_larger_hidden_share(tmp_path: Path) -> None:
    run(memory, "create", "default")
    live(tmp_path, least_exposures=1_000_000)
    found = dreamt(tmp_path, lambda number: True, stops=False)  # noqa: ARG005
    (lesson,) = of(found, "adopted")
    assert "adopted without a trial, hidden from 20% of sessions" in lesson["reason"]
    assert "only effects beyond 0." in lesson["reason"]
    assert "/lessons" in run(memory, "list", "default")
    again = json.loads(run(dream, "--json"))
    assert [one["reason"] for one in of(again, "adopted")] == [lesson["reason"]]
    assert (again["revision"], again["changes"]) == (None, [])


def test_without_live_trials_a_dream_adopts_as_ever(tmp_path: Path) -> None:
    assert len(of(dreamt(tmp_path, lambda number: True, stops=False), "adopted")) == 1  # noqa: ARG005
