"""What capture costs while nothing happens, as one JSON document: a look at many files, and a hook that says nothing.

    python benchmarks/capture.py

Seconds of the processor for a look of ``reverie watch`` at 10,000 files that have not changed, and of the wall for a
hook that starts no other process; each the median of several.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from reverie.cli.ledger import Ledger
from reverie.cli.session_files import Source
from reverie.cli.sink import Batch, Met, Taken
from reverie.cli.watching import Watch
from reverie.storage.sessions.import_summary import ImportSummary

FOLDERS, FILES = 100, 100
TIMES = 7


class Nowhere:
    """Takes everything and keeps nothing."""

    name = target = "nowhere"

    def take(self, batches: Sequence[Batch], met: Met, taken: Taken) -> None:
        met("nowhere")
        for batch in batches:
            taken(batch, ImportSummary())


def main() -> None:
    """Print the document."""
    with tempfile.TemporaryDirectory(prefix="reverie-capture-") as folder:
        print(json.dumps({"idle_look": look(Path(folder)), "silent_hook": hook(Path(folder))}, indent=2))


def look(folder: Path) -> dict[str, float]:
    """Seconds of the processor for a look, and files looked at."""
    for number in range(FOLDERS * FILES):
        file = folder / "logs" / str(number // FILES) / f"{number}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}\n")
    watch = Watch([Source(folder / "logs")], Nowhere(), Ledger(folder, "nowhere"), quiet_seconds=0.0)
    watch.take(watch.due(0.0, 0.0, all_=True), lambda _: None)

    def once() -> None:
        assert watch.due(0.0, 0.0) == ()

    return {"files": FOLDERS * FILES, "processor_seconds": median(once, time.process_time)}


def hook(folder: Path) -> dict[str, float]:
    """Seconds until a hook that has nothing to do has ended."""
    call = b'{"session_id": "s", "hook_event_name": "Notification"}'
    environment = {**os.environ, "REVERIE_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "reverie.cli.main", "hook", "claude-code"]

    def once() -> None:
        subprocess.run(command, input=call, env=environment, check=True)

    return {"wall_seconds": median(once, time.monotonic)}


def median(act: Callable[[], None], clock: Callable[[], float]) -> float:
    """The median time of several."""
    taken = []
    for _ in range(TIMES):
        began = clock()
        act()
        taken.append(clock() - began)
    return round(statistics.median(taken), 3)


if __name__ == "__main__":
    main()
