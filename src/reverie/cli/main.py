"""The ``reverie`` command: finds the noun, turns errors into a line and an exit code."""

import importlib
import signal
import sys
from types import FrameType
from typing import Any

import click

from reverie.errors import ReverieError

EXIT_NOTHING_DONE = 1
EXIT_PARTLY_FAILED = 3

# Loaded when asked for, so that `reverie memory list` need not wait for the statistics libraries.
COMMANDS = {
    "import": ("reverie.cli.sessions", "import_sessions"),
    "export": ("reverie.cli.sessions", "export_sessions"),
    "metric": ("reverie.cli.outcomes", "metric"),
    "score": ("reverie.cli.outcomes", "score"),
    "dream": ("reverie.cli.dream", "dream"),
    "explain": ("reverie.cli.explain", "explain"),
    "memory": ("reverie.cli.memory", "memory"),
    "policy": ("reverie.cli.policy", "policy"),
    "recall": ("reverie.cli.memory_recall", "recall"),
    "serve": ("reverie.cli.serve", "serve"),
    "worker": ("reverie.cli.worker", "worker"),
    "keys": ("reverie.cli.keys", "keys"),
    "workspaces": ("reverie.cli.keys", "workspaces"),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.command(cls=LazyGroup)
@click.version_option(package_name="reverie")
def cli() -> None:
    """Agents that learn from their own past sessions by dreaming."""


def _end_like_ctrl_c(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
    signal.raise_signal(signal.SIGINT)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors raised on purpose become one line on standard error and exit code 1."""
    # What systemd and Docker send ends a command in good order too: the embedded database is stopped.
    signal.signal(signal.SIGTERM, _end_like_ctrl_c)
    try:
        return cli.main(args=arguments, prog_name="reverie", standalone_mode=True)
    except ReverieError as error:
        click.echo(f"reverie: {error}", err=True)
        sys.exit(EXIT_NOTHING_DONE)


if __name__ == "__main__":
    main()
