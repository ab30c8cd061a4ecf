"""A small desk: 60 tasks, 10 sessions each; `verify` before acting adds 0.5 to the chance of success."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

TASKS, RUNS = 60, 10


def small_desk(path: Path, *, seed: int = 1, tasks: int = TASKS, offset: int = 0) -> Path:
    """Write the sessions to a chat file; ``offset`` numbers the tasks from there."""
    generator = np.random.default_rng(seed)
    lines = [
        session(f"t{task}", run, verifies=bool(generator.random() < 0.5), luck=float(generator.random()))
        for task in range(offset, offset + tasks)
        for run in range(RUNS)
    ]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def session(task: str, run: int, *, verifies: bool, luck: float) -> dict[str, Any]:
    """One session of the desk."""
    calls = ["verify", "act"] if verifies else ["act"]
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Please see to {task}."}]
    for number, name in enumerate(calls):
        call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": "done"})
    messages.append({"role": "assistant", "content": "That is settled now."})
    return {
        "id": f"{task}-{run}",
        "messages": messages,
        "reward": float(luck < (0.75 if verifies else 0.25)),
        "metadata": {"task_id": task, "task_category": "desk", "agent": "desk", "model": "m"},
    }
