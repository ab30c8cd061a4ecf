"""``reverie policy``: the learning policy of a store."""

from typing import BinaryIO

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.dreams.policy import DreamPolicy
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import choose_store
from reverie.storage.postgres.database import Database


@click.command()
@click.argument("store", required=False)
@click.option("--file", type=click.File("rb"), help="Set the policy to this JSON; '-' is standard input.")
@json_option
def policy(store: str | None, file: BinaryIO | None, as_json: bool) -> None:  # noqa: ARG001 - it is JSON anyway
    """Print a store's learning policy as JSON, or set it; what FILE leaves out has its default."""
    wished = None if file is None else file.read()

    async def work(database: Database) -> DreamPolicy:
        async with database.connection() as conn:
            chosen = await choose_store(conn, store)
            return await (read_policy(conn, chosen.id) if wished is None else write_policy(conn, chosen.id, wished))

    echo_json(run(work))
