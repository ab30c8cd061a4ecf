"""Places in which a user runs commands, and draws that are the same in each run."""

from pathlib import Path
from random import Random

import pytest

from reverie.cli.sessions import import_sessions
from tests.jobs.commands import run
from tests.jobs.test_dream_unscored import coder


@pytest.fixture(autouse=True)
def same_draws(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Whom a trial shows its advice follows from ids: with ids of chance, one trial in some hundred ends early."""
    monkeypatch.setattr("reverie.ids.randbits", Random(request.node.nodeid).getrandbits)


@pytest.fixture
def user(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work on the test's own database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")


@pytest.fixture
def folder(user: None, tmp_path: Path) -> Path:  # noqa: ARG001 - for what it sets
    """Where a coder's sessions, which nobody scored, were imported from."""
    run(import_sessions, str(coder(tmp_path / "coder.jsonl")))
    return tmp_path
