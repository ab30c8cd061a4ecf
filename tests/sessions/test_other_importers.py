"""Importers of other packages are held to what an importer promises."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import ExtensionError
from reverie.extensions import IMPORTERS, Extension
from reverie.sessions.event import Event, text_content
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers import (
    Draft,
    EventLog,
    Importer,
    Keys,
    RawRecord,
    SkippedFile,
    Whole,
    formats,
    parse_record,
    read_records,
    registry,
)
from reverie.sessions.importers.other import fitted
from reverie.sessions.importers.registry import OURS
from reverie.sessions.session import Score, Session, Transcript

EXTENSION = Extension(IMPORTERS, "memo", "memos:IMPORTER", "memos", "1.0")


def memo(*events: Event, id: str = "m") -> Draft:
    log = EventLog()
    log.events.extend(events)
    return Draft(Session(id=id, source="elsewhere"), log)


def said(text: str, at: datetime | None = None) -> Event:
    return Event("user.message", {"content": text_content(text)}, at)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Importer], None]:
    """Makes an importer the one that an installed package brings."""

    def installed(importer: Importer) -> None:
        known = {**registry.POINT.ours, "memo": fitted(EXTENSION, importer)}
        monkeypatch.setattr(registry, "load", lambda _, name: known.get(name))
        monkeypatch.setattr(registry, "names", lambda _: tuple(sorted(known)))

    return installed


def test_text_that_is_no_json_is_known_by_how_it_begins_and_read_whole(
    install: Callable[[Importer], None], tmp_path: Path
) -> None:
    def parse(record: RawRecord) -> Draft:
        return memo(*(said(line) for line in record.data.decode().splitlines()[1:]))

    begins = lambda head: head.startswith(b"MEMO\n")  # noqa: E731
    install(Importer("memo", parse, begins=begins, unit="file", empty=lambda data: "blank" if len(data) < 6 else ""))
    (tmp_path / "a.memo").write_bytes(b"MEMO\nbuy tea\nsell tea\n")
    (tmp_path / "b.memo").write_bytes(b"MEMO\n")
    (tmp_path / "c.txt").write_bytes(b"other\n")
    record, blank, other = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord) and len(parse_record(record, {}).events) == 2
    assert blank == SkippedFile(str(tmp_path / "b.memo"), "blank")
    assert other == SkippedFile(str(tmp_path / "c.txt"), "not a session file")


def test_ours_are_asked_first_unless_the_other_format_is_named(
    install: Callable[[Importer], None], tmp_path: Path
) -> None:
    install(Importer("memo", lambda _: memo(said("hello")), has_keys=lambda keys: "memo" in keys.top))
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"memo": 1, "messages": []}) + "\n")

    def formats_read(format: str | None) -> list[str]:
        return [item.format for item in read_records([file], format=format) if isinstance(item, RawRecord)]

    assert formats() == tuple(sorted({"memo", *(importer.name for importer in OURS)}))
    assert (formats_read(None), formats_read("memo")) == (["chat"], ["memo"])


def test_what_is_stored_is_fit_for_the_database_and_named_after_the_format(
    install: Callable[[Importer], None],
) -> None:
    draft = memo(said("nul \0 and \ud800", datetime(2026, 1, 1)))
    draft.scores["reward"], draft.scores["nan"] = 0.5, float("nan")
    install(Importer("memo", lambda _: draft))
    warnings: list[ImportProblem] = []
    transcript = parse_record(RawRecord("a", 3, "memo", b""), {}, warnings)
    assert transcript.events[0].payload["content"] == text_content("nul \ufffd and \ufffd")
    assert transcript.events[0].at is not None and transcript.events[0].at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert (transcript.session.source, transcript.scores) == ("memo", (Score("reward", 0.5),))
    assert [str(warning) for warning in warnings] == [
        "a:3: the score nan is not a finite number; the score is left out"
    ]


def fails(_: RawRecord) -> Draft:
    raise KeyError("said")


@pytest.mark.parametrize(
    ("parse", "fault"),
    [
        (fails, "failed: KeyError: 'said'"),
        (lambda _: {}, "gave dict, not a Draft"),
        (lambda _: memo(Event("odd", {})), "made an unsound session: Invalid enum value 'odd'"),  # type: ignore[arg-type]
        (lambda _: memo(Event("agent.tool_use", {"name": 1})), "made an unsound session: events[0].payload must have"),
        (lambda _: memo(Event("user.message", {"content": object()})), "made an unsound session: Encoding objects"),
        (lambda _: Whole(Transcript(Session("", "memo"), ())), "made an unsound session: session.id ''"),
    ],
)
def test_a_defect_costs_the_record_and_names_the_package(
    install: Callable[[Importer], None], parse: Any, fault: str
) -> None:
    install(Importer("memo", parse))
    with pytest.raises(ExtensionError) as refused:
        parse_record(RawRecord("a", 1, "memo", b""), {})
    assert str(refused.value).startswith(
        f"the extension 'memo' (reverie.importers, memos:IMPORTER) of memos 1.0 {fault}"
    )


def test_a_recogniser_that_fails_is_told_of_where_nobody_knows_the_file(
    install: Callable[[Importer], None], tmp_path: Path
) -> None:
    def has_keys(keys: Keys) -> bool:
        raise IndexError(sorted(keys.top)[0])

    install(Importer("memo", fails, has_keys=has_keys))
    (tmp_path / "a.jsonl").write_text('{"messages": [{"role": "user", "content": "hello"}]}\n')
    (tmp_path / "b.jsonl").write_text('{"odd": 1}\n')
    record, notice = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    assert isinstance(notice, SkippedFile) and "of memos 1.0 failed: IndexError: odd" in notice.reason


def test_an_entry_point_that_is_no_importer_of_its_name_is_refused() -> None:
    with pytest.raises(ExtensionError, match=r"is int, not a reverie\.sessions\.importers\.Importer"):
        fitted(EXTENSION, 7)
    with pytest.raises(ExtensionError, match="calls its format 'note'; give the entry point and the format one name"):
        fitted(EXTENSION, Importer("note", fails))
