"""Of every table is said what an erasure does with it."""

import psycopg

from reverie.storage.erasure.sessions import OF_A_SESSION
from reverie.storage.erasure.tables import TREATMENTS


def test_of_every_table_is_said_what_an_erasure_does_with_it(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert sorted(TREATMENTS) == sorted(name for (name,) in rows)


def test_every_table_that_names_sessions_by_key_is_one_that_goes_with_them_or_keeps_numbers(database_url: str) -> None:
    query = """
        SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'session_key'
    """
    with psycopg.connect(database_url) as connection:
        keyed = {name for (name,) in connection.execute(query).fetchall()}
    assert keyed - {"charter_judgements"} == set(OF_A_SESSION)
