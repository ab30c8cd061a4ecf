"""A dream over sessions that nobody scored, through the commands that a user runs: implicit, and useful."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from reverie.cli.dream import dream
from reverie.cli.explain import explain
from reverie.cli.friction import friction
from reverie.cli.memory import memory
from reverie.cli.outcomes import score
from reverie.cli.policy import policy
from tests.jobs.commands import run

TASKS, RUNS = 40, 16


def calling(tool: str, **arguments: Any) -> list[dict[str, Any]]:
    call = {
        "id": tool,
        "type": "function",
        "function": {"name": tool, "arguments": msgspec.json.encode(arguments).decode()},
    }
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": tool, "content": "done"},
    ]


def coder(path: Path) -> Path:
    """A coder whom users correct far more often where it edits a file that it has not read."""
    generator = np.random.default_rng(7)
    lines = []
    for task in range(TASKS):
        for repeat in range(RUNS):
            reads = generator.random() < 0.5
            wrong = generator.random() < (0.15 if reads else 0.65)
            messages = [{"role": "user", "content": f"Please fix the page number {task} of the app."}]
            messages += calling("Read", file_path="a.py") if reads else []
            messages += calling("Edit", file_path="a.py")
            messages.append({"role": "assistant", "content": "The page is mended now."})
            if wrong:
                messages.append({"role": "user", "content": "That's wrong. Always read the file first."})
                messages.append({"role": "assistant", "content": "It is mended now, really."})
            metadata = {"task_id": f"t{task}", "agent": "coder", "model": "m", "user_id": f"u{repeat}"}
            lines.append({"id": f"t{task}-{repeat}", "messages": messages, "metadata": metadata})
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def test_two_commands_end_in_a_lesson_that_says_implicit_everywhere_and_in_what_users_asked_for(folder: Path) -> None:
    result = msgspec.json.decode(run(dream, "--json", "--report", str(folder / "report.html")))
    assert result["implicit"] == {"user_corrections": 1.0}
    (lesson,) = [each for each in result["lessons"] if each["status"] == "adopted"]
    assert lesson["behaviour"].endswith("call:Read") and lesson["implicit"] is True
    assert lesson["outcome"] == "implicit_outcome" and abs(lesson["effect"]["estimate"] - 0.25) < 0.08
    page = (folder / "report.html").read_text()
    assert "on an implicit outcome" in page and "<b>Implicit.</b>" in page and 'id="friction"' in page
    path = next(change["path"] for change in result["changes"])
    assert "**Implicit**: nobody scored these sessions." in run(memory, "show", path)
    explained = run(explain, lesson["id"])
    assert "adopted, implicit" in explained and f"Where it was compared: {TASKS} strata" in explained
    assert [each for each in lesson["shadows"] if each.endswith("call:Edit")]
    cluster = result["friction"]["clusters"][0]
    assert cluster["headline"].startswith("Users corrected the agent ")
    (order,) = result["preferences"]
    assert (order["words"], order["status"]) == ("Always read the file first.", "candidate")


@pytest.mark.usefixtures("folder")
def test_friction_is_told_by_store_or_of_sessions_chosen_now_without_a_dream() -> None:
    now = msgspec.json.decode(run(friction, "--where", "task_id = 't1'", "--json"))
    assert now["friction"]["sessions"] == RUNS
    words = run(dream)
    assert "adopted (implicit)" in words and "Users corrected the agent" in words
    assert "“Always read the file first.”" in run(friction, "default")
    missing = CliRunner().invoke(friction, ["default", "--where", "task_id = 't1'"])
    assert missing.exit_code == 2 and "not both" in missing.output


def test_one_score_makes_the_reward_count_again_and_a_policy_can_do_without_the_implicit_outcome(folder: Path) -> None:
    assert msgspec.json.decode(run(dream, "--json"))["implicit"]
    (folder / "policy.json").write_text('{"implicit": {"use": "never"}}')
    run(policy, "default", "--file", str(folder / "policy.json"))
    assert msgspec.json.decode(run(dream, "--json"))["implicit"] == {}
    (folder / "policy.json").write_text("{}")
    run(policy, "default", "--file", str(folder / "policy.json"))
    run(score, "t0-0", "reward=1")
    result = msgspec.json.decode(run(dream, "--json"))
    assert result["implicit"] == {} and not any(each.get("implicit") for each in result["lessons"])
    assert result["friction"]["clusters"]
