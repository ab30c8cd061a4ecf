"""What a model would cost a dream, before it is asked anything."""

import asyncio

from reverie.assist.assistant import plan_calls
from reverie.assist.budget import ModelEstimate, estimate_calls
from reverie.assist.merger import mergeable_groups
from reverie.assist.wording import KEPT
from reverie.dreams.policy import DreamPolicy
from reverie.errors import NotFoundError
from reverie.language_model import ModelPrice
from reverie.storage.learning.dreams import latest_result
from reverie.storage.memory.stores import find_store
from reverie.storage.memory.uses import read_documents
from reverie.storage.postgres.database import Connection

_FIRST_THEMES, _FIRST_LESSONS = 10, 10
"""Of a store that has not dreamt yet."""


async def estimate_model(
    connection: Connection, store: str, policy: DreamPolicy, price: ModelPrice | None
) -> ModelEstimate:
    """The calls of a dream that has as many themes and lessons as the store's last one, without the budget's cap."""
    themes, lessons, mergers = _FIRST_THEMES, _FIRST_LESSONS, 0
    try:
        store_id = (await find_store(connection, store)).id
    except NotFoundError:
        store_id = None
    if store_id is not None:
        documents = await read_documents(connection, store_id)
        groups = await asyncio.to_thread(mergeable_groups, documents, policy.memory.consolidation.near_duplicate)
        mergers = len(groups)
        last = await latest_result(connection, store_id)
        if last is not None:
            themes = len(last.overview.themes) if last.overview else 0
            lessons = sum(lesson.status in KEPT for lesson in last.lessons)
    planned = plan_calls(policy.assistant, themes=themes, lessons=lessons, mergers=mergers)
    return estimate_calls(planned, policy.budget.price or price)
