"""Progress on standard error, where somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def progress_line(label: str) -> Iterator[Callable[[str], None]]:
    """A line of ``label`` and the text it is called with; nothing is shown unless standard error is a terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label)

        def show(text: str) -> None:
            progress.update(task, description=f"{label} {text}")

        yield show
