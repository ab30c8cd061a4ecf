"""What is loaded with what: a client is light, whatever a server needs."""

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from reverie.api import on_demand
from reverie.cli.main import COMMANDS, LazyCommand
from reverie.lazy_modules import LAZY_MODULES, load_module

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "reverie"

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


def test_a_program_that_records_its_sessions_loads_no_formats_of_others() -> None:
    code = "import sys, reverie; reverie.record; print('reverie.sessions.importers.registry' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"
    assert loaded_by("import reverie; reverie.record") & (STATISTICS | DATABASE | PARSERS) == set()


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


def test_a_server_loads_statistics_and_the_engine_of_jobs_only_when_they_are_first_used() -> None:
    assert loaded_by("import reverie.api.server") & {"scipy", "sklearn", "anthropic", "dbos"} == set()


def test_what_is_loaded_on_demand_is_what_it_is_said_to_be() -> None:
    names = set(on_demand.__all__) - {"load"}
    assert names == on_demand._MODULE_OF.keys()
    assert {name: getattr(on_demand, name).__module__ for name in names} == on_demand._MODULE_OF


def startup() -> set[str]:
    """What this environment loads before any code of ours, such as the finders of editable installs."""
    return loaded_by("pass")


def layers() -> dict[str, int]:
    """The place of each room in the contract, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return {name.strip(): place for place, line in enumerate(lines) for name in line.split("|")}


@pytest.mark.parametrize("module", LAZY_MODULES)
def test_a_module_that_is_loaded_by_name_is_there_and_below_those_that_load_it(module: str) -> None:
    place = layers()
    for importer in LAZY_MODULES[module].importers:
        text = Path(SOURCE.parent, *importer.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        assert f'"{module}"' in text
        assert place[importer.split(".")[1]] <= place[module.split(".")[1]]
    assert importlib.util.find_spec(module) is not None


def test_a_module_that_is_not_listed_is_not_loaded() -> None:
    with pytest.raises(KeyError, match="add it with its reason"):
        load_module("reverie.jobs.dreams")


def test_help_loads_no_command() -> None:
    loaded = loaded_by(
        "from click.testing import CliRunner; from reverie.cli.main import cli; "
        "shown = CliRunner().invoke(cli, ['--help']); assert 'workspaces' in shown.output"
    )
    assert loaded & (STATISTICS | DATABASE | PARSERS | {"rich", "msgspec", "pydantic"}) == set()


@pytest.mark.parametrize(("noun", "command"), COMMANDS.items())
def test_the_listed_summary_of_a_command_is_the_beginning_of_its_help(noun: str, command: LazyCommand) -> None:
    loaded: click.Command = getattr(load_module(command.module), command.name)
    long = 1_000
    assert click.Command(noun, help=command.summary).get_short_help_str(long) == loaded.get_short_help_str(long)
