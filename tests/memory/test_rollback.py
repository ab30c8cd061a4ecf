from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reverie.memory.content import content_sha256
from reverie.memory.edit import Head, plan_edits
from reverie.memory.memory import Edit, MemoryStore, Tier
from reverie.memory.rollback import Held, plan_rollback

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STORE = MemoryStore("memstore_1", "notes", "", {}, NOW, NOW)

_TIERS: list[Tier] = ["short", "intermediate", "long"]


@st.composite
def states(draw: st.DrawFn) -> dict[str, Held]:
    """Memories of up to five ids, each at a path of its own."""
    paths = draw(st.permutations(["/a", "/b", "/c", "/d/e", "/f"]))
    ids = draw(st.lists(st.sampled_from(["mem_1", "mem_2", "mem_3", "mem_4", "mem_5"]), unique=True))
    return {
        id_: Held(path, draw(st.sampled_from("xyz")), draw(st.sampled_from(_TIERS)))
        for id_, path in zip(ids, paths, strict=False)
    }


@given(present=states(), wished=states())
def test_whatever_happened_the_way_back_leads_to_what_was_and_keeps_the_ids(
    present: dict[str, Held], wished: dict[str, Held]
) -> None:
    heads = {x.path: Head(id_, x.path, content_sha256(x.content.encode()), x.tier) for id_, x in present.items()}
    steps = plan_edits(STORE, heads, plan_rollback(present, wished, "back"))
    after = dict(present)
    for number, step in enumerate(steps):
        if step.operation == "deleted":
            del after[step.memory_id or ""]
        else:
            after[step.memory_id or f"new_{number}"] = Held(step.path, step.content or "", step.tier)
    assert {held.path: held for held in after.values()} == {held.path: held for held in wished.values()}
    assert len(after) == len(wished)
    assert {id_: after[id_] for id_ in present.keys() & wished.keys()} == {
        id_: wished[id_] for id_ in present.keys() & wished.keys()
    }


def test_memories_that_changed_places_change_them_back() -> None:
    first, second = Held("/a", "1", "long"), Held("/b", "2", "long")
    swapped = {"mem_1": Held("/b", "1", "long"), "mem_2": Held("/a", "2", "long")}
    assert plan_rollback(swapped, {"mem_1": first, "mem_2": second}, "why") == [
        Edit("/a", "1", "why", tier="long", renamed_from="/b"),
        Edit("/b", "2", "why", tier="long", renamed_from="/a"),
    ]


def test_a_memory_made_anew_at_a_path_stands_for_the_one_that_was_there() -> None:
    plan = plan_rollback({"mem_2": Held("/a", "new", "short")}, {"mem_1": Held("/a", "old", "short")}, "why")
    assert plan == [Edit("/a", "old", "why", tier="short")]
