"""Only sessions with a date of their own tell of time, through a whole dream; the order of import tells nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from reverie.cli.dream import dream
from reverie.cli.memory import memory
from reverie.cli.sessions import import_sessions
from tests.jobs.commands import run

TASKS, RUNS = 20, 48
HALF = TASKS * RUNS // 2
NOW = datetime.now(UTC)

Dated = Callable[[int], bool]


def session(number: int, *, verifies: bool, reward: bool, dated: bool) -> dict[str, Any]:
    name = "verify" if verifies else "look_up"
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}
    date = {"started_at": (NOW - timedelta(hours=TASKS * RUNS - number)).isoformat()} if dated else {}
    return {
        "id": f"s{number:04d}",
        "messages": [
            {"role": "user", "content": f"Please see to {number % TASKS}."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "done"},
            {"role": "assistant", "content": "That is settled now."},
        ],
        "reward": float(reward),
        "metadata": {"task_id": f"t{number % TASKS}", "agent": "desk", "model": "m", **date},
    }


def dreamt(folder: Path, dated: Dated, *, stops: bool) -> dict[str, Any]:
    """A dream over a desk, imported in two parts, where verifying helps; in the first part only if it ``stops``."""
    generator = np.random.default_rng(11)
    lines = []
    for number in range(TASKS * RUNS):
        verifies = bool(generator.random() < 0.5)
        helps = 0.6 * verifies * (number < HALF or not stops)
        reward = bool(generator.random() < 0.2 + helps)
        lines.append(session(number, verifies=verifies, reward=reward, dated=dated(number)))
    for name, part in (("first.jsonl", lines[:HALF]), ("second.jsonl", lines[HALF:])):
        (folder / name).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in part))
        run(import_sessions, str(folder / name))
    found: dict[str, Any] = msgspec.json.decode(run(dream, "--json"))
    return found


def verdicts(found: dict[str, Any]) -> set[str]:
    return {row["verdict"] for row in found["patterns"] if "verify" in row["behaviour"]}


def tiers() -> set[str]:
    listed = msgspec.json.decode(run(memory, "list", "default", "--json"))
    return {each["tier"] for each in listed["memories"] if each["path"].startswith("/lessons/")}


@pytest.fixture
def desk(user: None, tmp_path: Path) -> Path:  # noqa: ARG001 - for what it sets
    return tmp_path


@pytest.mark.parametrize("dated", [lambda _: True, lambda number: number % 2 == 0], ids=["all", "half"])
def test_dated_sessions_show_that_a_lesson_has_faded(desk: Path, dated: Dated) -> None:
    found = dreamt(desk, dated, stops=True)
    assert found["sessions"]["dated"] == sum(map(dated, range(TASKS * RUNS)))
    assert any(verdict.startswith("held in the earlier sessions") for verdict in verdicts(found))
    assert sum(point["sessions"] for point in found["trend"]) == found["sessions"]["dated"]


@pytest.mark.parametrize("dated", [lambda _: False, lambda number: number < HALF], ids=["none", "the first part"])
def test_nothing_is_said_to_have_faded_without_dated_sessions_on_both_sides(desk: Path, dated: Dated) -> None:
    found = dreamt(desk, dated, stops=True)
    assert "adopted" in verdicts(found)
    assert not any("earlier sessions" in verdict for verdict in verdicts(found))


def test_an_undated_desk_has_no_trend_no_windows_and_no_lesson_in_the_long_tier(desk: Path) -> None:
    found = dreamt(desk, lambda _: False, stops=False)
    assert "adopted" in verdicts(found)
    assert (found["sessions"]["dated"], found["trend"]) == (0, [])
    assert (found["overview"]["trends"], found["overview"]["drifts"]) == ([], [])
    assert tiers() == {"intermediate"}
    assert "Dated: 0;" in run(dream, "--store", "again")


def test_a_dated_desk_promotes_what_held_in_several_windows(desk: Path) -> None:
    found = dreamt(desk, lambda _: True, stops=False)
    assert len(found["trend"]) == 12
    assert "long" in tiers()
