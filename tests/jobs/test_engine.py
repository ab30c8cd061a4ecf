"""The engine of dreams beside whatever else a process does."""

import io
import logging

from reverie.clock import SystemClock
from reverie.library import AsyncReverie
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database


async def test_a_dream_needs_no_standard_error_that_was_open_when_dbos_was_imported(settings: Settings) -> None:
    closed = io.StringIO()
    handler = logging.StreamHandler(closed)
    closed.close()
    logging.getLogger("dbos").addHandler(handler)
    async with open_database(settings) as database:
        result = await AsyncReverie(database, settings, SystemClock()).dream("desk")
    assert result.status == "completed"
    assert handler not in logging.getLogger("dbos").handlers
