from datetime import UTC, datetime, timedelta

from reverie.memory.edit_sequence import documents_after, join_edits
from reverie.memory.memory import Edit
from reverie.memory.tiers import Document

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE = NOW - timedelta(days=9)
NOTE = Document("/a", "old", "short", BEFORE, BEFORE)


def test_documents_are_seen_as_earlier_edits_of_the_act_leave_them() -> None:
    edits = [Edit("/a", "new", ""), Edit("/b", None, ""), Edit("/c", "c", "", tier="long")]
    after = documents_after([NOTE, Document("/b", "b", "long", BEFORE, BEFORE)], edits, NOW)
    assert after == [Document("/a", "new", "short", BEFORE, NOW), Document("/c", "c", "long", NOW, NOW)]
    (promoted,) = documents_after([NOTE], [Edit("/a", "old", "", tier="long")], NOW)
    assert promoted == Document("/a", "old", "long", NOW, BEFORE)


def test_edits_of_one_path_become_one_with_both_reasons() -> None:
    first = [Edit("/b", "b", "new lesson", "hash"), Edit("/a", "a", "new")]
    then = [Edit("/b", "b", "confirmed twice", tier="long"), Edit("/c", None, "junk")]
    assert join_edits(first, then) == (
        Edit("/a", "a", "new"),
        Edit("/b", "b", "new lesson; confirmed twice", "hash", "long"),
        Edit("/c", None, "junk"),
    )
