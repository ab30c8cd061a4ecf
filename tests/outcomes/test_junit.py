"""Reports of tests in JUnit's XML."""

from pathlib import Path

import pytest

from reverie.errors import InputError
from reverie.outcomes.junit import read_junit

PYTEST = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="4">
  <testcase classname="tests.test_a" name="test_one" time="0.1"/>
  <testcase classname="tests.test_a" name="test_two"><failure message="SECRET">SECRET</failure></testcase>
  <testcase classname="tests.test_a" name="test_three"><error message="boom"/></testcase>
  <testcase classname="tests.test_a" name="test_four"><skipped/></testcase>
</testsuite></testsuites>"""
SUREFIRE = """<testsuite xmlns="urn:x" name="s">
  <testcase classname="A" name="again"><flakyFailure message="x"/></testcase>
  <testcase name="plain" status="run"/><testcase name="off" status="disabled"/>
</testsuite>"""


def write(folder: Path, *texts: str) -> list[Path]:
    paths = [folder / f"{number}.xml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_reports_are_counted_together_and_failures_are_named_without_their_messages(tmp_path: Path) -> None:
    report = read_junit(write(tmp_path, PYTEST, SUREFIRE))
    assert (report.passed, report.skipped, report.failed) == (
        *(3, 2),
        ("tests.test_a.test_two", "tests.test_a.test_three"),
    )
    assert report.share == 0.6
    assert report.tags == {
        "tests_passed_count": "3",
        "tests_failed_count": "2",
        "tests_failed": "tests.test_a.test_two, tests.test_a.test_three",
    }


def test_many_failures_are_named_in_part(tmp_path: Path) -> None:
    cases = "".join(f'<testcase name="t{number}"><failure/></testcase>' for number in range(60))
    report = read_junit(write(tmp_path, f"<testsuite>{cases}</testsuite>"))
    assert report.tags["tests_failed"].endswith("t49 and 10 more")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html></html>", "<html> is no JUnit report"),
        ("not xml", "no XML"),
        ("<testsuite><testcase", "no XML"),
        ("<testsuite/>", "no test ran: 0 were skipped"),
        ('<testsuite><testcase name="a"><skipped/></testcase></testsuite>', "no test ran: 1 were skipped"),
    ],
)
def test_what_is_no_report_is_told(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_junit(write(tmp_path, text))


def test_a_report_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_junit([tmp_path / "none.xml"])
