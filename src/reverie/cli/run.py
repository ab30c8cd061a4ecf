"""What every command does around its work: read the settings, open the database, run."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

from reverie.settings import Settings, load_settings
from reverie.storage.postgres.database import Database, database_error, open_database

Result = TypeVar("Result")


def run(work: Callable[[Database], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """Do ``work`` with the open database that ``settings`` name; by default those of the environment.

    Raises:
        SettingsError: a setting cannot be used.
        DatabaseError: the database cannot be opened, or failed during the work.
    """
    chosen = settings or load_settings()

    async def opened() -> Result:
        async with open_database(chosen) as database:
            return await work(database)

    try:
        return asyncio.run(opened())
    except psycopg.Error as error:
        raise database_error(error) from error
