"""Alembic runs this file; the connection, already in a transaction, comes from ``reverie.storage.postgres.migrate``."""

from alembic import context

from reverie.storage.postgres.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
