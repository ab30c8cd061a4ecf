"""Questions over real small databases, and rewards of answers: from ``REVERIE_DATA``, else a small world of our own.

The gold queries are read here and nowhere else: no agent, memory or grader prompt sees one.
"""

import gzip
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

ROWS_SHOWN = 30
_STEPS = 2_000_000
"""Steps of SQLite's machine after which a query is stopped."""


class Task(msgspec.Struct, frozen=True):
    """A question about one database."""

    id: int
    db: str
    question: str
    hardness: str
    gold: str


class SqlWorld(msgspec.Struct, frozen=True):
    """Databases as SQL scripts, and the questions about them."""

    name: str
    scripts: dict[str, str]
    tasks: tuple[Task, ...]

    def open(self, db: str) -> sqlite3.Connection:
        """A fresh copy of a database, in memory."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(self.scripts[db])
        return connection


def read_world(data: Path | None) -> SqlWorld:
    """The world below ``data`` (``sql-world``), or our own small one."""
    folder = data / "sql-world" if data is not None else None
    if folder is None or not folder.is_dir():
        return small_world()
    with gzip.open(folder / "tasks.jsonl.gz", "rt", encoding="utf-8") as lines:
        tasks = tuple(msgspec.json.decode(line, type=Task) for line in lines)
    scripts = {
        path.name.removesuffix(".sql.gz"): gzip.decompress(path.read_bytes()).decode()
        for path in sorted((folder / "databases").glob("*.sql.gz"))
    }
    return SqlWorld("sql-world", scripts, tasks)


def run_query(connection: sqlite3.Connection, query: str) -> tuple[list[tuple[object, ...]] | None, str]:
    """Rows (None on an error) and what an agent is shown of them."""
    connection.set_progress_handler(lambda: 1, _STEPS)
    try:
        with closing(connection.execute(query)) as cursor:
            rows = cursor.fetchall()
            names = [column[0] for column in cursor.description or ()]
    except (sqlite3.Error, sqlite3.Warning) as error:
        return None, f"Error: {error}"
    shown = "\n".join(json.dumps(row, default=str, ensure_ascii=False) for row in rows[:ROWS_SHOWN])
    more = f"\n({len(rows) - ROWS_SHOWN} more rows)" if len(rows) > ROWS_SHOWN else ""
    return rows, f"{json.dumps(names)}\n{shown}{more}"


def reward(world: SqlWorld, task: Task, queries: Sequence[str]) -> float:
    """1 when the last query's rows are those of the gold query, in any order; else 0."""
    if not queries:
        return 0.0
    with closing(world.open(task.db)) as connection:
        wanted, _ = run_query(connection, task.gold)
        given, _ = run_query(connection, queries[-1])
    return float(given is not None and wanted is not None and Counter(given) == Counter(wanted))


_PLACES = (
    ("ship", "harbour", "tonnage"),
    ("book", "shelf", "pages"),
    ("train", "depot", "coaches"),
    ("tree", "park", "height"),
)
_ODD = ("tbl_", "ref_", "x_", "main_")


def small_world() -> SqlWorld:
    """Eight little databases whose tables have names that nobody would guess, so that looking at them first helps."""
    scripts: dict[str, str] = {}
    tasks: list[Task] = []
    for number, odd in enumerate(_ODD * 2):
        thing, place, size = _PLACES[number % len(_PLACES)]
        table = f"{odd if number % 2 else ''}{thing}"
        db = f"{thing}_{number}"
        rows = [(i, f"{thing.title()} {i}", f"{place.title()} {i % 3}", 10 * i + number) for i in range(1, 9)]
        values = ", ".join(map(str, rows))
        scripts[db] = f"CREATE TABLE {table} (id, name, {place}, {size}); INSERT INTO {table} VALUES {values};"
        for question, gold in (
            (f"What are the name and {size} of every {thing}?", f"SELECT name, {size} FROM {table}"),
            (f"How many {thing} are there?", f"SELECT count(*) FROM {table}"),
            (f"What is the average {size} of all {thing}?", f"SELECT avg({size}) FROM {table}"),
            (f"List the {place} of each {thing}.", f"SELECT {place} FROM {table}"),
            (f"What is the maximum {size} of a {thing}?", f"SELECT max({size}) FROM {table}"),
        ):
            tasks.append(Task(len(tasks), db, question, "easy", gold))
    return SqlWorld("small", scripts, tuple(tasks))
