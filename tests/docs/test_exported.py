"""What others rely on changes on purpose, and is told."""

from tests.docs.exported import FILE, exported

HOW = """The names, commands or endpoints that others rely on have changed. If that is meant: `make exports`, a line in
CHANGELOG.md under the version to come, and VERSIONING.md says whether it may go without notice."""


def test_the_exported_names_are_those_of_the_list() -> None:
    listed, found = FILE.read_text(encoding="utf-8").splitlines(), exported().splitlines()
    gone, new = sorted(set(listed) - set(found)), sorted(set(found) - set(listed))
    assert {"gone": gone, "new": new} == {"gone": [], "new": []}, HOW
    assert listed == found, "sorted, one name a line: make exports"


def test_each_kind_of_name_is_in_the_list() -> None:
    listed = FILE.read_text(encoding="utf-8").splitlines()
    for name in (
        "python reverie.Reverie",
        "python reverie.testing.worlds.write_world(world: World, path: Path) -> int",
        "command reverie dream --where",
        "http /v1/agents POST",
    ):
        assert name in listed
