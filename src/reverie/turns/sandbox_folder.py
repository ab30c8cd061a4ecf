"""The folder of one session's sandbox: what is in it, where an agent sees it, and what the server puts there."""

import getpass
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from reverie.errors import InputError
from reverie.runtime.grading import Delivery
from reverie.turns.isolation import Bind, Isolation, Room
from reverie.turns.tool_protocol import Place, ToolPlan

WORKSPACE = "/workspace"
SESSION = "/mnt/session"
UPLOADS = f"{SESSION}/uploads"
OUTPUTS = f"{SESSION}/outputs"
MEMORY = "/mnt/memory"
_FOLDERS = {WORKSPACE: "workspace", UPLOADS: "session/uploads", OUTPUTS: "session/outputs", MEMORY: "memory"}
_STATE = "state.json"
_MOST_DELIVERIES = 50
_MOST_DELIVERED_CHARACTERS = 100_000


class Output(msgspec.Struct, frozen=True):
    """A file under a session's outputs, as clients were given it."""

    file_id: str
    size: int
    changed_ns: int


class SandboxState(msgspec.Struct, frozen=True):
    """What the server knows of a folder; beside it, out of its tools' sight."""

    made_at: datetime
    memory: dict[str, dict[str, str]] = {}
    """By store, the hash that each memory had when it was last written to, or read from, the folder; by path."""
    uploads: tuple[str, ...] = ()
    """Mount paths of the file resources that have been put there."""
    outputs: dict[str, Output] = {}
    """What the session left under its outputs and clients can download, by path there."""


class SandboxFolder:
    """A session's folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def real(self, promised: str) -> Path:
        """Where a path that the agent was promised is on this machine."""
        for place, name in _FOLDERS.items():
            if promised == place or promised.startswith(f"{place}/"):
                return self.root / name / promised[len(place) :].lstrip("/")
        raise InputError(f"{promised} is none of the folders of a sandbox")

    def open(self, now: datetime) -> SandboxState:
        """Make the folder if it is new; what is known of it."""
        for name in _FOLDERS.values():
            (self.root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.root / "tmp").mkdir(exist_ok=True, mode=0o700)
        state = self.read_state()
        if state is None:
            state = SandboxState(made_at=now)
            self.write_state(state)
        return state

    def read_state(self) -> SandboxState | None:
        """What is known of the folder; None of one that is not there."""
        try:
            return msgspec.json.decode((self.root / _STATE).read_bytes(), type=SandboxState)
        except FileNotFoundError:
            return None

    def write_state(self, state: SandboxState) -> None:
        """Keep what is known, whole or not at all."""
        fresh = self.root / f"{_STATE}.new"
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self.root / _STATE)

    def room(self, resources: Sequence[Mapping[str, Any]], isolation: Isolation, *, network: bool) -> Room:
        """Where the session's tools live."""
        if isolation == "none":
            alias = self._alias()
            return Room(self.root, str(alias / "workspace"), str(alias / "tmp"))
        binds = [Bind(self.real(place), place, place in (WORKSPACE, OUTPUTS)) for place in _FOLDERS]
        binds += [
            Bind(self.real(resource["mount_path"]), resource["mount_path"], True)
            for resource in resources
            if resource["type"] == "memory_store" and resource["access"] != "read_only"
        ]
        return Room(self.root, WORKSPACE, "/tmp", tuple(binds), network)

    def plan(self, resources: Sequence[Mapping[str, Any]], isolation: Isolation) -> ToolPlan:
        """Where the session's tools work, for the process that runs them."""
        frozen = [UPLOADS] + [
            resource["mount_path"]
            for resource in resources
            if resource["type"] == "memory_store" and resource["access"] == "read_only"
        ]
        if isolation == "bwrap":
            return ToolPlan(WORKSPACE, (UPLOADS, OUTPUTS, MEMORY), tuple(frozen), limited=True)
        alias = self._alias()
        places = tuple(
            Place(promised, str(alias / name))
            for promised, name in ((WORKSPACE, "workspace"), (SESSION, "session"), (MEMORY, "memory"))
        )
        roots = (str(self.real(UPLOADS)), str(self.real(OUTPUTS)), str(self.real(MEMORY)))
        return ToolPlan(str(self.real(WORKSPACE)), roots, tuple(str(self.real(path)) for path in frozen), places)

    def _alias(self) -> Path:
        """The folder under a name without spaces or quotes, which can stand in a shell command as it is."""
        parent = Path(tempfile.gettempdir(), f"reverie-sandboxes-{getpass.getuser()}")
        parent.mkdir(mode=0o700, exist_ok=True)
        if parent.is_symlink() or parent.stat().st_uid != os.getuid():
            raise InputError(f"{parent} belongs to somebody else; remove it, or set TMPDIR")
        alias = parent / self.root.name
        if alias.is_symlink():
            alias.unlink()
        alias.symlink_to(self.root, target_is_directory=True)
        return alias

    async def put_upload(self, mount_path: str, chunks: AsyncIterator[bytes]) -> None:
        """Put a file resource at its place, read-only."""
        place = self.real(mount_path)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.new")
        with fresh.open("wb") as stream:
            async for data in chunks:
                stream.write(data)
        fresh.chmod(0o444)
        fresh.replace(place)

    def drop_upload(self, mount_path: str) -> None:
        """Take away a file resource that is not the session's any more."""
        self.real(mount_path).unlink(missing_ok=True)

    def put_skill(self, archive: bytes) -> None:
        """Unpack a skill below ``skills/`` of the working directory; only before any tool has run."""
        target = self.real(f"{WORKSPACE}/skills")
        with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
            for entry in bundle.infolist():
                parts = PurePosixPath(entry.filename).parts
                # Bundles were checked when they were made; a path that leads out is still not followed.
                if entry.is_dir() or ".." in parts or entry.filename.startswith("/"):
                    continue
                place = target.joinpath(*parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(bundle.read(entry))
                place.chmod(0o755 if (entry.external_attr >> 16) & stat.S_IXUSR else 0o644)

    def outputs(self) -> Iterator[tuple[str, Path]]:
        """Path and place of what the session left under its outputs; links and whatever else is no file are not."""
        outputs = self.real(OUTPUTS)
        for parent, folders, names in os.walk(outputs):
            folders.sort()
            for name in sorted(names):
                file = Path(parent, name)
                if not file.is_symlink() and file.is_file():
                    yield file.relative_to(outputs).as_posix(), file

    def deliveries(self) -> list[Delivery]:
        """The outputs as a grader is shown them."""
        return [Delivery(path, _text_of(file)) for path, file in islice(self.outputs(), _MOST_DELIVERIES)]

    def remove(self) -> None:
        """Take the folder away, with all that is in it."""
        shutil.rmtree(self.root, ignore_errors=True)
        alias = Path(tempfile.gettempdir(), f"reverie-sandboxes-{getpass.getuser()}", self.root.name)
        if alias.is_symlink():
            alias.unlink()


def _text_of(file: Path) -> str:
    with file.open("rb") as stream:
        data = stream.read(4 * _MOST_DELIVERED_CHARACTERS)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"(no text; {file.stat().st_size:,} bytes)"
    if len(text) <= _MOST_DELIVERED_CHARACTERS:
        return text
    return f"{text[:_MOST_DELIVERED_CHARACTERS]}\n(… {file.stat().st_size:,} bytes in all)"
