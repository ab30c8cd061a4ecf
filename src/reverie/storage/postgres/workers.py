"""Worker processes that end with the process they work for, however it ends."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor


def worker_pool(workers: int, preload: str) -> ProcessPoolExecutor:
    """A pool of fresh processes that have the module ``preload`` loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def _begin() -> None:
    # Ctrl-C in a terminal reaches every process; ending in order is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A pool's worker waits for work for ever, also when its parent was killed and none will come.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
