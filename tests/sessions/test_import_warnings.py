"""What a parser sets aside of a record is told with the file and the line."""

import pytest

from reverie.sessions.importers import Importer, ImportProblem, RawRecord, parse_record, registry
from reverie.sessions.importers.draft import Draft, EventLog
from reverie.sessions.session import Session


def warned(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> list[ImportProblem]:
    """The warnings of a record at line 7, whose parser warns of ``found``."""

    def parse(_record: RawRecord) -> Draft:
        log = EventLog()
        for reason, line in found:
            log.warn(reason, line)
        return Draft(Session(id="s", source="chat"), log)

    monkeypatch.setitem(registry.POINT.ours, "chat", Importer("chat", parse))
    warnings: list[ImportProblem] = []
    parse_record(RawRecord("a.jsonl", 7, "chat", b""), {}, warnings)
    return warnings


def test_a_warning_without_a_line_of_its_own_is_at_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warned(monkeypatch, ("odd", 0), ("odder", 9)) == [
        ImportProblem("a.jsonl", 7, "odd"),
        ImportProblem("a.jsonl", 9, "odder"),
    ]


def test_many_warnings_of_one_session_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings = warned(monkeypatch, *(("odd", line) for line in range(1, 31)))
    assert [warning.line for warning in warnings[:-1]] == list(range(1, 21))
    assert str(warnings[-1]) == "a.jsonl:7: 10 more warnings of this session"
