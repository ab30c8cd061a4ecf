"""Imports the transcripts that hooks left waiting; a process of its own, since sessions go on meanwhile."""

import fcntl
import os
import stat
import time
from pathlib import Path

from reverie.cli.hook_call import Memo
from reverie.cli.hook_log import note
from reverie.cli.hook_process import run_hook_process
from reverie.cli.ledger import Ledger
from reverie.cli.remote import Remote
from reverie.cli.session_files import Source, files_in
from reverie.cli.sink import HomeSink, ServerSink, Sink
from reverie.cli.watching import Change, Failure, Watch
from reverie.clock import SystemClock
from reverie.settings import Settings

_LONGEST_SECONDS = 900
_REST_SECONDS = 0.5
_LOOKS = 10
"""At whether a transcript is still written to, which its program does for a moment after it called the hook."""


def import_waiting(settings: Settings) -> None:
    """Import what waits, one process at a time; what fails goes on waiting.

    Raises:
        OSError: the home cannot be used.
    """
    memo = Memo(settings.home)
    with (settings.home / "hooks" / "import.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = memo.waiting()
        files = [path for path in dict.fromkeys(waiting.values()) if _is_file(path)]
        sources = [Source(path, "claude-code") for path in files]
        if waiting and (not sources or _import(sources, settings)):
            for file in waiting:
                file.unlink(missing_ok=True)


def _is_file(path: Path) -> bool:
    """Whether it is a file by now: what is gone or is none, such as a pipe that never ends, would hold up the rest."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):  # a path with a NUL in it is a ValueError
        return False


def _import(sources: list[Source], settings: Settings) -> bool:
    url = os.environ.get("REVERIE_URL")
    sink: Sink = HomeSink(settings) if not url else ServerSink(Remote(url, os.environ.get("REVERIE_API_KEY")))
    watch = Watch(sources, sink, Ledger(settings.home, sink.target), quiet_seconds=0.0)
    _wait_for_rest(sources)

    def tell(said: Change | Failure) -> None:
        problems = [said.reason] if isinstance(said, Failure) else [str(error) for error in said.summary.errors]
        for problem in problems:
            note(settings.home, SystemClock().now(), f"import: {problem}")

    return watch.take(watch.due(SystemClock().now().timestamp(), time.monotonic(), all_=True), tell)


def _wait_for_rest(sources: list[Source]) -> None:
    before = None
    for _ in range(_LOOKS):
        now = [files_in(source) for source in sources]
        if now == before:
            return
        before = now
        time.sleep(_REST_SECONDS)


if __name__ == "__main__":
    run_hook_process(import_waiting, _LONGEST_SECONDS)
