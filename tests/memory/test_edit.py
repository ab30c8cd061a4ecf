from datetime import UTC, datetime

import msgspec
import pytest

from reverie.errors import (
    InputError,
    MemoryPathError,
    NotFoundError,
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


def test_a_renamed_memory_keeps_its_id_and_may_change_its_content_too() -> None:
    edits = [Edit("/x", "a", "", renamed_from="/a"), Edit("/y", "new", "", renamed_from="/b")]
    steps = plan_edits(STORE, heads(a="a", b="b"), edits)
    assert [(step.operation, step.path, step.memory_id, step.content) for step in steps] == [
        ("modified", "/x", "mem_a", "a"),
        ("modified", "/y", "mem_b", "new"),
    ]


def test_a_rename_holds_its_precondition_against_the_present_content() -> None:
    with pytest.raises(PreconditionError):
        plan_edits(STORE, heads(a="a"), [Edit("/x", "a", "", content_sha256(b"read before"), renamed_from="/a")])


@pytest.mark.parametrize("edit", [Edit("/b", "a", "", renamed_from="/a"), Edit("/b", "b", "", only_new=True)])
def test_nothing_new_or_renamed_takes_the_place_of_a_memory(edit: Edit) -> None:
    with pytest.raises(PathConflictError, match="mem_b is there already") as caught:
        plan_edits(STORE, heads(a="a", b="b"), [edit])
    assert (caught.value.memory_id, caught.value.path) == ("mem_b", "/b")


def test_one_act_may_let_memories_change_places_and_put_a_new_one_where_another_was() -> None:
    edits = [
        Edit("/b", "a", "", renamed_from="/a"),
        Edit("/c", "b", "", renamed_from="/b"),
        Edit("/a", "new", "", only_new=True),
    ]
    steps = plan_edits(STORE, heads(a="a", b="b"), edits)
    assert [(step.operation, step.path, step.memory_id) for step in steps] == [
        ("modified", "/b", "mem_a"),
        ("modified", "/c", "mem_b"),
        ("created", "/a", None),
    ]


def test_a_memory_can_be_renamed_into_the_directory_of_its_own_name_and_out_of_it() -> None:
    assert plan_edits(STORE, heads(a="a"), [Edit("/a/b", "a", "", renamed_from="/a")])[0].path == "/a/b"
    inner = {"/a/b": Head("mem_a", "/a/b", content_sha256(b"a"))}
    assert plan_edits(STORE, inner, [Edit("/a", "a", "", renamed_from="/a/b")])[0].path == "/a"


def test_only_a_memory_that_is_there_can_be_renamed() -> None:
    with pytest.raises(NotFoundError, match="/a: there is no memory to rename"):
        plan_edits(STORE, {}, [Edit("/b", "b", "", renamed_from="/a")])
