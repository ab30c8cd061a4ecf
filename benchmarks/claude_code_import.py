"""Speed of importing many small Claude Code sessions, as one JSON document.

    python benchmarks/claude_code_import.py [--sessions N] [--repeats N] [--whole] [--against SRC]

Measured is reading and parsing, in one process, and with ``--whole`` also ``reverie import FOLDER`` into a fresh home.
``--against`` names another version's ``src`` folder: the two take turns, and ``throughput_ratio`` is this version's
throughput over the other's. Times are CPU seconds of the measured process and those it waited for;
the least of the repeats counts.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OWN = Path(__file__).resolve().parent.parent / "src"
READ_AND_PARSE = """
import sys
from pathlib import Path
from reverie.sessions.importers import RawRecord, parse_record, read_records
found = read_records([Path(sys.argv[1])], format=None)
parsed = [parse_record(item, {}) for item in found if isinstance(item, RawRecord)]
assert len(parsed) == int(sys.argv[2]), len(parsed)
"""
IMPORT = "from reverie.cli.main import main; main()"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def session_lines(number: int) -> list[dict[str, Any]]:
    """One session of 12 to 20 lines: prompts, calls with their results, answers; linked and timed."""
    session = f"00000000-0000-4000-8000-{number:012}"
    lines: list[dict[str, Any]] = []

    def add(role: str, content: Any, **rest: Any) -> None:
        place = len(lines)
        message: dict[str, Any] = {"role": role, "content": content}
        if role == "assistant":
            usage = {"input_tokens": 4, "cache_creation_input_tokens": 210, "cache_read_input_tokens": 9_000 + place}
            message |= {"id": f"msg_{number}_{place}", "type": "message", "model": "claude-sonnet-4-5"}
            message |= {"stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 40 + place}}
            rest["requestId"] = f"req_{number}_{place}"
        parent = lines[-1]["uuid"] if lines else None
        named = {"parentUuid": parent, "isSidechain": False, "userType": "external", "cwd": "/home/u/shop"}
        named |= {"sessionId": session, "version": "2.0.14", "gitBranch": "main", "type": role, "message": message}
        at = f"2026-03-{1 + number % 28:02}T10:{place:02}:{number % 60:02}.000Z"
        lines.append({**named, **rest, "uuid": f"{number:08}-{place:04}-4000-8000-000000000000", "timestamp": at})

    add("user", f"Order {number} shows the wrong total in the list; find out why and mend it.")
    for step in range((11 + number % 9) // 2 - 1):
        name, given = ("Bash", {"command": f"grep -rn total src/part{step}", "description": "Search"})
        if step % 2:
            name, given = "Read", {"file_path": f"/home/u/shop/src/part{step}.py"}
        call = f"toolu_{number}_{step}"
        add("assistant", [{"type": "tool_use", "id": call, "name": name, "input": given}])
        output = f"src/part{step}.py:{number}: total = sum(line.price for line in order.lines)\n" * 4
        answer = {"tool_use_id": call, "type": "tool_result", "content": output, "is_error": False}
        add("user", [answer], toolUseResult={"stdout": output, "stderr": "", "interrupted": False})
    add("assistant", [{"type": "thinking", "thinking": "The tax is left out of the sum.", "signature": "c2ln"}])
    add("assistant", [{"type": "text", "text": "The total left the tax out; it is added now."}])
    add("user", "Thanks, that works.")
    return lines


def write_sessions(folder: Path, count: int) -> None:
    """``count`` session files in one project's folder."""
    project = folder / "-home-u-shop"
    project.mkdir()
    for number in range(count):
        lines = session_lines(number)
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (project / f"{lines[0]['sessionId']}.jsonl").write_text(text)


def cpu_seconds(source: Path, arguments: list[str]) -> float:
    """CPU seconds of one run of Python with ``arguments`` on the code in ``source``, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PYTHONPATH": str(source), "REVERIE_HOME": home}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(arguments: list[str], count: int, repeats: int, against: Path | None) -> dict[str, Any]:
    sources = {"this": OWN} | ({"other": against} if against else {})
    spent: dict[str, list[float]] = {name: [] for name in sources}
    for turn in range(repeats):
        for name, source in sources.items():
            spent[name].append(round(cpu_seconds(source, arguments), 3))
            say(f"turn {turn + 1}: {name} {spent[name][-1]} s")
    least = {name: min(times) for name, times in spent.items()}
    ratio = {"throughput_ratio": round(least["other"] / least["this"], 3)} if against else {}
    return {"cpu_seconds": spent, "sessions_per_second": round(count / least["this"], 1), **ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="measure `reverie import` as well")
    parser.add_argument("--against", type=Path, help="the src folder of another version")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sessions(folder, options.sessions)
        count, turns, other = options.sessions, options.repeats, options.against
        report: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "sessions": count}
        report["bytes"] = sum(path.stat().st_size for path in folder.rglob("*.jsonl"))
        report["read_and_parse"] = compare(["-c", READ_AND_PARSE, name, str(count)], count, turns, other)
        if options.whole:
            report["import"] = compare(["-c", IMPORT, "import", name], count, turns, other)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
