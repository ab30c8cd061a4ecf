"""The memory stores as pages name and choose them."""

from dataclasses import dataclass

from reverie.console.visit import Visit

_MOST = 100


@dataclass(frozen=True, slots=True)
class StoreNames:
    """The newest stores, at most a hundred, by id."""

    names: dict[str, str]
    open_ids: tuple[str, ...]
    """Those that are not archived."""

    def name(self, store_id: str) -> str:
        """What a store is called; its id where it is not among the newest."""
        return self.names.get(store_id, store_id)


async def read_stores(visit: Visit) -> StoreNames:
    """The stores that a visitor may choose from."""
    listed = await visit.client.beta.memory_stores.list(limit=_MOST, include_archived=True)
    names = {store.id: store.name for store in listed.data}
    return StoreNames(names, tuple(store.id for store in listed.data if store.archived_at is None))
