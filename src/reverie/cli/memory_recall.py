"""``reverie recall``: the memories that suit a query, and what speaks for each."""

import click

from reverie.cli.memory_text import echo_json, json_option, split_store
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.lazy_modules import load_module
from reverie.lessons.asker import Asker
from reverie.memory.hit import RecallHit
from reverie.memory.memory import MemoryStore
from reverie.settings import load_settings
from reverie.storage.memory.recall import recall as recall_memories
from reverie.storage.memory.stores import choose_store
from reverie.storage.memory.uses import record_uses
from reverie.storage.postgres.database import Database


@click.command()
@click.argument("store_and_query", nargs=-1, required=True, metavar="[STORE] QUERY")
@click.option("--limit", type=click.IntRange(1, 1_000), default=5, show_default=True, help="Most memories to show.")
@click.option("--tokens", type=click.IntRange(1), help="Most tokens of content to show.  [default: the store's budget]")
@click.option("--meaning/--words", default=True, help="Also compare meanings, or words alone, which starts sooner.")
@click.option("--scope/--no-scope", default=True, help="Also find lessons for whoever asks that share no word.")
@click.option("--agent", metavar="NAME", help="Who asks: no lesson on another agent is found by scope.")
@click.option("--tool", "tools", multiple=True, metavar="NAME", help="A tool of who asks; repeat for each.")
@click.option("--family", metavar="NAME", help="The kind of task: no lesson on another kind is found by scope.")
@click.option("--record", is_flag=True, help="Count the hits as used, so that they are recalled sooner.")
@json_option
def recall(
    store_and_query: tuple[str, ...],
    limit: int,
    tokens: int | None,
    meaning: bool,
    scope: bool,
    agent: str | None,
    tools: tuple[str, ...],
    family: str | None,
    record: bool,
    as_json: bool,
) -> None:
    """Rank a store's memories for a query, and say why each came."""
    name, query = split_store(store_and_query)
    now = SystemClock().now()
    settings = load_settings()
    asker = Asker(agent, tools or None, family) if scope else None
    embedder = load_module("reverie.digests.vector").open_embedder(settings.embedder) if meaning else None

    async def read(database: Database) -> tuple[MemoryStore, tuple[RecallHit, ...]]:
        async with database.connection() as conn:
            store = await choose_store(conn, name)
            hits = await recall_memories(
                conn, store.id, query, limit, now=now, embedder=embedder, most_tokens=tokens, asker=asker
            )
            if record:
                await record_uses(conn, [hit.memory_id for hit in hits], now)
            return store, hits

    store, hits = run(read)
    if as_json:
        echo_json({"store": store, "query": query, "hits": hits})
        return
    if not hits:
        click.echo(f"{store.name}: no memory holds any of these words, and no lesson is for you", err=True)
    for hit in hits:
        click.echo(f"{hit.score:.2f}  {hit.path}  {_explain(hit)}\n    {hit.snippet}")


def _explain(hit: RecallHit) -> str:
    parts = [f"{reason.term} {reason.contribution:.2f}" for reason in hit.reasons]
    if hit.meaning:
        parts.append(f"meaning {hit.meaning:.2f}")
    if hit.scope:
        parts.append(f"scope {hit.scope:.2f}")
    return f"({', '.join(parts)}) × activation {hit.activation:.2f} × impact {hit.impact:.2f}, {hit.tier}"
