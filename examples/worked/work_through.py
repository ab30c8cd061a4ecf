"""One field, from made-up data to lessons: ``python examples/worked/work_through.py support|coding|health|education``.

Makes the data, imports it, dreams, prints the briefing that an agent would get, and writes the report. Everything lies
in FOLDER (default: .worked/FIELD in the project's folder), the embedded database too; delete it to begin again.
"""

import argparse
import os
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FIELDS = ("support", "coding", "health", "education")


def main() -> int:
    """Run the example; returns the exit code of the first command that failed, else 0."""
    parser = argparse.ArgumentParser(description="A worked example: data, import, dream, report.")
    parser.add_argument("field", choices=FIELDS)
    parser.add_argument("--folder", type=Path, help="where everything is kept")
    arguments = parser.parse_args()
    folder = (arguments.folder or PROJECT / ".worked" / arguments.field).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    example = runpy.run_path(str(Path(__file__).with_name(arguments.field) / f"{arguments.field}_data.py"))
    example["make"](folder)
    report = folder / "report.html"
    store = arguments.field
    dream = ["dream", "--store", store, "--report", str(report)]
    for command in (*example["IMPORT"], dream, ["briefing", store]):
        print("$ reverie", shlex.join(command), flush=True)
        code = subprocess.run(["reverie", *command], cwd=folder, env=_environment(folder), check=False).returncode
        if code:
            return code
    print(f"Report: {report}")
    return 0


def _environment(folder: Path) -> dict[str, str]:
    """This environment with a home of the example's own, and the ``reverie`` that belongs to this Python."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "REVERIE_HOME": str(folder / "home"), "PATH": programs}


if __name__ == "__main__":
    sys.exit(main())
