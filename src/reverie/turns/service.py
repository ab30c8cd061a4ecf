"""Running turns as one of a process's tasks: a desk for each workspace, and what they share."""

import asyncio
import random
import secrets
from collections.abc import Sequence

from reverie.clock import Clock
from reverie.models.route import routes_of
from reverie.models.router import open_router
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import list_workspaces
from reverie.turns.desk import Desk, Host, Models
from reverie.turns.dispatch import Dispatcher
from reverie.turns.prompt import make_prompt


async def run_with_settings(database: Database, settings: Settings, clock: Clock) -> None:
    """Run turns of all workspaces, by the models that the settings name, until cancelled.

    Raises:
        SettingsError: the routes cannot be read.
    """
    async with open_router(routes_of(settings)) as models:
        await run_turns(database, clock, models)


async def run_turns(database: Database, clock: Clock, models: Models, hosts: Sequence[Host] = ()) -> None:
    """Run turns of all workspaces until cancelled."""

    async def desks() -> list[Desk]:
        async with database.connection() as connection:
            workspaces = await list_workspaces(connection)
        return [
            make_desk(database.of_schema(workspace.schema), workspace.id, clock, models, hosts)
            for workspace in workspaces
            if workspace.archived_at is None
        ]

    await Dispatcher(database, desks, secrets.randbelow(2**31)).run()


def make_desk(database: Database, workspace_id: str, clock: Clock, models: Models, hosts: Sequence[Host] = ()) -> Desk:
    """The desk of one workspace."""
    return Desk(
        database=database,
        workspace_id=workspace_id,
        clock=clock,
        models=models,
        make_prompt=make_prompt,
        sleep=asyncio.sleep,
        random=random.random,
        hosts=hosts,
    )
