"""``reverie worker``: runs the tools of sessions in a self-hosted environment on this machine."""

import asyncio
import os
import signal
import socket
import tempfile
from pathlib import Path

import click

from reverie.api.logs import set_up_logs
from reverie.clock import SystemClock
from reverie.ids import new_id
from reverie.turns.isolation import Wish, choose_isolation, describe, hide_memory
from reverie.turns.worker import Worker, WorkerPlan

_WATCH_SECONDS = 1.0


@click.command()
@click.option("--environment", "environment_id", required=True, help="The self-hosted environment (env_…).")
@click.option("--concurrency", default=1, show_default=True, type=click.IntRange(1), help="Sessions at a time.")
@click.option("--workdir", type=click.Path(path_type=Path), help="Where sessions get their folders; a temporary one.")
@click.option("--keep", is_flag=True, help="Leave each session's folder when it has been served.")
@click.option(
    "--url", envvar="REVERIE_URL", default="http://127.0.0.1:8700", show_default=True, help="The server; REVERIE_URL."
)
@click.option("--key", envvar="REVERIE_WORKER_KEY", required=True, help="The environment's key; REVERIE_WORKER_KEY.")
@click.option(
    "--isolation",
    type=click.Choice(["auto", "none", "bwrap"]),
    default="auto",
    show_default=True,
    help="Keep tools apart from this machine; auto takes bwrap where it works.",
)
@click.option("--parent", type=int, hidden=True, help="Stop when this process is not the parent any more.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    help="Least level of the log lines.",
)
def worker(
    environment_id: str,
    concurrency: int,
    workdir: Path | None,
    keep: bool,
    url: str,
    key: str,
    isolation: Wish,
    parent: int | None,
    log_level: str,
) -> None:
    """Run the built-in tools of an environment's sessions here, until Ctrl-C or SIGTERM.

    The first signal lets the calls that run come to their end; a second one ends them at once. Make the key with
    `reverie keys create --role worker --environment ENV`.
    """
    set_up_logs(log_level)
    hide_memory()
    # Nobody who looks at this process's environment finds the key, nor does anything that it starts.
    os.environ.pop("REVERIE_WORKER_KEY", None)
    chosen, reason = choose_isolation(isolation)
    plan = WorkerPlan(
        url=url.rstrip("/"),
        key=key,
        environment_id=environment_id,
        worker_id=f"{socket.gethostname()}-{new_id('worker', SystemClock().now())}",
        concurrency=concurrency,
        folder=(workdir or Path(tempfile.gettempdir(), "reverie-worker")).resolve(),
        isolation=chosen,
        keep=keep,
    )
    click.echo(f"Reverie works for {environment_id} at {plan.url}, {concurrency} at a time; {describe(chosen, reason)}")
    asyncio.run(_run(Worker(plan), parent))


async def _run(worker: Worker, parent: int | None) -> None:
    def told() -> None:
        if worker.stopping.is_set():
            worker.kill()
        worker.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    watching = asyncio.create_task(_watch(worker, parent))
    try:
        await worker.run()
    finally:
        watching.cancel()


async def _watch(worker: Worker, parent: int | None) -> None:
    """Stop with the server that started this worker, also when it was killed."""
    while parent is not None and os.getppid() == parent:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(_WATCH_SECONDS)
    if parent is not None:
        worker.stop()
