from datetime import UTC, datetime

import msgspec
import pytest

from reverie.errors import (
    InputError,
    MemoryPathError,
    PathConflictError,
    PreconditionError,
    StoreArchivedError,
    StoreLimitError,
)
from reverie.memory.content import content_sha256
from reverie.memory.edit import Head, plan_edits
from reverie.memory.memory import Edit, MemoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STORE = MemoryStore("memstore_1", "notes", "", {}, NOW, NOW)
ARCHIVED = MemoryStore("memstore_1", "notes", "", {}, NOW, NOW, archived_at=NOW)


def heads(**contents: str) -> dict[str, Head]:
    return {
        f"/{name}": Head(f"mem_{name}", f"/{name}", content_sha256(content.encode()))
        for name, content in contents.items()
    }


def test_only_edits_that_change_something_become_steps() -> None:
    edits = [
        Edit("/new", "n", "why"),
        Edit("/a", "A", ""),
        Edit("/b", "b", ""),
        Edit("/c", None, ""),
        Edit("/d", None, ""),
    ]
    steps = plan_edits(STORE, heads(a="a", b="b", c="c"), edits)
    assert [(step.operation, step.path, step.memory_id) for step in steps] == [
        ("created", "/new", None),
        ("modified", "/a", "mem_a"),
        ("deleted", "/c", "mem_c"),
    ]
    assert steps[0].reason == "why"


def test_content_that_has_moved_on_is_not_overwritten() -> None:
    with pytest.raises(PreconditionError, match="/a: content has SHA-256"):
        plan_edits(STORE, heads(a="theirs"), [Edit("/a", "mine", "", content_sha256(b"read before"))])


def test_a_memory_that_is_gone_is_not_written_on_its_old_hash() -> None:
    with pytest.raises(PreconditionError, match="no memory"):
        plan_edits(STORE, {}, [Edit("/a", "mine", "", content_sha256(b"read before"))])


@pytest.mark.parametrize("wished", ["same", None])
def test_a_failed_precondition_is_forgiven_when_the_store_is_already_as_wished(wished: str | None) -> None:
    present = heads() if wished is None else heads(a=wished)
    assert plan_edits(STORE, present, [Edit("/a", wished, "", content_sha256(b"read before"))]) == ()


def test_a_directory_cannot_take_the_place_of_a_memory() -> None:
    with pytest.raises(PathConflictError) as caught:
        plan_edits(STORE, heads(a="a"), [Edit("/a/b", "b", "")])
    assert (caught.value.memory_id, caught.value.path) == ("mem_a", "/a")


def test_one_act_may_turn_a_memory_into_a_directory_in_any_order() -> None:
    edits = [Edit("/a/b", "b", ""), Edit("/a", None, "")]
    assert plan_edits(STORE, heads(a="a"), edits) == tuple(reversed(plan_edits(STORE, heads(a="a"), edits[::-1])))


def test_the_2001st_memory_does_not_fit() -> None:
    full = msgspec.structs.replace(STORE, memory_count=2_000)
    with pytest.raises(StoreLimitError, match="2,001"):
        plan_edits(full, {}, [Edit("/one", "more", "")])
    assert len(plan_edits(full, heads(a="a"), [Edit("/one", "more", ""), Edit("/a", None, "")])) == 2
    assert len(plan_edits(full, {}, [Edit("/one", "more", "")], most_memories=2_001)) == 1


def test_a_change_of_tier_alone_is_a_change() -> None:
    (step,) = plan_edits(STORE, heads(a="a"), [Edit("/a", "a", "confirmed", tier="long")])
    assert (step.operation, step.tier, step.content) == ("modified", "long", "a")
    assert plan_edits(STORE, heads(a="a"), [Edit("/a", "a", "", tier="intermediate")]) == ()


def test_an_edit_keeps_the_tier_unless_it_names_one() -> None:
    present = {"/a": Head("mem_a", "/a", content_sha256(b"a"), "long")}
    kept, new = plan_edits(STORE, present, [Edit("/a", "b", ""), Edit("/b", "b", "", tier="short")])
    assert (kept.tier, new.tier) == ("long", "short")


def test_an_archived_store_only_lets_memories_go() -> None:
    with pytest.raises(StoreArchivedError):
        plan_edits(ARCHIVED, heads(a="a"), [Edit("/a", "new", "")])
    assert [step.operation for step in plan_edits(ARCHIVED, heads(a="a"), [Edit("/a", None, "")])] == ["deleted"]


def test_two_edits_of_one_path_are_refused() -> None:
    with pytest.raises(InputError, match="/a: several edits"):
        plan_edits(STORE, {}, [Edit("/a", "1", ""), Edit("/a", "2", "")])


def test_a_bad_path_or_content_is_named() -> None:
    with pytest.raises(MemoryPathError, match="must start with"):
        plan_edits(STORE, {}, [Edit("notes.md", "", "")])
    with pytest.raises(InputError, match="/a: content holds a NUL"):
        plan_edits(STORE, {}, [Edit("/a", "\0", "")])
