"""What went wrong in hooks, where nobody was to be bothered with it: a file in the home that stays small."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

MOST_BYTES = 256 * 1024
"""Of the file, and of the one before it."""
_LONGEST_LINE = 2_000


def log_file(home: Path) -> Path:
    """Where it is; the one before it has ``.1`` after its name."""
    return home / "logs" / "hooks.log"


def note(home: Path, now: datetime, text: str) -> None:
    """Add a line. Where that cannot be done, nothing is said at all: a hook has nobody to say it to."""
    line = f"{now:%Y-%m-%dT%H:%M:%SZ} {' '.join(text.split())[:_LONGEST_LINE]}\n"
    file = log_file(home)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > MOST_BYTES:
            file.replace(file.with_name(f"{file.name}.1"))
        with file.open("a", encoding="utf-8", errors="replace") as log:
            log.write(line)


def last_lines(home: Path, count: int) -> list[str]:
    """The latest lines, oldest first."""
    try:
        text = log_file(home).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-count:]
