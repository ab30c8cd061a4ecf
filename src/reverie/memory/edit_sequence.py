"""Edits planned one after another that become one revision."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from reverie.memory.conflicts import same_but_for_marks
from reverie.memory.memory import Edit
from reverie.memory.tiers import Document


def documents_after(documents: Iterable[Document], edits: Iterable[Edit], now: datetime) -> list[Document]:
    """The documents as they would be once the edits are done at ``now``, in path order."""
    after = {document.path: document for document in documents}
    for edit in edits:
        if edit.content is None:
            after.pop(edit.path, None)
            continue
        new = Document(edit.path, edit.content, edit.tier or "intermediate", now, now)
        known = after.get(edit.path, new)
        if known.content != edit.content:
            said_at = known.written_at if same_but_for_marks(known.content, edit.content) else now
            known = msgspec.structs.replace(known, content=edit.content, written_at=said_at, lesson_id=edit.lesson_id)
        elif edit.lesson_id is not None:
            known = msgspec.structs.replace(known, lesson_id=edit.lesson_id)
        if edit.tier is not None and edit.tier != known.tier:
            known = msgspec.structs.replace(known, tier=edit.tier, tier_since=now)
        after[edit.path] = known
    return [after[path] for path in sorted(after)]


def join_edits(first: Sequence[Edit], then: Sequence[Edit]) -> tuple[Edit, ...]:
    """One edit a path, in path order: what comes of ``then``, planned after ``first``, for both reasons."""
    joined = {edit.path: edit for edit in first}
    for edit in then:
        earlier = joined.get(edit.path)
        joined[edit.path] = edit if earlier is None else _join(earlier, edit)
    return tuple(joined[path] for path in sorted(joined))


def _join(earlier: Edit, edit: Edit) -> Edit:
    reason, tier = f"{earlier.reason}; {edit.reason}", edit.tier or earlier.tier
    lesson_id = edit.lesson_id or (earlier.lesson_id if earlier.content == edit.content else None)
    return Edit(edit.path, edit.content, reason, earlier.expected_content_sha256, tier, lesson_id=lesson_id)
