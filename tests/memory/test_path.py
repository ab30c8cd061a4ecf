import pytest

from reverie.errors import MemoryPathError
from reverie.memory.path import check_path, check_prefix, find_clash


@pytest.mark.parametrize(
    "path",
    ["/a", "/lessons/Refunds after 30 days.md", "/é/日本", "/.hidden", "/x" * 20, "/" + "a" * 1_023, "/..."],
)
def test_ordinary_paths_are_accepted(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "start with"),
        ("a", "start with"),
        ("/", "segment ''"),
        ("/a//b", "segment ''"),
        ("/a/", "segment ''"),
        ("/./a", "segment '.'"),
        ("/a/../b", "segment '..'"),
        ("/a\nb", "U\\+000A"),
        ("/a\0b", "U\\+0000"),
        ("/a\u200bb", "U\\+200B"),
        ("/a\u2028b", "U\\+2028"),
        ("/a\ud800", "U\\+D800"),
        ("/e\u0301", "NFC"),
        ("/x" * 21, "21 segments"),
        ("/" + "é" * 512, "1025 bytes"),
    ],
)
def test_a_path_that_breaks_a_rule_is_refused_with_the_rule(path: str, rule: str) -> None:
    with pytest.raises(MemoryPathError, match=rule):
        check_path(path)


@pytest.mark.parametrize("prefix", ["", "lessons/", "/lessons"])
def test_a_prefix_must_match_whole_segments(prefix: str) -> None:
    with pytest.raises(MemoryPathError, match="start and end"):
        check_prefix(prefix)


@pytest.mark.parametrize(("created", "other"), [("/a", "/a/b/c"), ("/a/b/c", "/a"), ("/a/b", "/a/b/c")])
def test_a_memory_cannot_also_be_a_directory(created: str, other: str) -> None:
    assert find_clash([created], {created, other}) == (created, other)


def test_paths_that_only_share_their_first_letters_stand_side_by_side() -> None:
    assert find_clash(["/a"], {"/a", "/ab/c", "/a.md", "/b/a"}) is None
