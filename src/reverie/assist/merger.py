"""Memories of agents on one subject, merged by a model where nothing is lost."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set

import msgspec

from reverie.assist.assistant import merge_memories
from reverie.assist.question import AssistantPolicy
from reverie.language_model import LanguageModel
from reverie.memory.change import Change
from reverie.memory.conflicts import without_marks
from reverie.memory.duplicates import compatible_titles, near_duplicates
from reverie.memory.memory import Edit
from reverie.memory.path import QUARANTINE
from reverie.memory.screening import screen
from reverie.memory.subject import merge_key, subject_of
from reverie.memory.tiers import Document

_ONE_SUBJECT = 0.3
"""Overlap of three-word sequences (Jaccard) from which texts are about one subject; the same numbers, names and
negations are needed besides."""
_MOST_GROUPS = 5
_MOST_MEMBERS = 4


class Merged(msgspec.Struct, frozen=True):
    """Memories, the oldest first, and one text that says what all of them say."""

    paths: tuple[str, ...]
    contents: tuple[str, ...]
    text: str


def mergeable_groups(documents: Sequence[Document], near_duplicate: float) -> list[list[Document]]:
    """Groups of free text on one subject, each the oldest first; the largest overlap first, at most five groups.

    Lessons, quarantined, suspicious and contradicted texts are left alone, and so are pairs so alike
    (``near_duplicate``, 0 to 1) that upkeep merges them anyway.
    """
    group_of: dict[str, list[Document]] = {}
    groups: list[list[Document]] = []
    for pair in _pairs(documents, near_duplicate):
        group = next((group_of[each.path] for each in pair if each.path in group_of), None)
        if group is None:
            group = []
            groups.append(group)
        for each in pair:
            if each.path not in group_of and len(group) < _MOST_MEMBERS:
                group_of[each.path] = group
                group.append(each)
    return [sorted(group, key=lambda each: (each.written_at, each.path)) for group in groups[:_MOST_GROUPS]]


def _pairs(documents: Sequence[Document], near_duplicate: float) -> list[tuple[Document, Document]]:
    """Pairs of one tier and subject that overlap, the largest overlap first."""
    alike: dict[tuple[object, ...], dict[str, Document]] = defaultdict(dict)
    for document in documents:
        key = merge_key(subject_of(document.path, document.content))
        if key is not None and _is_plain(document):
            alike[document.tier, *key][document.path] = document
    found = [
        (-overlap, first, second)
        for group in alike.values()
        for first, second, overlap in near_duplicates({p: d.content for p, d in group.items()}, _ONE_SUBJECT)
        if overlap < near_duplicate and compatible_titles(group[first].content, group[second].content)
    ]
    known = {document.path: document for document in documents}
    return [(known[first], known[second]) for _, first, second in sorted(found)]


def _is_plain(document: Document) -> bool:
    if document.is_lesson or document.path.startswith(QUARANTINE):
        return False
    return without_marks(document.content) == document.content and screen(document.content, document.path) is None


async def merge_groups(
    model: LanguageModel, groups: Sequence[Sequence[Document]], policy: AssistantPolicy
) -> tuple[tuple[Merged, ...], tuple[str, ...]]:
    """What could be merged, and notes on what stays side by side."""
    merged, notes = [], []
    for group in groups:
        paths, contents = tuple(each.path for each in group), tuple(each.content for each in group)
        merger = await merge_memories(model, contents, policy)
        if merger.text is None:
            notes.append(f"{', '.join(paths)}: {merger.reason}")
        elif screen(merger.text) is not None:
            notes.append(f"{', '.join(paths)}: not merged: the model's text is no memory but an order, or junk")
        else:
            merged.append(Merged(paths, contents, merger.text))
    return tuple(merged), tuple(notes)


def merging_edits(
    merged: Sequence[Merged], contents: Mapping[str, str], touched: Set[str], room: int
) -> tuple[tuple[Edit, ...], tuple[Change, ...]]:
    """The edits that put each merged text at its newest path and drop the others.

    Left out: groups of which a document has changed since (``contents`` are the present ones) or is changed otherwise
    (``touched``), and those that would drop more than the ``room`` that the gate against loss leaves.
    """
    edits: list[Edit] = []
    changes: list[Change] = []
    for group in merged:
        same = all(contents.get(path) == text for path, text in zip(group.paths, group.contents, strict=True))
        *older, newest = group.paths
        if not same or not touched.isdisjoint(group.paths) or len(older) > room:
            continue
        room -= len(older)
        took = Edit(
            newest,
            group.text,
            f"took in {', '.join(older)}, worded by a model: numbers, names and quotations are all kept",
        )
        gone = [Edit(path, None, f"merged into {newest}, worded by a model") for path in older]
        edits += [took, *gone]
        changes += [Change("merge", edit.path, edit.reason) for edit in (took, *gone)]
    return tuple(edits), tuple(changes)
