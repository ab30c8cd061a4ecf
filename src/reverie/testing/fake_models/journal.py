"""What was asked and answered, in memory and line by line in a file that stays readable whatever happens."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from reverie.errors import InputError

_SECRET = ("x-api-key", "authorization", "proxy-authorization", "cookie")


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer."""

    at: datetime
    """When the answer was decided, before any of it was sent."""
    number: int | None = None
    """The policy's number of the request; none when the policy was not asked."""
    method: str
    path: str
    headers: dict[str, str]
    """Lower-case names; without keys."""
    body: Any = None
    """As sent, parsed; none when it was no JSON."""
    status: int | None
    """None when not even the head of an answer was sent."""
    fault: str | None = None
    """The fault's name."""
    answer: Any = None
    """The whole body, also where it was streamed or was not sent to its end."""

    @property
    def error(self) -> str | None:
        """The error's message."""
        told = self.answer.get("error") if isinstance(self.answer, dict) else None
        return told["message"] if told else None

    @property
    def usage(self) -> dict[str, Any]:
        """What the answer says it cost; empty for an error."""
        told = self.answer.get("usage") if isinstance(self.answer, dict) else None
        return told or {}


class Journal:
    """All requests, in the order of their answers; also a file's lines when there is a path.

    Each line is written by one call of the system, so it is in the file even when the process is killed right after.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self.requests: list[Recorded] = []

    def __enter__(self) -> "Journal":
        """Open the file.

        Raises:
            InputError: it cannot be opened.
        """
        if self._path is not None:
            try:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            except OSError as error:
                raise InputError(f"requests cannot be recorded in {self._path}: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, recorded: Recorded) -> None:
        """Take down a request."""
        self.requests.append(recorded)
        if self._file is not None:
            os.write(self._file, msgspec.json.encode(recorded) + b"\n")


def without_keys(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that may be kept."""
    return {name: value for name, value in headers.items() if name not in _SECRET}


def read_journal(path: Path) -> list[Recorded]:
    """The requests in a file of the journal.

    Raises:
        InputError: a line is not of a journal; the message names it.
    """
    requests = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            requests.append(msgspec.json.decode(line, type=Recorded))
        except msgspec.DecodeError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    return requests
