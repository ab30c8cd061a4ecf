"""The pages that are made from code are those of the code as it is, and say something of everything."""

import ast
import re
from collections.abc import Iterator

import click
import pytest

from tests.docs.blocks import ROOT
from tests.docs.cli_page import cli_page, commands
from tests.docs.settings_page import settings_page

FEWEST_WORDS = 3
_VARIABLE = re.compile(r"\A(REVERIE_[A-Z_]+|DATABASE_URL|[A-Z]+_API_KEY)\Z")


@pytest.mark.parametrize(("name", "made"), [("cli", cli_page), ("settings", settings_page)])
def test_a_made_page_is_that_of_the_code(name: str, made: object) -> None:
    assert callable(made)
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert page == made(), "run: make docs"


def test_every_command_and_option_says_what_it_does() -> None:
    silent = [
        f"{path} {'/'.join(option.opts)}"
        for path, command in commands()
        for option in command.params
        if isinstance(option, click.Option) and len((option.help or "").split()) < FEWEST_WORDS
    ]
    silent += [path for path, command in commands() if len((command.help or "").split()) < FEWEST_WORDS]
    assert silent == []


def variables() -> Iterator[str]:
    """Every environment variable that the source names as a text of its own."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.match(node.value):
                yield node.value


def test_every_environment_variable_is_on_the_page_of_settings() -> None:
    page = settings_page()
    named = set(variables())
    assert {"REVERIE_HOME", "DATABASE_URL", "ANTHROPIC_API_KEY"} <= named
    assert {name for name in named if f"`{name}`" not in page} == set()
