"""What a skill consists of: one directory of files with a SKILL.md that says its name and what it is for."""

import io
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec
import yaml

from reverie.errors import InputError, SizeError

MOST_BYTES = 30 * 1024 * 1024
MOST_FILES = 500
_MOST_HEADER_CHARACTERS = 16_384
_MOST_NAME_CHARACTERS = 64
_MOST_DESCRIPTION_CHARACTERS = 1_024
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HEADER = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", re.DOTALL)
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that an archive can hold; every file has it, so that equal files give equal archives."""


class SkillFile(msgspec.Struct, frozen=True):
    """One file of a skill."""

    path: str
    """Relative, with forward slashes; of an upload, it begins with the skill's directory."""
    data: bytes


class SkillBundle(msgspec.Struct, frozen=True):
    """A skill's files, checked."""

    name: str
    description: str
    files: tuple[SkillFile, ...]
    """Paths are relative to the skill's directory, in order."""


def read_bundle(uploads: Sequence[SkillFile]) -> SkillBundle:
    """The skill that was uploaded as files of one directory, or as one zip archive of it.

    Raises:
        InputError: the files are not a skill; the message names the file.
        SizeError: they are too many or too large.
    """
    if len(uploads) == 1 and uploads[0].data.startswith(b"PK\x03\x04"):
        uploads = list(_unzip(uploads[0].data))
    if len(uploads) > MOST_FILES:
        raise SizeError(f"the skill has {len(uploads):,} files; at most {MOST_FILES} are taken")
    _check_size(sum(len(upload.data) for upload in uploads))
    directory, files = _strip_directory(uploads)
    texts = {file.path: file.data for file in files}
    if "SKILL.md" not in texts:
        raise InputError(f"files: {directory}/SKILL.md is missing; it says what the skill is for")
    header = _read_header(texts["SKILL.md"])
    return SkillBundle(_name(header, directory), _description(header), tuple(sorted(files, key=lambda x: x.path)))


def zip_bundle(bundle: SkillBundle) -> bytes:
    """The skill as a zip archive under a directory of its name; equal skills give equal archives."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in bundle.files:
            entry = zipfile.ZipInfo(f"{bundle.name}/{file.path}", _EPOCH)
            entry.create_system = 3  # Unix, on whichever system, for the mode below to count.
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Uploads carry no modes; what begins as a script is meant to be run.
            mode = 0o755 if file.data.startswith(b"#!") else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, file.data)
    return buffer.getvalue()


def _unzip(data: bytes) -> Iterator[SkillFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise SizeError(f"the archive has {len(entries):,} files; at most {MOST_FILES} are taken")
            left = MOST_BYTES
            for entry in entries:
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise InputError(f"files: {entry.filename} is a symbolic link; put the file in its place")
                with archive.open(entry) as source:
                    content = source.read(left + 1)  # What the entry says of its own size is not believed.
                left -= len(content)
                _check_size(MOST_BYTES - left)
                yield SkillFile(entry.filename, content)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"files: the zip archive cannot be read: {error}") from error


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise SizeError(f"the skill's files have more than {MOST_BYTES:,} bytes together")


def _strip_directory(uploads: Iterable[SkillFile]) -> tuple[str, list[SkillFile]]:
    """The one directory that all files are in, and the files by their paths in it."""
    directories: set[str] = set()
    files: dict[str, SkillFile] = {}
    for upload in uploads:
        parts = _parts(upload.path)
        directories.add(parts[0])
        path = "/".join(parts[1:])
        if path in files:
            raise InputError(f"files: {upload.path} was sent twice")
        files[path] = SkillFile(path, upload.data)
    if len(directories) != 1:
        raise InputError(f"files: all must be in one directory; there are {', '.join(sorted(directories)) or 'none'}")
    _check_shadows(files)
    return directories.pop(), list(files.values())


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if "\\" in path or "\0" in path or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"files: {path!r} is no path below a directory; give relative paths with forward slashes")
    if len(parts) < 2:
        raise InputError(f"files: {path!r} is in no directory; give paths such as my-skill/SKILL.md")
    return parts


def _check_shadows(paths: Iterable[str]) -> None:
    known = set(paths)
    for path in known:
        for parent in PurePosixPath(path).parents:
            if str(parent) in known:
                raise InputError(f"files: {parent} is both a file and a directory")


def _read_header(document: bytes) -> dict[str, Any]:
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("files: SKILL.md is not UTF-8 text") from error
    found = _HEADER.match(text[:_MOST_HEADER_CHARACTERS])
    if found is None:
        raise InputError("files: SKILL.md must begin with front matter: --- name: … description: … ---")
    try:
        header = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"files: the front matter of SKILL.md is not YAML: {error}") from error
    if not isinstance(header, dict):
        raise InputError("files: the front matter of SKILL.md must be fields, such as name: my-skill")
    return header


def _name(header: dict[str, Any], directory: str) -> str:
    name = header.get("name", directory)
    if not isinstance(name, str) or not _SLUG.fullmatch(name) or len(name) > _MOST_NAME_CHARACTERS:
        raise InputError(
            f"files: the name {name!r} must be lower-case words joined by hyphens, of at most "
            f"{_MOST_NAME_CHARACTERS} characters; set it in the front matter of SKILL.md"
        )
    return name


def _description(header: dict[str, Any]) -> str:
    description = header.get("description")
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= _MOST_DESCRIPTION_CHARACTERS:
        raise InputError(
            f"files: the front matter of SKILL.md needs a description of 1 to {_MOST_DESCRIPTION_CHARACTERS} characters"
        )
    return description.strip()
