"""Memories on one subject, merged by a model."""

from datetime import UTC, datetime, timedelta

from reverie.assist.merger import Merged, merge_groups, mergeable_groups, merging_edits
from reverie.assist.question import AssistantPolicy
from reverie.memory.tiers import Document
from reverie.testing.scripted_model import ScriptedModel

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
OLD = "Customers who ask for a refund late in the evening want a short answer.\n"
NEW = "Customers who ask for a refund late in the evening often want a friendly tone.\n"
BOTH = "Customers who ask for a refund late in the evening want a short answer and often a friendly tone.\n"


def document(path: str, content: str, day: int) -> Document:
    return Document(path, content, "intermediate", BEGIN, BEGIN + timedelta(days=day))


DOCUMENTS = [
    document("/b.md", NEW, 2),
    document("/a.md", OLD, 1),
    document("/c.md", "The warehouse closes on public holidays.\n", 3),
    document("/lessons/x.md", OLD, 0),
    document("/quarantine/y.md", NEW, 0),
]
GROUP = Merged(("/a.md", "/b.md"), (OLD, NEW), BOTH)


async def test_free_text_on_one_subject_is_merged_at_its_newest_path() -> None:
    groups = mergeable_groups(DOCUMENTS, 0.8)
    assert [[each.path for each in group] for group in groups] == [["/a.md", "/b.md"]]
    merged, notes = await merge_groups(ScriptedModel([{"text": BOTH}]), groups, AssistantPolicy())
    assert merged == (GROUP,) and notes == ()
    edits, changes = merging_edits(merged, {"/a.md": OLD, "/b.md": NEW}, set(), 1)
    assert [(edit.path, edit.content) for edit in edits] == [("/b.md", BOTH), ("/a.md", None)]
    assert [change.action for change in changes] == ["merge", "merge"]


async def test_what_a_model_cannot_merge_stays_side_by_side() -> None:
    groups = mergeable_groups(DOCUMENTS, 0.8)
    merged, notes = await merge_groups(ScriptedModel([{"text": "Refunds take 30 days."}]), groups, AssistantPolicy())
    assert merged == () and notes[0].startswith("/a.md, /b.md: not merged")


def test_documents_that_changed_meanwhile_are_left_alone_and_the_gate_is_kept() -> None:
    contents = {"/a.md": OLD, "/b.md": NEW}
    assert merging_edits([GROUP], {**contents, "/a.md": "else"}, set(), 1) == ((), ())
    assert merging_edits([GROUP], contents, {"/b.md"}, 1) == ((), ())
    assert merging_edits([GROUP], contents, set(), 0) == ((), ())
