"""What the processes that hooks start have in common: an end that comes, and a log."""

import os
import signal
from collections.abc import Callable

from reverie.cli.hook_log import note
from reverie.clock import SystemClock
from reverie.errors import ReverieError
from reverie.settings import Settings, load_settings


def run_hook_process(work: Callable[[Settings], None], seconds: int) -> None:
    """Do ``work`` within so many seconds; what goes wrong is logged, since nobody listens.

    A process that hangs is ended by the kernel, which lets go of whatever it held.
    """
    signal.alarm(seconds)
    settings = load_settings(os.environ)
    try:
        work(settings)
    except (ReverieError, OSError) as error:
        note(settings.home, SystemClock().now(), f"{type(error).__name__}: {error}")
