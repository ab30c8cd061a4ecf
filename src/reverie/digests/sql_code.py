"""SQL, read by ``sqlglot``: the statements' kinds, the constructs they use, and whether they read the schema."""

import logging

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from reverie.digests.commands import Commands

# sqlglot warns about each statement it keeps as plain text; agents write thousands of them.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

UNPARSED = Commands(names=("sql:unparsed",))

_DIALECTS = ("mysql", "postgres")
"""Tried in this order; the first is the most tolerant of the ANSI core, the second knows ``::`` and ``ILIKE``."""
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_STATEMENTS = (
    exp.Alter, exp.Analyze, exp.Commit, exp.Create, exp.Delete, exp.Describe, exp.Drop, exp.Insert, exp.Merge,
    exp.Pragma, exp.Rollback, exp.Set, exp.Show, exp.Transaction, exp.TruncateTable, exp.Update, exp.Use,
)  # fmt: skip
_COMMANDS = frozenset({"explain", "call", "grant", "revoke", "show", "describe", "vacuum", "prepare", "deallocate"})
_READS_SCHEMA = frozenset({"sql:show", "sql:describe", "sql:information_schema", "sql:pragma"})
_READS = frozenset({"sql:select", "sql:explain"}) | _READS_SCHEMA
_CATALOGUES = frozenset({"information_schema", "sqlite_master", "sqlite_schema", "pg_catalog", "pg_tables"})
_FEATURES: dict[type[exp.Expression], str] = {
    exp.Join: "sql join",
    exp.Group: "sql group by",
    exp.Having: "sql having",
    exp.Order: "sql order by",
    exp.Distinct: "sql distinct",
    exp.Limit: "sql limit",
    exp.Count: "sql count",
    exp.Like: "sql like",
    exp.Subquery: "sql subquery",
    exp.SetOperation: "sql set operation",
    exp.With: "sql with",
}


def read_sql(code: str) -> Commands:
    """The statements of a SQL text; ``sql:unparsed`` when no dialect can read it."""
    statements = _parse(code)
    names = dict.fromkeys(_name(statement) for statement in statements)
    if not names or "sql:unparsed" in names:
        return UNPARSED
    features = dict.fromkeys(feature for s in statements if isinstance(s, _QUERIES) for feature in _features(s))
    return Commands(
        names=tuple(names),
        features=tuple(features),
        inspects_schema=not _READS_SCHEMA.isdisjoint(names),
        silent=_READS.isdisjoint(names),
    )


def _parse(code: str) -> list[exp.Expression]:
    for dialect in _DIALECTS:
        try:
            return [
                statement for statement in sqlglot.parse(code, read=dialect) if isinstance(statement, exp.Expression)
            ]
        except (SqlglotError, RecursionError):
            continue
    return []


def _name(statement: exp.Expression) -> str:
    if isinstance(statement, _QUERIES):
        tables = statement.find_all(exp.Table)
        return "sql:information_schema" if any(_is_catalogue(table) for table in tables) else "sql:select"
    if isinstance(statement, exp.Command):
        word = str(statement.this).lower()
        return f"sql:{word}" if word in _COMMANDS else "sql:unparsed"
    return f"sql:{statement.key}" if isinstance(statement, _STATEMENTS) else "sql:unparsed"


def _is_catalogue(table: exp.Table) -> bool:
    return not _CATALOGUES.isdisjoint((table.name.lower(), table.db.lower()))


def _features(statement: exp.Expression) -> list[str]:
    found = []
    for node in statement.walk():
        # A SELECT inside IN (...) or EXISTS (...) is a subquery without a node of that name.
        if isinstance(node, exp.Select) and node.parent is not None and isinstance(node.parent, exp.In | exp.Exists):
            found.append("sql subquery")
        found.extend(feature for kind, feature in _FEATURES.items() if isinstance(node, kind))
    return found
