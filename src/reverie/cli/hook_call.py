"""What a coding assistant says when it calls a hook, and what of it is remembered between calls."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

_REMEMBERED = timedelta(days=30)


class HookCall(msgspec.Struct, frozen=True):
    """One call, as Claude Code writes it to standard input; fields that are not known are passed over."""

    hook_event_name: str
    session_id: str
    transcript_path: str = ""
    cwd: str = ""
    source: str = ""
    """Of ``SessionStart``: ``startup``, ``resume``, ``clear`` or ``compact``."""
    prompt: str = ""
    """Of ``UserPromptSubmit``."""
    agent_type: str | None = None
    """The agent that was asked for, where one was."""


class BriefingWish(msgspec.Struct, frozen=True):
    """What a hook asks of the process that makes briefings."""

    session_id: str
    cwd: str
    task: str = ""
    agent: str | None = None


class BriefingReply(msgspec.Struct, frozen=True):
    """What it is told."""

    text: str = ""
    settled: bool = False
    """Whether this is the session's briefing, so that it need not ask again."""
    error: str = ""


def hook_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without ``DATABASE_URL``: in a project's folder that is the project's own database."""
    return {name: value for name, value in environment.items() if name != "DATABASE_URL"}


class Memo:
    """Small files in the home: which sessions were briefed, and which transcripts wait to be imported."""

    def __init__(self, home: Path) -> None:
        self._briefed = home / "hooks" / "briefed"
        self._waiting = home / "hooks" / "waiting"

    def is_briefed(self, session_id: str) -> bool:
        """Whether the session has its briefing."""
        return (self._briefed / _name(session_id)).exists()

    def set_briefed(self, session_id: str) -> None:
        """Remember that the session has its briefing.

        Raises:
            OSError: it cannot be written.
        """
        self._briefed.mkdir(parents=True, exist_ok=True)
        (self._briefed / _name(session_id)).touch()

    def add_waiting(self, transcript: str) -> None:
        """Have a transcript wait for its import.

        Raises:
            OSError: it cannot be written.
        """
        self._waiting.mkdir(parents=True, exist_ok=True)
        file = self._waiting / f"{_name(transcript)}-{os.getpid()}"
        # An import that begins just now sees all of it or nothing.
        aside = file.with_name(f".{file.name}")
        aside.write_text(transcript, encoding="utf-8", errors="surrogateescape")
        aside.replace(file)

    def waiting(self) -> dict[Path, Path]:
        """The file of each that waits → its transcript."""
        if not self._waiting.is_dir():
            return {}
        files = [file for file in self._waiting.iterdir() if not file.name.startswith(".")]
        texts = {file: file.read_text(encoding="utf-8", errors="surrogateescape") for file in files}
        return {file: Path(text) for file, text in texts.items()}

    def forget_old(self, now: datetime) -> None:
        """Forget sessions of long ago.

        Raises:
            OSError: they cannot be removed.
        """
        for file in self._old(now):
            file.unlink(missing_ok=True)

    def _old(self, now: datetime) -> Iterator[Path]:
        if self._briefed.is_dir():
            latest = (now - _REMEMBERED).timestamp()
            yield from (file for file in self._briefed.iterdir() if file.stat().st_mtime < latest)


def _name(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


def read_call(text: bytes) -> HookCall:
    """The call.

    Raises:
        msgspec.DecodeError: it is none.
    """
    call = msgspec.json.decode(text, type=HookCall)
    if not call.session_id:
        raise msgspec.ValidationError("session_id is empty")
    return call


def answer(event: str, text: str) -> dict[str, Any]:
    """What Claude Code adds to the session's context."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}
