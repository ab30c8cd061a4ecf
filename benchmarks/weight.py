"""What an installation weighs, and how long its programs take to start, as one JSON document.

    python benchmarks/weight.py

Installs the runtime lock and the project into a fresh environment, with nothing resolved. Times are the median of
several starts in one run, each told as a ratio to an empty program and to ``pip --version`` of the same environment,
for seconds differ from machine to machine.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
STARTS = 7
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
_INSTALLERS = {"pip", "setuptools", "wheel"}
"""What a fresh environment holds before anything is installed; not counted."""


def main() -> None:
    """Print the document."""
    with tempfile.TemporaryDirectory(prefix="reverie-weight-") as folder:
        environment = install(Path(folder))
        print(json.dumps(size(environment) | {"starts": starts(environment)}, indent=2))


def install(folder: Path) -> Path:
    """A fresh environment with the runtime lock and the project."""
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    locked = ("--requirement", str(PROJECT / "requirements.lock"))
    command = [str(environment / "bin" / "python"), *_PIP, "install", "--no-deps", *locked, str(PROJECT)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return environment


def size(environment: Path) -> dict[str, object]:
    """Distributions without installers, and megabytes (10⁶ bytes) of ``site-packages`` with compiled files."""
    (packages,) = environment.glob("lib/python*/site-packages")
    before = _bytes(packages)
    installers = sum(_bytes(path) for path in packages.iterdir() if _is_installer(path))
    found = [path for path in packages.glob("*.dist-info") if not _is_installer(path)]
    compiled = sum(path.stat().st_size for path in packages.rglob("*.pyc"))
    heaviest = sorted(
        ((_bytes(path), path.name) for path in packages.iterdir() if not _is_installer(path)), reverse=True
    )
    return {
        "distributions": len(found),
        "megabytes": round((before - installers) / 1e6),
        "of_which_compiled": round(compiled / 1e6),
        "heaviest_megabytes": {name: round(count / 1e6) for count, name in heaviest[:12]},
    }


def starts(environment: Path) -> dict[str, dict[str, float]]:
    """Of each program, the median milliseconds and the ratios."""
    python = str(environment / "bin" / "python")
    commands = {
        "python -c pass": [python, "-c", "pass"],
        "pip --version": [python, "-m", "pip", "--version"],
        "import reverie": [python, "-c", "import reverie"],
        "import reverie.client.client": [python, "-c", "import reverie.client.client"],
        "reverie --help": [str(environment / "bin" / "reverie"), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS + 1):
        for name, command in commands.items():
            times[name].append(_seconds(command))
    medians = {name: statistics.median(measured[1:]) for name, measured in times.items()}  # the first start warms up
    return {
        name: {
            "milliseconds": round(1000 * seconds),
            "ratio_to_empty": round(seconds / medians["python -c pass"], 2),
            "ratio_to_pip": round(seconds / medians["pip --version"], 2),
        }
        for name, seconds in medians.items()
    }


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _is_installer(path: Path) -> bool:
    name = path.name.partition("-")[0].partition(".")[0].lower()
    return name in _INSTALLERS | {"_distutils_hack", "pkg_resources", "distutils"}


if __name__ == "__main__":
    main()
