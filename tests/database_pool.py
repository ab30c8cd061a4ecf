"""Databases that tests use one after the other, each made clean again between two of them.

To make a database from a template and to drop it costs the server two checkpoints, many times what most tests cost.
Rows that tests leave are deleted instead. A database is dropped all the same when a test changed its tables, or left
much in it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg

from reverie.storage.postgres.embedded import EmbeddedServer

MOST_USES = 50
"""Tests that use a database before it is dropped, so that the rows deleted in it do not pile up."""
_OWN = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
_FINGERPRINT = f"""
    WITH own AS (
        SELECT c.oid, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OWN} AND c.relpersistence <> 't'
    )
    SELECT md5(concat(
        (SELECT string_agg(concat_ws(' ', oid, relname, relkind), ',' ORDER BY oid) FROM own),
        (SELECT string_agg(concat_ws(' ', attrelid, attname, atttypid, attnotnull), ',' ORDER BY attrelid, attnum)
            FROM pg_attribute WHERE attrelid IN (SELECT oid FROM own)),
        (SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM own)),
        (SELECT string_agg(concat_ws(' ', oid, tgenabled), ',' ORDER BY oid)
            FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM own)),
        (SELECT string_agg(p.oid::text, ',' ORDER BY p.oid)
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OWN}),
        (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
            WHERE d.datname = current_database())
    ))
"""
_CLEAN = f"""
DO $$
DECLARE
    found record;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR found IN
        SELECT c.oid::regclass::text AS name, pg_relation_size(c.oid) AS size
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN} AND c.relkind = 'r'
    LOOP
        IF found.size > 4 * 1024 * 1024 THEN
            RAISE EXCEPTION '% is too large to be emptied', found.name;
        END IF;
        IF found.size > 0 THEN
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || found.name || ')' INTO filled;
            IF filled THEN
                EXECUTE 'DELETE FROM ' || found.name;
            END IF;
        END IF;
    END LOOP;
    PERFORM setval(s.seqrelid, s.seqstart, false)
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN};
END
$$
"""


class DatabasePool:
    """Clean databases of a server, copies of its database ``template``."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._numbers = count()
        self._uses: dict[str, int] = {}
        self._clean: list[str] = []
        with psycopg.connect(server.url("template")) as connection:
            self._fingerprint = _fingerprint(connection)
            self._schemas = _schemas(connection)
            self._rows = _read_rows(connection)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a database as the template is, for as long as the context lasts."""
        name = self._clean.pop() if self._clean else self._make()
        yield self._server.url(name)
        self._uses[name] += 1
        if self._uses[name] < MOST_USES and self._empty(name):
            self._clean.append(name)
        else:
            self._drop(name)

    def _make(self) -> str:
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            # The quicker of the two ways, where nothing is synchronized with the disk.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template STRATEGY FILE_COPY".encode())
        self._uses[name] = 0
        return name

    def _drop(self, name: str) -> None:
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _empty(self, name: str) -> bool:
        """Make a database as the template is; False where that is not to be done by deleting rows."""
        try:
            with psycopg.connect(self._server.url(name)) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                for schema in _schemas(connection) - self._schemas:
                    connection.execute(f'DROP SCHEMA "{schema}" CASCADE'.encode())
                if _fingerprint(connection) != self._fingerprint:
                    return False
                connection.execute(_CLEAN.encode())
                connection.execute("SET LOCAL session_replication_role = replica")
                for table, rows in self._rows.items():
                    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                        copy.write(rows)
        except psycopg.Error:
            return False
        return True


def _fingerprint(connection: psycopg.Connection) -> str:
    """The same for two databases whose tables are the same."""
    return str(connection.execute(_FINGERPRINT.encode()).fetchall()[0][0])


def _schemas(connection: psycopg.Connection) -> set[str]:
    return {
        name
        for (name,) in connection.execute(f"SELECT n.nspname FROM pg_namespace n WHERE {_OWN}".encode())
        if not name.startswith(("pg_temp", "pg_toast_temp"))
    }


def _read_rows(connection: psycopg.Connection) -> dict[str, bytes]:
    """The rows of each table that has some, as text to be copied back."""
    tables = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE {_OWN} AND c.relkind = 'r'".encode()
    ).fetchall()
    found = {}
    for (table,) in tables:
        with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
            rows = b"".join(bytes(block) for block in copy)
        if rows:
            found[table] = rows
    return found
