"""Time that redaction takes for each kilobyte of files, as JSON: ``python evaluation/redaction_speed.py FILE…``.

Each 800 characters are a payload of their own, and no cache is warm: what an import meets.
"""

import gzip
import json
import sys
import time
from collections import Counter
from pathlib import Path

from reverie.sessions.event import Event
from reverie.sessions.redaction import Redactor
from reverie.sessions.session import Session, Transcript

_LENGTH = 800
"""Characters of a payload: about what events of real sessions have."""


def _pieces(path: Path) -> list[str]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("utf-8", "replace").replace("\\n", "\n").replace('\\"', '"')
    return [text[start : start + _LENGTH] for start in range(0, len(text), _LENGTH)]


def main(paths: list[str]) -> None:
    pieces = [piece for path in paths for piece in _pieces(Path(path))]
    events = tuple(Event("user.message", {"content": [{"type": "text", "text": piece}]}) for piece in pieces)
    size = sum(len(event.payload["content"][0]["text"]) for event in events)
    seconds = []
    counts: Counter[str] = Counter()
    for _ in range(3):
        redactor = Redactor(b"key")
        start = time.process_time()
        _, counts = redactor.transcript(Transcript(Session("sesn_1", "chat"), events))
        seconds.append(time.process_time() - start)
    result = {"us_per_kb": round(min(seconds) * 1e9 / size, 1), "bytes": size, "replaced": dict(counts)}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
