"""What is loaded with what: a client is light, whatever a server needs."""

import json
import subprocess
import sys

import pytest

from reverie.api import on_demand

STATISTICS = {"numpy", "scipy", "sklearn", "vaderSentiment"}
DATABASE = {"psycopg", "sqlalchemy", "dbos"}
PARSERS = {"re2", "sqlglot", "ijson"}


def loaded_by(statement: str) -> set[str]:
    """Top-level packages in a fresh interpreter's memory after ``statement``."""
    code = (
        f"import json, sys; {statement}; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
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


def test_a_server_loads_statistics_and_the_engine_of_jobs_only_when_they_are_first_used() -> None:
    assert loaded_by("import reverie.api.server") & {"scipy", "sklearn", "anthropic", "dbos"} == set()


def test_what_is_loaded_on_demand_is_what_it_is_said_to_be() -> None:
    names = set(on_demand.__all__) - {"load"}
    assert names == on_demand._MODULE_OF.keys()
    assert {name: getattr(on_demand, name).__module__ for name in names} == on_demand._MODULE_OF


def startup() -> set[str]:
    """What this environment loads before any code of ours, such as the finders of editable installs."""
    return loaded_by("pass")
