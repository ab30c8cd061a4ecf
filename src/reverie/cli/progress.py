"""Progress on standard error, where somebody watches."""

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SECONDS_PER_FRAME = 0.1
_CLEAR = "\r\x1b[2K"


@contextmanager
def progress_line(label: str) -> Iterator[Callable[[str], None]]:
    """A line that says ``label`` and whatever it is told; nothing is shown unless standard error is a terminal."""
    said = [label]

    def tell(text: str) -> None:
        said[0] = f"{label} {text}"

    if not sys.stderr.isatty():
        yield tell
        return
    over = threading.Event()
    spinner = threading.Thread(target=_spin, args=(said, over), daemon=True)
    spinner.start()
    try:
        yield tell
    finally:
        over.set()
        spinner.join()


def _spin(said: list[str], over: threading.Event) -> None:
    """Write the line anew until it is over, then clear it."""
    began = time.monotonic()
    for frame in itertools.cycle(_FRAMES):
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        click.echo(f"{_CLEAR}{frame} {said[0]} {minutes}:{seconds:02}", err=True, nl=False)
        if over.wait(_SECONDS_PER_FRAME):
            break
    click.echo(_CLEAR, err=True, nl=False)
