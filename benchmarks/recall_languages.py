"""Recall@5 by language on notes and questions of our own, as one JSON document on standard output.

python -m benchmarks.recall_languages

Once with a store for each language and once with all notes in one store.
"""

import asyncio
import json
import tempfile
from pathlib import Path

from evaluation.recall_languages import read_languages, recall_by_language, together

from reverie.digests.vector import open_embedder
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database


async def run() -> dict[str, object]:
    """Both arrangements, in a database that is removed afterwards."""
    embedder, languages = open_embedder(None), read_languages()
    with tempfile.TemporaryDirectory(prefix="reverie-evaluation-") as folder:
        async with open_database(Settings(home=Path(folder))) as database:
            apart = await recall_by_language(database, languages, embedder)
            return {"apart": apart, "together": await recall_by_language(database, together(languages), embedder)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run()), indent=2))
