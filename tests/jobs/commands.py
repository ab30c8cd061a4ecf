"""Commands as a user runs them."""

from typing import Any

from click.testing import CliRunner


def run(command: Any, *arguments: str) -> str:
    """What a command prints; it succeeds."""
    result = CliRunner().invoke(command, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout
