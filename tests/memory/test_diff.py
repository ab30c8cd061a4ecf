import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.memory.diff import Difference, DiffSummary, compare, summarise, unified_diff

SNAPSHOTS = st.dictionaries(st.sampled_from(["/a", "/b", "/c/d", "/c/e"]), st.sampled_from(["", "x", "y\n", "x\ny\n"]))


@given(SNAPSHOTS, SNAPSHOTS)
def test_the_differences_replayed_on_the_first_snapshot_give_the_second(
    before: dict[str, str], after: dict[str, str]
) -> None:
    replayed = dict(before)
    for difference in compare(before, after):
        assert replayed.pop(difference.path, None) == difference.before
        if difference.after is not None:
            replayed[difference.path] = difference.after
    assert replayed == after


def test_differences_are_summed_up_by_operation() -> None:
    differences = compare({"/same": "s", "/gone": "g", "/new text": "1"}, {"/same": "s", "/new text": "2", "/n": ""})
    assert summarise(differences) == DiffSummary(created=1, modified=1, deleted=1)


def test_a_unified_diff_marks_a_missing_last_line_break() -> None:
    text = unified_diff(Difference("/a.md", "one\ntwo", "one\nthree\n"))
    assert text == "--- a/a.md\n+++ b/a.md\n@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+three\n"


def test_an_empty_document_that_came_is_named() -> None:
    assert unified_diff(Difference("/a", None, "")) == "--- /dev/null\n+++ b/a\n"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(
    ("before", "after"),
    [("one\ntwo\n", "two\nthree"), ("a\x0bb\u2028c\r\nd\n", "a\x0bB\u2028c\r\nd"), ("old", None), (None, "new\n")],
)
def test_git_applies_a_unified_diff(tmp_path: Path, before: str | None, after: str | None) -> None:
    file = tmp_path / "note.md"
    if before is not None:
        file.write_bytes(before.encode())
    diff = unified_diff(Difference("/note.md", before, after)).encode()
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=tmp_path, input=diff, check=True)
    assert (file.read_bytes().decode() if file.exists() else None) == after
