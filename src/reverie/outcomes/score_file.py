"""Scores kept in a file of their own, joined to sessions by an id, a file name or a task id."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from reverie.errors import ImportFormatError, InputError
from reverie.outcomes.metric import REWARD_METRIC
from reverie.outcomes.score_words import NO_WORDS, Words
from reverie.sessions.importers.files import read_bytes
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.session import Score, Session, score_problem

KEYS = ("session_id", "id", "file", "task_id")
"""The fields that may name a row's session; without a choice, the first that the rows have."""

_ANSWER_KEYS = ("golden*", "predicted*", "path_m*", "*hash*")
"""Fields that hold a grader's key or what follows from it: never scores unless asked for by name."""

_TAU2_FIELDS = ("db_match", "communicate_match")
_WORDS = {"true": True, "false": False, "": None, "null": None, "none": None}
"""What the cells of a CSV file say without numbers."""

_DELIMITERS = (",", ";", "\t")

_NumberedRow = tuple[int, dict[str, Any]]
_Choice = tuple[str, tuple[str, ...]]


class ScoreRow(msgspec.Struct, frozen=True):
    """One row of a score file."""

    key: str
    """What names the session, or its task or file."""
    line: int
    """The line, or the position in a JSON list or object; both from 1."""
    scores: tuple[Score, ...]


