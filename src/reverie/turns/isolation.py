"""How processes that run an agent's tools are kept apart from the machine: what they see, and what they are told.

``none``: an ordinary process of the same user in a folder of its own, with a scrubbed environment. Its shell can reach
whatever that user can. ``bwrap``: a file system of its own with that folder, the system's programs (read-only) and
nothing else of the machine; processes of its own; the network, unless it is switched off.
"""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from reverie.errors import SettingsError

Wish = Literal["auto", "none", "bwrap"]
Isolation = Literal["none", "bwrap"]

_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ")
"""All that tools see of this process's environment: a list of what is let through lets no secret through."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
_SETTINGS = (
    *("alternatives", "ca-certificates", "fonts", "group", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("localtime", "mime.types", "nsswitch.conf", "passwd", "pki", "profile", "resolv.conf", "ssl", "timezone"),
)
"""What programs need of ``/etc``; the rest may hold secrets."""
_PACKAGE = Path(__file__).parents[1]
_PROBE_SECONDS = 30.0
_SET_DUMPABLE = 4
_MOST_PROCESSES = 1024


class Bind(msgspec.Struct, frozen=True):
    """A folder or file of this machine at a place in the process's file system."""

    source: Path
    target: str
    writable: bool = False


class Room(msgspec.Struct, frozen=True):
    """Where a process that runs tools lives."""

    folder: Path
    """The session's own folder."""
    workdir: str
    """Where the process begins, as it sees it."""
    temporary: str
    """The folder for temporary files, as it sees it."""
    binds: tuple[Bind, ...] = ()
    """What it sees of this machine under ``bwrap``, besides the system's programs."""
    network: bool = True


def choose_isolation(wish: Wish, search_path: str | None = None) -> tuple[Isolation, str]:
    """How to isolate, and the reason in words.

    Raises:
        SettingsError: ``bwrap`` is wished for, and it is not installed or does not work here.
    """
    if wish == "none":
        return "none", "isolation is switched off"
    program = shutil.which("bwrap", path=search_path)
    problem = "bwrap is not installed" if program is None else _probe(program)
    if problem is None:
        return "bwrap", f"isolation by {program}"
    if wish == "bwrap":
        raise SettingsError(f"--isolation bwrap: {problem}; install bubblewrap, or allow user namespaces")
    return "none", problem


def _probe(program: str) -> str | None:
    """Why ``bwrap`` cannot be used here; None where it can."""
    room = Room(Path("/"), "/", "/tmp", (Bind(Path("/usr"), "/usr"),))
    command = [program, *_bwrap_options(room), "true"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap cannot be run here: {error}"
    return None if tried.returncode == 0 else f"bwrap does not work here: {tried.stderr.strip()}"


def describe(isolation: Isolation, reason: str) -> str:
    """What is isolated and what is not, in a line for whoever starts it."""
    if isolation == "bwrap":
        return (
            f"tools run apart from this machine's files and processes ({reason}); the network, the processor and "
            "memory are shared"
        )
    return (
        f"tools are NOT isolated ({reason}): bash can reach all that this user can; file tools keep to the session's "
        "folder, and no variable but PATH, HOME, LANG, TERM, TMPDIR and TZ is passed on"
    )


def scrubbed_environment(environment: Mapping[str, str], room: Room) -> dict[str, str]:
    """The environment of a process that runs tools."""
    kept = {name: environment[name] for name in _KEPT_VARIABLES if name in environment}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, "HOME": room.workdir, "TMPDIR": room.temporary}


def tool_command(isolation: Isolation, room: Room, module: str) -> list[str]:
    """The command line that runs ``module``'s ``main`` in a room.

    The interpreter is told by ``-I`` to take nothing from its environment, and where this package is.
    """
    place = str(_PACKAGE.parent)
    code = f"import sys; sys.path.insert(0, {place!r}); from {module} import main; main()"
    command = [sys.executable, "-I", "-c", code]
    if isolation == "none":
        return command
    program = shutil.which("bwrap") or "bwrap"
    return [program, *_bwrap_options(room), "--chdir", room.workdir, *command]


def _bwrap_options(room: Room) -> list[str]:
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"]
    if room.network:
        options.append("--share-net")
    options += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in _SYSTEM:
        if Path(path).is_symlink():
            options += ["--symlink", str(Path(path).readlink()), path]
        else:
            options += ["--ro-bind-try", path, path]
    for name in _SETTINGS:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path in _interpreter_folders():
        options += ["--ro-bind", path, path]
    for bind in room.binds:
        options += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
    return options


def _interpreter_folders() -> Sequence[str]:
    """Where Python and this package are, as far as that is not the system."""
    folders = {sys.prefix, sys.base_prefix, str(_PACKAGE)}
    return sorted(path for path in folders if not Path(path).is_relative_to("/usr"))


def hide_memory() -> None:
    """Keep other processes of this user out of this one's environment and memory, as far as Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def be_a_tool_process(*, limited: bool) -> None:
    """Prepare this process to run tools: it is the first to go when memory runs out.

    It has to call :func:`end_group` when its parent is gone. The kernel could end it then, but not what it started.

    Args:
        limited: also bound the number of processes; only where they are counted for this sandbox alone.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limited:
        resource.setrlimit(resource.RLIMIT_NPROC, (_MOST_PROCESSES, _MOST_PROCESSES))
    score = Path("/proc/self/oom_score_adj")
    # Some containers do not let it be written; tools then go when the kernel likes.
    if os.access(score, os.W_OK):
        with suppress(PermissionError):
            score.write_text("1000", encoding="ascii")


def end_group() -> None:
    """End this process with all that it started, at once; its parent is gone."""
    os.killpg(0, signal.SIGKILL)
