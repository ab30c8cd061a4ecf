"""What is in a file of Gemini CLI: lines that add, change and take back messages, or one JSON value with all of them.

Source: ``packages/core/src/services/chatRecordingService.ts`` and ``core/logger.ts`` of google-gemini/gemini-cli.
"""

import contextlib
import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ijson

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import EventLog
from reverie.sessions.importers.json_text import decode_json


class Recorded:
    """The messages of one file, each as it was last written, and what is said of the session."""

    def __init__(self, log: EventLog, path: str = "") -> None:
        """``path`` is that of a further file of a session, for warnings."""
        self.metadata: dict[str, Any] = {}
        self.messages: dict[str, Mapping[str, Any]] = {}
        """By id, in the order in which they were first written; also those that were taken back."""
        self.rewound: dict[str, int] = {}
        """Message id → which going back took it back, from 1."""
        self.history: list[Any] = []
        """The messages as the model has them (``role``, ``parts``), where the file holds those."""
        self._log = log
        self._path = path
        self._rewinds = 0
        self._strange: Counter[str] = Counter()

    def read(self, data: bytes) -> None:
        """Take in a file.

        Raises:
            ImportFormatError: nothing of it can be read.
        """
        first = data.lstrip().partition(b"\n")[0]
        try:
            lines = isinstance(decode_json(first), dict)
        except ImportFormatError:
            lines = b'"$' in data or b'\n{"' in data.lstrip()[1:]
        if lines:
            self._read_lines(data)
        else:
            self._read_value(data)
        for kind, number in self._strange.items():
            self._log.warn(f"{number} × {kind}: left out", 0, self._path)
        if not (self.messages or self.history):
            raise ImportFormatError("the file holds no message that can be read")

    def _read_lines(self, data: bytes) -> None:
        for number, line in enumerate(data.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                self._take(decode_json(line))
            except ImportFormatError as error:
                self._log.warn(f"{error}; the line is left out", number, self._path)

    def _read_value(self, data: bytes) -> None:
        try:
            value = decode_json(data)
        except ImportFormatError as error:
            value = _beginning(data)
            self._log.warn(f"{error}; what came before is kept", 0, self._path)
        if isinstance(value, list):
            self.history += value
        else:
            self._take(value)

    def _take(self, record: Any) -> None:
        if not isinstance(record, dict):
            self._strange["a line that is no object"] += 1
        elif isinstance(record.get("$rewindTo"), str):
            self._rewind(record["$rewindTo"])
        elif isinstance(record.get("$set"), dict):
            self._describe(record["$set"])
        elif isinstance(record.get("id"), str) and "type" in record:
            self._put(record)
        elif isinstance(record.get("history"), list):
            self.history += record["history"]
        elif isinstance(record.get("sessionId"), str):
            self._describe(record)
        else:
            self._strange["a record of a kind that is not known"] += 1

    def _put(self, message: Mapping[str, Any]) -> None:
        """A message, or a later state of one; one that was taken back and comes again goes to the end."""
        name = message["id"]
        if self.rewound.pop(name, None) is not None:
            del self.messages[name]
        self.messages[name] = {**self.messages.get(name, {}), **message}

    def _describe(self, told: Mapping[str, Any]) -> None:
        """What is said of the session; where it repeats the messages, those that are known stay as they were."""
        self.metadata |= {name: value for name, value in told.items() if name != "messages"}
        messages = told.get("messages")
        for message in messages if isinstance(messages, list) else ():
            if not isinstance(message, dict) or not isinstance(message.get("id"), str):
                self._strange["a message without an id"] += 1
            elif message["id"] not in self.messages or message["id"] in self.rewound:
                self._put(message)

    def _rewind(self, to: str) -> None:
        self._rewinds += 1
        standing = [name for name in self.messages if name not in self.rewound]
        begin = standing.index(to) if to in standing else 0
        self.rewound |= dict.fromkeys(standing[begin:], self._rewinds)


def _beginning(data: bytes) -> Any:
    """What can be read of a file that breaks off: whole messages, and what stands before them."""
    found: dict[str, Any] = {}
    messages: list[Any] = []
    place = "item" if data.lstrip().startswith(b"[") else "history.item" if b'"parts"' in data else "messages.item"
    events = ijson.parse(io.BytesIO(data))
    with contextlib.suppress(ijson.JSONError):
        found.update((prefix, value) for prefix, event, value in events if event == "string" and "." not in prefix)
    with contextlib.suppress(ijson.JSONError):
        messages.extend(ijson.items(io.BytesIO(data), place, use_float=True))
    return messages if place == "item" else found | {place.partition(".")[0]: messages}
