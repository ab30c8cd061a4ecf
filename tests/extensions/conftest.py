"""Other packages, installed into folders of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
EXAMPLE = Path(__file__).parent / "example_importer"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example was installed by pip, as users do, but without the network."""
    source, folder = tmp_path_factory.mktemp("source") / "example", tmp_path_factory.mktemp("installed")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))  # building writes beside the source
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir", "--quiet", "--target", str(folder))
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True, env=environment)
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with a distribution of which nothing works, laid out as an installed wheel is."""
    folder = tmp_path / "broken"
    written = folder / "reverie_broken-0.9.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: reverie-broken\nVersion: 0.9\n")
    (written / "entry_points.txt").write_text(
        "[reverie.importers]\nburst = reverie_broken:IMPORTER\nchat = reverie_example.parley:IMPORTER\n"
        "[reverie.graders]\nvanished = reverie_gone:grade\n[reverie.embedders]\nnumber = math:pi\n"
        "[reverie.models]\nquitter = reverie_quits:open_model\n"
    )
    (folder / "reverie_broken.py").write_text("raise OSError('no such moon')\n")
    (folder / "reverie_quits.py").write_text("raise SystemExit(7)\n")
    return folder


@pytest.fixture
def run(database_url: str) -> Run:
    """Runs Python with these folders' packages installed; its output."""

    def started(*arguments: object, folders: tuple[Path, ...], **variables: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(map(str, (SOURCE, *folders)))
        environment = {**os.environ, "PYTHONPATH": path, "DATABASE_URL": database_url, **variables}
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return started
