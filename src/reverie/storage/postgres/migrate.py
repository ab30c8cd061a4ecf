"""Bring a database to the latest schema revision."""

import logging

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from reverie.storage.postgres.schema import MIGRATIONS

_LOCK = 7_301_518_042
"""An arbitrary advisory lock number: of several commands that start at once, one migrates and the rest wait."""


def migrate(url: str) -> None:
    """Run the missing migrations in one transaction; ``url`` starts with ``postgresql://``."""
    # A library may have set up logging for the whole process; a command's standard error is not for Alembic's progress.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        configuration = Config()
        configuration.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
