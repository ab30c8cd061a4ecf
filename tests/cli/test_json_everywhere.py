"""Every command that answers can answer in JSON."""

from collections.abc import Iterator

import click

from reverie.cli.main import cli

STANDING = {"worker", "mcp", "hook"}
"""Commands that answer nothing: they work, or speak a protocol of their own, until they are stopped."""


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Each command with its whole name."""
    for each in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), each)
        if isinstance(found, click.Group):
            yield from commands(found, f"{name}{each} ")
        elif found is not None:
            yield f"{name}{each}", found


def test_every_command_takes_json() -> None:
    without = {
        name for name, found in commands(cli) if all("--json" not in parameter.opts for parameter in found.params)
    }
    assert without == STANDING
