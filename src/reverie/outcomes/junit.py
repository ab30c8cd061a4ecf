"""Results of tests, as JUnit's XML has them and nearly every test runner writes."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from reverie.errors import InputError

_BAD = ("failure", "error")
_MOST_NAMED = 50
_LONGEST_NAME = 200


class JunitReport(msgspec.Struct, frozen=True):
    """What came of the tests of all files together."""

    passed: int
    failed: tuple[str, ...]
    """Their names; a test that passed when it was run again is none."""
    skipped: int

    @property
    def share(self) -> float:
        """Of the tests that ran, those that passed."""
        return self.passed / (self.passed + len(self.failed))

    @property
    def tags(self) -> dict[str, str]:
        """What a session's metadata says of it: counts and names, no messages, which may hold anything."""
        named = ", ".join(self.failed[:_MOST_NAMED])
        more = len(self.failed) - _MOST_NAMED
        counts = {"tests_passed_count": str(self.passed), "tests_failed_count": str(len(self.failed))}
        return counts | {"tests_failed": f"{named} and {more} more" if more > 0 else named}


def read_junit(files: Iterable[Path]) -> JunitReport:
    """The reports together.

    Raises:
        InputError: a file is no such report, or no test ran.
    """
    passed, skipped = 0, 0
    failed: dict[str, None] = {}
    for file in files:
        for name, result in _cases(file):
            passed += result == "passed"
            skipped += result == "skipped"
            if result == "failed":
                failed[name] = None
    if passed + len(failed) == 0:
        raise InputError(f"no test ran: {skipped} were skipped; name the reports of runs that ran some")
    return JunitReport(passed, tuple(failed), skipped)


def _cases(file: Path) -> Iterator[tuple[str, str]]:
    """Each test's name and what came of it; a file may be large, so it is read piece by piece."""
    seen_root = False
    try:
        for event, element in ElementTree.iterparse(file, ("start", "end")):
            tag = _plain(element.tag)
            if not seen_root and tag not in ("testsuites", "testsuite"):
                raise InputError(
                    f"{file}: <{tag[:40]}> is no JUnit report, which begins with <testsuites> or <testsuite>"
                )
            seen_root = True
            if event == "end" and tag == "testcase":
                yield _name(element), _result(element)
                element.clear()
    except ElementTree.ParseError as error:
        raise InputError(f"{file}: no XML: {error}; give the file that the test runner wrote") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; check --from-junit") from error


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def _name(case: ElementTree.Element) -> str:
    place, name = case.get("classname") or case.get("file") or "", case.get("name") or "unnamed"
    return f"{place}.{name}"[-_LONGEST_NAME:] if place else name[-_LONGEST_NAME:]


def _result(case: ElementTree.Element) -> str:
    told = {_plain(child.tag) for child in case}
    if told & set(_BAD) or case.get("status") in ("failed", "error"):
        return "failed"
    return "skipped" if "skipped" in told or case.get("status") in ("skipped", "disabled", "notrun") else "passed"
