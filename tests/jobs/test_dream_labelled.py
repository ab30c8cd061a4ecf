"""A dream in which people labelled a few sessions: what a signal of all of them suggests is judged by the labels."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

import reverie
from reverie.cli.dream import dream
from reverie.cli.explain import explain
from reverie.cli.outcomes import score
from reverie.cli.policy import policy
from tests.jobs.commands import run


def dreamt(*arguments: str) -> dict[str, Any]:
    result: dict[str, Any] = msgspec.json.decode(run(dream, "--json", *arguments))
    return result


def label(count: int) -> None:
    """A person calls a session good where the user had nothing to correct, but for one session of sixteen."""
    with reverie.open() as home:
        for number in range(count):
            task = home.next_label()
            assert task is not None
            corrected = any("wrong" in turn.text for turn in task.view.turns)
            home.label(task.session_id, float(corrected == (number % 16 == 15)))


def test_a_few_drawn_labels_adopt_what_a_signal_of_all_sessions_suggests(folder: Path) -> None:
    label(60)
    page = folder / "report.html"
    result = dreamt("--report", str(page))
    told = result["labelled"]
    assert (told["labels"], told["sessions"], told["proxy"], told["note"]) == (60, 640, "implicit_outcome", "")
    (adopted,) = [claim for claim in told["claims"] if claim["verdict"] == "adopted"]
    assert adopted["behaviour"].endswith("call:Read") and adopted["proxy_helped"] and adopted["width"] < 0.8
    assert adopted["effect"]["low"] < 0.45 < adopted["effect"]["high"] and adopted["effect"]["low"] > 0.05
    (lesson,) = [one for one in result["lessons"] if one["status"] == "adopted"]
    assert (lesson["behaviour"], lesson["outcome"]) == (adopted["behaviour"], "reward")
    assert "by the scored sessions alone" in adopted["reason"]
    assert 'id="labels"' in page.read_text() and "Labels alone" in page.read_text()
    assert "Where it was compared" in run(explain, lesson["id"])
    words = run(dream)
    assert "60 labels of 640 sessions beside the proxy `implicit_outcome`" in words and "labels alone" in words


@pytest.mark.usefixtures("folder")
def test_scores_that_were_not_drawn_speak_for_no_other_session() -> None:
    for task in range(30):
        run(score, f"t{task}-0", "reward=1")
    told = dreamt()["labelled"]
    assert told["claims"] == [] and "none of the scores was drawn" in told["note"] and "reverie label" in told["note"]


def test_a_store_may_do_without_and_a_proxy_may_be_any_signal(folder: Path) -> None:
    label(40)
    run(dream)
    settings = folder / "policy.json"
    settings.write_text('{"labels": {"proxy": "user_corrections"}}')
    run(policy, "default", "--file", str(settings))
    assert dreamt()["labelled"]["proxy"] == "user_corrections"
    settings.write_text('{"labels": {"proxy": "no such measure"}}')
    run(policy, "default", "--file", str(settings))
    assert "does not differ between sessions" in dreamt()["labelled"]["note"]
    settings.write_text('{"labels": {"below": 0}}')
    run(policy, "default", "--file", str(settings))
    assert dreamt()["labelled"] is None