class ScoreTable:
    """The rows of a score file, and which of them a session has claimed."""

    def __init__(self, key: str, rows: Iterable[ScoreRow]) -> None:
        self.key = key
        """The field that the rows are joined by."""
        self._rows = {row.key: row for row in rows}
        self._claimed: set[str] = set()

    def scores_for(self, session: Session, stem: str) -> tuple[Score, ...]:
        """The scores of the row that belongs to ``session``, which came from a file of that ``stem``; else none.

        A row belongs when its key is the session's id, the stem, the session's task id, or what follows the key's
        own name in the stem (key ``task_id``, row ``0``, stem ``task_0``); the first that fits, in that order.
        """
        prefix = f"{self.key.removesuffix('_id')}_"
        numbered = stem.removeprefix(prefix) if stem.startswith(prefix) else None
        for name in (session.id, stem, session.task_id, numbered):
            if name in self._rows:
                self._claimed.add(name)
                return self._rows[name].scores
        return ()

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The smallest and the largest value of each score, by its name."""
        values: dict[str, list[float]] = {}
        for row in self._rows.values():
            for score in row.scores:
                values.setdefault(score.metric, []).append(score.value)
        return {name: (min(those), max(those)) for name, those in values.items()}

    def unclaimed(self) -> tuple[ScoreRow, ...]:
        """The rows that no session has had so far."""
        return tuple(row for key, row in self._rows.items() if key not in self._claimed)


def read_scores(path: Path, *, key: str | None, fields: Sequence[str], words: Words = NO_WORDS) -> ScoreTable:
    """Read a score file: a JSON list, a JSON object by id, JSON Lines or CSV, plain or gzip, or an archive's member.

    ``fields`` chooses the scores: ``FIELD``, ``NAME=FIELD`` or ``NAME=FIELD&FIELD`` (the smallest of those present).
    Booleans count as 1 and 0, null as absent. Without a choice, every numeric or boolean field is a score, except
    the keys and a grader's own (``golden*`` …); tau2's ``db_match`` and ``communicate_match`` make one ``reward``.

    ``words`` gives numbers to words by field, which are then scores like any number.

    Raises:
        InputError: the file, a row or a field cannot be used; names the line.
    """
    data = read_bytes(path)
    try:
        rows = [(number, _with_numbers(row, words)) for number, row in _numbered_rows(data, key or KEYS[0])]
        found = key or next((name for name in KEYS if any(name in row for _, row in rows)), None)
        if found is None:
            raise InputError(f" no row has any of {', '.join(KEYS)}; say which field names the session by --scores-key")
        return ScoreTable(found, _score_rows(rows, found, _choices(fields, rows)))
    except InputError as error:
        raise InputError(f"{path}:{error}") from error  # which begins with a line's number, or a space without one


def _numbered_rows(data: bytes, key: str) -> list[_NumberedRow]:
    """The rows, numbered from 1; an object by id is read as rows whose field ``key`` is the id."""
    start = data.lstrip()[:1]
    if start not in (b"[", b"{"):
        return _csv_rows(data, key)
    try:
        whole = decode_json(data)
    except ImportFormatError as error:
        if start == b"[":
            raise InputError(f" {error}") from error
        return _json_lines(data)
    if isinstance(whole, dict):
        is_row = key in whole or any(name in whole for name in KEYS)
        whole = [whole] if is_row else [_row_by_id(key, name, value) for name, value in whole.items()]
    return [(number, _as_row(row, number)) for number, row in enumerate(whole, start=1)]


def _json_lines(data: bytes) -> list[_NumberedRow]:
    rows = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append((number, _as_row(decode_json(line), number)))
        except ImportFormatError as error:
            raise InputError(f"{number}: {error}") from error
    return rows


def _as_row(value: Any, number: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{number}: not a JSON object")
    return value


def _row_by_id(key: str, name: str, value: Any) -> dict[str, Any]:
    """What an object holds under one id: a row, or its reward alone."""
    return {**(value if isinstance(value, dict) else {REWARD_METRIC: value}), key: name}


def _csv_rows(data: bytes, key: str) -> list[_NumberedRow]:
    try:
        text = data.decode("utf-8-sig")  # Spreadsheets put a byte order mark first.
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f" neither JSON nor CSV: {error}") from error
    for number, row in rows:
        if None in row:
            raise InputError(f"{number}: has more cells than the first line has names")
    return [
        (number, {name: cell if name in (key, *KEYS) else _cell_value(cell) for name, cell in row.items()})
        for number, row in rows
    ]


def _delimiter(text: str) -> str:
    """What divides the names in the first line: spreadsheets write semicolons where commas are decimal points."""
    header = text.partition("\n")[0]
    return max(_DELIMITERS, key=header.count)


def _cell_value(cell: str | None) -> Any:
    text = (cell or "").strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text


def _choices(fields: Sequence[str], rows: Sequence[_NumberedRow]) -> tuple[_Choice, ...]:
    """The scores asked for, each as its name and the fields it is the smallest of."""
    known = {name for _, row in rows for name in row}
    choices = []
    for text in fields:
        name, _, expression = text.rpartition("=")
        parts = tuple(part.strip() for part in expression.split("&"))
        if not name and len(parts) > 1:
            raise InputError(f" {text!r} needs a name, as in reward={text}")
        for part in parts:
            if part not in known:
                raise InputError(f" no row has a field {part!r}; there are {', '.join(sorted(known))}")
        choices.append((name.strip() or parts[0], parts))
    return tuple(choices)


def _default_choices(row: Mapping[str, Any], key: str) -> tuple[_Choice, ...]:
    if all(name in row for name in _TAU2_FIELDS):
        return ((REWARD_METRIC, _TAU2_FIELDS),)
    names = (name for name, value in row.items() if isinstance(value, int | float) and name not in (key, *KEYS))
    return tuple((name, (name,)) for name in names if not any(fnmatchcase(name, known) for known in _ANSWER_KEYS))


def _with_numbers(row: dict[str, Any], words: Words) -> dict[str, Any]:
    """The row with numbers for the words that have some."""
    numbers = {
        name: words[name].get(value.strip().casefold())
        for name, value in row.items()
        if name in words and isinstance(value, str)
    }
    return row | {name: number for name, number in numbers.items() if number is not None}


def _score_rows(rows: Iterable[_NumberedRow], key: str, choices: tuple[_Choice, ...]) -> Iterator[ScoreRow]:
    first: dict[str, int] = {}
    for number, row in rows:
        name = _name_of(row, key, number)
        if name in first:
            raise InputError(f"{number}: {key} {name!r} is there twice, first at {first[name]}")
        first[name] = number
        wanted = choices or _default_choices(row, key)
        scores = (_score(row, choice, number) for choice in wanted)
        yield ScoreRow(name, number, tuple(score for score in scores if score is not None))


def _name_of(row: Mapping[str, Any], key: str, number: int) -> str:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(f"{number}: {key} must be text or a whole number, not {value!r}")
    return str(value)


def _score(row: Mapping[str, Any], choice: _Choice, number: int) -> Score | None:
    name, fields = choice
    values = [(field, row[field]) for field in fields if row.get(field) is not None]
    for field, value in values:
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{number}: {field} {value!r} is not a number{_advice(field, value)}")
    if not values:
        return None
    smallest = float(min(value for _, value in values))
    problem = score_problem(name, smallest)
    if problem is not None:
        raise InputError(f"{number}: {name} {problem}; here: --score points={fields[0]}")
    return Score(name, smallest)


def _advice(field: str, value: object) -> str:
    if not isinstance(value, str):
        return ""
    return f"; say what words mean, each by a number, as in --score '{field}={value}:1,…'"
