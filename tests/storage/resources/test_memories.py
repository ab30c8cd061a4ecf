from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.memory.memory import Directory, Edit
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.memory_pages import list_page
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEGMENTS = st.sampled_from(["a", "a.md", "a0", "b", "é", "😀", "%", "a b"])
PATHS = st.sets(st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda segments: "/" + "/".join(segments)), max_size=12)


def items_beneath(paths: list[str], prefix: str) -> list[str]:
    """What a listing at depth one should show."""
    rests = [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]
    shown = {prefix + (rest if "/" not in rest else rest.partition("/")[0] + "/") for rest in rests}
    return sorted(shown, key=str.encode)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wished=PATHS, prefix=st.sampled_from(["/", "/a/", "/é/", "/a/a/"]), limit=st.integers(1, 4))
async def test_pages_show_every_item_once_in_byte_order(
    database: Database, wished: set[str], prefix: str, limit: int
) -> None:
    async with database.connection() as conn:
        store = (await create_store(conn, "notes", "", {}, NOW)).id
        paths: list[str] = []
        for path in sorted(wished, key=str.encode):
            if not any(path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in paths):
                paths.append(path)
        edits = [Edit(path, "", "") for path in paths]
        await apply_edits(conn, store, edits, act="write", actor="user", reason="test", now=NOW)
        beneath = [path for path in paths if path.startswith(prefix)]
        for collapsed, expected in ((False, beneath), (True, items_beneath(paths, prefix))):
            seen: list[str] = []
            while page := await list_page(
                conn,
                store,
                prefix=prefix,
                after=seen[-1] if seen else None,
                collapsed=collapsed,
                with_content=False,
                limit=limit,
            ):
                assert len(page) <= limit
                assert all(isinstance(item, Directory) == item.path.endswith("/") for item in page)
                seen += [item.path for item in page]
            assert seen == expected
