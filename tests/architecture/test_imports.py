"""What is loaded with what: a client is light, whatever a server needs."""

import json
import subprocess
import sys

import click
import pytest

from reverie.cli.main import COMMANDS, cli

STATISTICS = {"numpy", "scipy", "sklearn", "vaderSentiment"}
DATABASE = {"psycopg", "sqlalchemy", "dbos"}
PARSERS = {"re2", "sqlglot", "ijson"}


def loaded_by(statement: str) -> set[str]:
    """Top-level packages in a fresh interpreter's memory after ``statement``."""
    code = (
        f"import json, sys\n{statement}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(finished.stdout)}


@pytest.mark.parametrize("statement", ["import reverie.client", "from reverie import Client, AsyncClient"])
def test_a_client_loads_no_statistics_no_parsers_and_no_database(statement: str) -> None:
    loaded = loaded_by(statement)
    assert "reverie" in loaded
    assert loaded & (STATISTICS | DATABASE | PARSERS) == set()


def test_the_records_that_a_client_reads_need_msgspec_alone() -> None:
    loaded = loaded_by("from reverie import DreamResult, ImportSummary, Lesson, Metric, ReverieError")
    ours = loaded - set(sys.stdlib_module_names)
    assert {name for name in ours if not name.startswith("_")} <= {
        "msgspec",
        "reverie",
        "typing_extensions",
    } | startup()


def startup() -> set[str]:
    """What this environment loads before any code of ours, such as the finders of editable installs."""
    return loaded_by("pass")


@pytest.mark.parametrize(
    "statement",
    ["from reverie.cli.main import main", "from reverie.cli.main import cli; cli(['--help'], standalone_mode=False)"],
)
def test_the_help_page_of_the_command_line_loads_no_command(statement: str) -> None:
    loaded = loaded_by(f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): {statement}\n")
    assert loaded & (STATISTICS | DATABASE | PARSERS | {"msgspec", "anthropic", "starlette"}) == set()


def test_every_command_that_the_help_page_names_is_there() -> None:
    context = click.Context(cli)
    assert {name: cli.get_command(context, name) is not None for name in COMMANDS} == dict.fromkeys(COMMANDS, True)
