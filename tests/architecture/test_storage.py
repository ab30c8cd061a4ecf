"""What is known of the database is known to ``storage`` alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "reverie"
RUNS_SQL = {"execute", "executemany", "copy_expert", "mogrify"}
SQL = re.compile(
    r"\bSELECT\b.*\bFROM\b|\bSELECT \d|\bINSERT INTO\b|\bUPDATE \w+ SET\b|\bDELETE FROM\b|^\s*(LISTEN|NOTIFY|SET) \S"
    r"|\b(CREATE|ALTER|DROP|TRUNCATE) (TABLE|INDEX|SCHEMA|DATABASE)\b|\bpg_\w+\(",
    re.DOTALL,
)
AGENTS_SQL = {"testing/worlds/sql.py"}
"""Makes the statements of agents that work with SQL; nothing of it reaches a database."""


def database_places(tree: ast.AST) -> Iterator[int]:
    """Lines that run SQL or hold it; what is written in docstrings counts for nothing."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) in RUNS_SQL:
            yield node.lineno
        text = node.value if isinstance(node, ast.Constant) and id(node) not in prose else None
        if isinstance(node, ast.Constant) and isinstance(text, str) and SQL.search(text):
            yield node.lineno


def test_only_storage_speaks_sql() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.relative_to(SOURCE).parts[0] != "storage" and str(path.relative_to(SOURCE)) not in AGENTS_SQL
        for line in database_places(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "await connection.execute(query)",
        "_QUERY = 'SELECT key FROM sessions'",
        "query = f'''SELECT\n  s.id FROM sessions WHERE {condition}'''",
        "text = 'INSERT INTO dreams VALUES (1)'",
        "text = 'UPDATE dreams SET x = 1'",
        "connection.notify('LISTEN channel')",
        "check = 'SELECT 1'",
        "lock = 'pg_try_advisory_lock(1)'",
    ],
)
def test_sql_is_found(code: str) -> None:
    assert list(database_places(ast.parse(code))) != []


@pytest.mark.parametrize("code", ["'''SELECT x FROM y'''", "def f():\n    '''SET x'''", "x = 'select one of these'"])
def test_prose_is_no_sql(code: str) -> None:
    assert list(database_places(ast.parse(code))) == []
