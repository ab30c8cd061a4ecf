import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.agents.skill_bundle import MOST_BYTES, SkillBundle, SkillFile, read_bundle, zip_bundle
from reverie.errors import InputError, SizeError

DOCUMENT = b"---\nname: csv-reader\ndescription: Reads tables.\n---\nUse it well.\n"


def files(**more: bytes) -> list[SkillFile]:
    return [SkillFile("top/SKILL.md", DOCUMENT), *(SkillFile(f"top/{name}", data) for name, data in more.items())]


def zipped(entries: dict[str, bytes]) -> SkillFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return SkillFile("skill.zip", buffer.getvalue())


def test_the_front_matter_says_what_a_skill_is() -> None:
    bundle = read_bundle(files(run=b"#!/bin/sh\n"))
    assert (bundle.name, bundle.description) == ("csv-reader", "Reads tables.")
    assert [file.path for file in bundle.files] == ["SKILL.md", "run"]


def test_the_directory_names_a_skill_whose_front_matter_does_not() -> None:
    document = b"---\ndescription: Reads tables.\n---\n"
    assert read_bundle([SkillFile("my-skill/SKILL.md", document)]).name == "my-skill"


names = st.text("abcxyz.", min_size=1, max_size=5).filter(lambda name: name.strip("."))


@given(st.dictionaries(names, st.binary(max_size=50), max_size=5))
def test_an_archive_gives_back_what_went_in_and_is_the_same_in_any_order(entries: dict[str, bytes]) -> None:
    uploads = files(**entries)
    bundle = read_bundle(uploads)
    archive = zip_bundle(bundle)
    assert zip_bundle(read_bundle(uploads[::-1])) == archive
    assert read_bundle([SkillFile("a.zip", archive)]) == bundle


def test_scripts_stay_executable_and_all_lies_under_the_name() -> None:
    with zipfile.ZipFile(io.BytesIO(zip_bundle(read_bundle(files(run=b"#!/bin/sh\n"))))) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert modes == {"csv-reader/SKILL.md": 0o644, "csv-reader/run": 0o755}


@pytest.mark.parametrize(
    "path", ["top/../../etc/passwd", "/etc/passwd", "top/a\\..\\b", "top//a", "top/./a", "C:/a", "a"]
)
def test_a_path_that_leads_elsewhere_is_refused_in_files_and_in_archives(path: str) -> None:
    with pytest.raises(InputError):
        read_bundle([*files(), SkillFile(path, b"")])
    with pytest.raises(InputError):
        read_bundle([zipped({"top/SKILL.md": DOCUMENT, path: b""})])


def test_a_symbolic_link_in_an_archive_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("top/SKILL.md", DOCUMENT)
        link = zipfile.ZipInfo("top/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="symbolic link"):
        read_bundle([SkillFile("a.zip", buffer.getvalue())])


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(SizeError):
        read_bundle([zipped({"top/SKILL.md": DOCUMENT, "top/zeros": bytes(MOST_BYTES)})])


@pytest.mark.parametrize(
    ("uploads", "reason"),
    [
        ([], "one directory"),
        ([*files(), SkillFile("other/a", b"")], "one directory"),
        ([SkillFile("top/README.md", b"")], "SKILL.md is missing"),
        ([*files(), *files()], "twice"),
        ([*files(a=b""), SkillFile("top/a/b", b"")], "both a file and a directory"),
        ([SkillFile("top/SKILL.md", b"no front matter")], "front matter"),
        ([SkillFile("top/SKILL.md", b"---\nname: [\n---\n")], "not YAML"),
        ([SkillFile("top/SKILL.md", b"---\nname: My Skill\ndescription: d\n---\n")], "lower-case words"),
        ([SkillFile("top/SKILL.md", b"---\nname: a\n---\n")], "description"),
        ([SkillFile("top/SKILL.md", b"\xff")], "UTF-8"),
        ([SkillFile("a.zip", b"PK\x03\x04broken")], "zip archive"),
    ],
)
def test_what_is_no_skill_is_refused_with_the_reason(uploads: list[SkillFile], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_bundle(uploads)


@given(st.binary(max_size=200))
def test_any_document_is_either_a_skill_or_refused(document: bytes) -> None:
    try:
        bundle = read_bundle([SkillFile("top/SKILL.md", b"---\n" + document)])
    except InputError:
        return
    assert isinstance(bundle, SkillBundle)
