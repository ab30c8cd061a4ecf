"""The fake model server as a program: ``python -m reverie.testing.fake_models --script FILE --port N``."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from reverie.errors import ReverieError
from reverie.testing.fake_models.policy import load_policy
from reverie.testing.fake_models.server import FakeModels


@click.command(name="python -m reverie.testing.fake_models")
@click.option("--script", required=True, help="A JSON or YAML file with a list of replies, or module:function.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 (the default) takes a free one.")
@click.option("--latency", type=click.FloatRange(0), default=0.0, help="Seconds before the first byte of an answer.")
@click.option("--jitter", type=click.FloatRange(0), default=0.0, help="Seconds by which latency is longer or shorter.")
@click.option("--seed", type=int, default=0, help="Decides ids, signatures and jitter.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Add a line for each request here.")
def fake_models(
    script: str, host: str, port: int, latency: float, jitter: float, seed: int, record: Path | None
) -> None:
    """Serve the Messages API and chat completions; a script gives the replies."""
    options = {"latency": latency, "jitter": jitter, "host": host, "port": port}
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        ended.set()

    try:
        server = FakeModels(load_policy(script), seed=seed, record_to=record, **options)  # type: ignore[arg-type]
        with server:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, end)
            click.echo(f"fake models at {server.url}")
            ended.wait()
    except (ReverieError, OSError) as error:
        click.echo(f"fake models: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    fake_models()
