"""What is said of a command that is not there."""

import pytest
from click.testing import CliRunner

from reverie.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pull", "langsmith"), "`reverie pull` has: anthropic, langfuse."),
        (("metric", "remove"), "`reverie metric` has: define, list."),
    ],
)
def test_a_group_says_which_commands_it_has(arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(cli, arguments, prog_name="reverie")
    assert result.exit_code == 2 and said in result.output


def test_other_mistakes_are_told_as_they_are() -> None:
    result = CliRunner().invoke(cli, ("pull", "--nonsense"))
    assert result.exit_code == 2 and "` has:" not in result.output
