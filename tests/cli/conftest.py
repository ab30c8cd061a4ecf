"""A server that commands talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reverie.settings import Settings
from reverie.testing.server_process import running_server


@pytest.fixture
def server(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that ``REVERIE_URL`` names."""
    with running_server(settings, tmp_path / "log", "--no-key") as server:
        monkeypatch.setenv("REVERIE_URL", server.url)
        yield
