"""A coding assistant: Claude Code's own session files of many attempts at the same issues, and whether CI passed.

What is true in it: running the failing test before the first edit adds 0.30 to the chance that CI passes; reading the
file again after an edit that did not apply adds 0.30 against making the same edit again; a search through the whole
repository comes with hard issues and changes nothing.
"""

import csv
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

SEED, ISSUES, ATTEMPTS = 7, 40, 30
IMPORT = (["import", "sessions", "--set", "task_id={folder}", "--scores", "ci.csv", "--score", "reward=passed"],)
"""A folder for each issue; CI's verdicts meet the session files by their names."""
MODULES = ("dates", "prices", "parser", "cache", "routes", "auth", "mailer", "search")
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class _File:
    """One session file, line by line, as Claude Code writes it."""

    def __init__(self, session_id: str, at: datetime, rng: random.Random) -> None:
        self.lines: list[dict[str, Any]] = []
        self._session_id, self._at, self._rng = session_id, at, rng

    def add(self, role: str, content: Any, **more: Any) -> None:
        self._at += timedelta(seconds=self._rng.randint(2, 30))
        own = str(UUID(int=self._rng.getrandbits(128), version=4))
        message = {"role": role, "content": content}
        if role == "assistant":
            message |= {"id": f"msg_{own[:8]}", "model": "made-up", "usage": {"input_tokens": 900, "output_tokens": 80}}
        self.lines.append(
            {
                "type": role,
                "uuid": own,
                "parentUuid": self.lines[-1]["uuid"] if self.lines else None,
                "sessionId": self._session_id,
                "timestamp": self._at.isoformat().replace("+00:00", "Z"),
                "cwd": "/repo",
                "version": "2.1.0",
                "message": message,
                **more,
            }
        )

    def call(self, tool: str, arguments: dict[str, Any], result: str, *, is_error: bool = False) -> None:
        call_id = f"toolu_{self._rng.getrandbits(48):012x}"
        self.add("assistant", [{"type": "tool_use", "id": call_id, "name": tool, "input": arguments}])
        block = {"type": "tool_result", "tool_use_id": call_id, "content": result, "is_error": is_error}
        self.add("user", [block])


def attempt(issue: int, session_id: str, at: datetime, rng: random.Random) -> tuple[list[dict[str, Any]], bool]:
    """The lines of one attempt at an issue, and whether CI passed."""
    module, hard = MODULES[issue % len(MODULES)], issue % 3 == 0
    path, test = f"/repo/src/{module}.py", f"tests/test_{module}.py"
    chance = 0.10 if hard else 0.35
    file = _File(session_id, at, rng)
    file.add("user", f"Issue {issue}: {module} is wrong for empty input. Fix it.")
    if rng.random() < (0.7 if hard else 0.2):
        file.call("Grep", {"pattern": f"import {module}"}, f"src/app.py:3: import {module}")
    file.call("Read", {"file_path": path}, f"def {module}(value):\n    return value[0]")
    if rng.random() < 0.5:
        file.call("Bash", {"command": f"pytest {test}"}, f"{test}::test_empty FAILED: IndexError", is_error=True)
        chance += 0.30
    edit = {"file_path": path, "old_string": "value[0]", "new_string": f"value[{rng.randint(0, 9)}] if value else None"}
    if rng.random() < 0.6:
        file.call("Edit", edit, "String to replace not found in file.", is_error=True)
        if rng.random() < 0.5:
            file.call("Read", {"file_path": path}, f"def {module}(value):\n    return value[ 0 ]")
            chance += 0.30
        file.call("Edit", {**edit, "old_string": "value[ 0 ]"}, f"The file {path} has been updated.")
    else:
        file.call("Edit", edit, f"The file {path} has been updated.")
    file.add("assistant", [{"type": "text", "text": f"I fixed `{module}` for empty input."}])
    return file.lines, rng.random() < chance


def attempts(rng: random.Random) -> Iterator[tuple[int, str, list[dict[str, Any]], bool]]:
    """All attempts in the order of time, issues mixed."""
    order = [issue for issue in range(ISSUES) for _ in range(ATTEMPTS)]
    rng.shuffle(order)
    for number, issue in enumerate(order):
        session_id = str(UUID(int=rng.getrandbits(128), version=4))
        lines, passed = attempt(issue, session_id, BEGIN + number * timedelta(minutes=7), rng)
        yield issue, session_id, lines, passed


def make(folder: Path) -> None:
    """Write ``sessions/issue-NN/ID.jsonl`` and ``ci.csv`` (``session_id,passed``)."""
    with (folder / "ci.csv").open("w", newline="", encoding="utf-8") as rows:
        table = csv.writer(rows)
        table.writerow(["session_id", "passed"])
        for issue, session_id, lines, passed in attempts(random.Random(SEED)):
            path = folder / "sessions" / f"issue-{issue:02d}" / f"{session_id}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            table.writerow([session_id, "true" if passed else "false"])
