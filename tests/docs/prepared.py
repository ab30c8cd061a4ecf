"""What a reader has before following a page: files that it speaks of and does not show."""

import gzip
import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from reverie.cli.memory import memory
from reverie.cli.sessions import import_sessions
from reverie.testing.worlds import support_desk, write_world


def chat(name: str, answer: str = "It has been shipped.", **fields: Any) -> bytes:
    """A line of the chat format."""
    messages = [
        {"role": "user", "content": f"Where is {name}?"},
        {"role": "assistant", "content": answer},
    ]
    return json.dumps({"id": name, "messages": messages, **fields}).encode() + b"\n"


def write_archive(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def a_desk(folder: Path) -> None:
    """Sessions of the support desk, as the front page imports them."""
    (folder / "runs").mkdir()
    write_world(support_desk(seed=3, sessions=1_200, tasks=60), folder / "runs" / "desk.jsonl.gz")


def files_to_import(folder: Path) -> None:
    said = {"type": "user", "sessionId": "s1", "uuid": "u1", "message": {"role": "user", "content": "Fix the test."}}
    write(folder, "runs/one.jsonl", chat("order-1"))
    write(folder, "more.jsonl.gz", gzip.compress(chat("order-2")))
    write_archive(folder / "logs.tar.gz", {"three.jsonl": chat("order-3")})
    rows = json.dumps([{"file": "task_0", "reward": 1.0}]).encode()
    write_archive(folder / "runs.tar.gz", {"task_0.jsonl": json.dumps(said).encode(), "evaluation.json": rows})
    write(folder, "sessions/day.jsonl", chat("order-18") + chat("order-19"))
    write(folder, "logs/night.jsonl", chat("order-20") + chat("order-21"))


def facts(folder: Path) -> None:
    write(folder, "hours.md", b"The desk is open from nine to five.\n")
    write(folder, "returns.md", b"Returns are taken for 30 days.\n")


def talks(folder: Path) -> None:
    """A store of talks, whose files are numbered."""
    lines = [
        "Ann: can I change the flight? I am a gold member.",
        "Bob: only with the flexible fare, I looked it up.",
        "Ann: and my seat?",
    ]
    for number, line in enumerate(lines, 17):
        write(folder, f"memories/talks/may/{number:03}.md", f"{line}\n".encode())
    CliRunner().invoke(memory, ["import", str(folder / "memories"), "--store", "support"], catch_exceptions=False)


def logs(folder: Path) -> None:
    write(
        folder,
        "logs/day.jsonl",
        chat("order-17", "I wrote to ada@example.com.", reward=1.0) + chat("order-18", reward=0.0),
    )
    write_archive(folder / "more.tar.gz", {"three.jsonl": chat("order-19")})
    write(folder, "broken.jsonl", chat("order-20") + b'{"messages": []}\n')


def sessions(folder: Path) -> None:
    """A few sessions of the desk, imported."""
    write(folder, "day.jsonl", b"".join(chat(f"order-{n}", reward=n % 2) for n in range(40)))
    CliRunner().invoke(import_sessions, [str(folder / "day.jsonl"), "--agent", "desk"])


def unscored(folder: Path) -> None:
    """A few sessions without scores, imported."""
    write(folder, "day.jsonl", b"".join(chat(f"order-{n}") for n in range(40)))
    CliRunner().invoke(import_sessions, [str(folder / "day.jsonl")])


def an_assistant(folder: Path) -> None:
    """Sessions of Claude Code where it keeps them, in the home of whoever reads the page."""
    project = folder / ".claude" / "projects" / "-shop"
    for name in ("0a1b", "2c3d"):
        message = {"role": "user", "content": "Fix the test."}
        line = {
            "type": "user",
            "sessionId": name,
            "uuid": name,
            "timestamp": "2026-11-01T10:00:00Z",
            "message": message,
        }
        project.mkdir(parents=True, exist_ok=True)
        write(project, f"{name}.jsonl", json.dumps(line).encode() + b"\n")


PREPARED: dict[str, Callable[[Path], None]] = {
    "README.md": a_desk,
    "docs/charter.md": files_to_import,
    "docs/audit.md": facts,
    "docs/rules.md": files_to_import,
    "docs/import.md": files_to_import,
    "docs/labels.md": unscored,
    "docs/memory.md": facts,
    "docs/models.md": sessions,
    "docs/patterns.md": sessions,
    "docs/recall.md": talks,
    "docs/storage.md": logs,
    "docs/start/coding-assistant.md": an_assistant,
    "docs/start/support-desk.md": a_desk,
}
