"""Tokens, money and single metrics beside the reward, through a whole dream."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from reverie.cli.dream import dream
from reverie.cli.explain import explain
from reverie.cli.memory import memory
from reverie.cli.policy import policy
from reverie.cli.sessions import import_sessions
from tests.jobs.commands import run

TASKS, RUNS = 60, 12


def thrifty_desk(path: Path) -> Path:
    """A desk that always succeeds. A search for 5 results takes 40 % fewer tokens than one for 50, and more stars."""
    generator = np.random.default_rng(5)
    lines = []
    for task in range(TASKS):
        for repeat in range(RUNS):
            limit = int(generator.choice([5, 50]))
            tokens = 1_000 * (1 + task % 7) * generator.lognormal(0, 0.2) * (0.6 if limit == 5 else 1.0)
            call = {"id": "c", "type": "function", "function": {"name": "search", "arguments": f'{{"limit":{limit}}}'}}
            lines.append({
                "id": f"t{task}-{repeat}",
                "messages": [
                    {"role": "user", "content": f"Please see to {task}."},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c", "content": "done"},
                    {"role": "assistant", "content": "That is settled now."},
                ],
                "reward": 1.0,
                "scores": {"stars": float(generator.integers(2, 5) + (limit == 5))},
                "usage": {"input_tokens": round(tokens), "output_tokens": 10, "cost_usd": tokens / 1e5},
                "metadata": {"task_id": f"t{task}", "agent": "desk", "model": "m"},
            })  # fmt: skip
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


@pytest.fixture
def desk(user: None, tmp_path: Path) -> Path:  # noqa: ARG001 - for what it sets
    run(import_sessions, str(thrifty_desk(tmp_path / "desk.jsonl")))
    return tmp_path


def test_what_saves_tokens_and_money_becomes_one_lesson_that_names_both_and_the_reward(desk: Path) -> None:
    result = msgspec.json.decode(run(dream, "--json", "--report", str(desk / "report.html")))
    assert [(o["name"], o["sessions"], o["placebo"]["lessons"]) for o in result["outcomes"]] == [
        ("tokens", 720, 0),
        ("cost_usd", 720, 0),
    ]
    lesson = next(x for x in result["lessons"] if x["status"] == "adopted")
    assert (lesson["outcome"], lesson["kind"]) == ("tokens", "heuristic_adjustment")
    assert lesson["behaviour"] == "given search.limit | arg:search.limit=5"
    assert lesson["effect"]["unit"] == "share of tokens saved"
    assert lesson["adjustment"] == {
        **{"parameter": "search.limit", "from": "50", "to": "5"},
        **{"low": 5.0, "high": 50.0, "seen": ["50", "5"]},
    }
    assert lesson["statement"].startswith(
        "Change `limit` from `50` (most used otherwise) to `5` when calling `search`;"
    )
    assert " used 40% fewer tokens than others of the same task (38% to 43%) " in lesson["statement"]
    assert " cost 41% less than others of the same task " in lesson["statement"]
    assert lesson["on_reward"]["low"] > -0.05
    assert lesson["evidence"][0]["event_id"]
    page = (desk / "report.html").read_text(encoding="utf-8")
    assert '<section id="outcomes">' in page
    assert "Share of tokens saved" in page


def test_a_second_dream_over_the_same_sessions_changes_nothing(desk: Path) -> None:
    assert desk.exists()
    run(dream)
    second = msgspec.json.decode(run(dream, "--json"))
    assert second["changes"] == []
    assert sum(x["status"] == "adopted" for x in second["lessons"]) == 1


def test_the_policy_names_a_metric_and_a_person_is_told_what_came_of_it(desk: Path) -> None:
    chosen = {"mining": {"outcomes": ["stars"]}, "metrics": [{"name": "stars", "low": 1, "high": 5, "weight": 0}]}
    (desk / "policy.json").write_bytes(msgspec.json.encode(chosen))
    run(memory, "create", "desk")
    run(policy, "desk", "--file", str(desk / "policy.json"))
    text = run(dream, "--store", "desk")
    assert "stars: 1 of 2 tested patterns adopted, in 720 sessions" in text


def test_a_lesson_about_tokens_is_explained_in_tokens(desk: Path) -> None:
    assert desk.exists()
    result = msgspec.json.decode(run(dream, "--json"))
    lesson = next(x for x in result["lessons"] if x["status"] == "adopted")
    told = msgspec.json.decode(run(explain, lesson["id"], "--json"))
    assert len(told["strata"]) == TASKS
    assert all(row["reward_with"] > 100 for row in told["strata"])
    assert any("loss of reward" in doubt for doubt in told["doubts"])
