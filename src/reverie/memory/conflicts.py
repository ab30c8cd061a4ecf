"""Notes that cannot both hold: marked side by side, the later first.

Whoever deletes must be surer than whoever keeps: a later value replaces an older one only between notes that declare
one subject. Everything else that seems to disagree is marked, on words alone, and kept.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from reverie.memory.statements import Statement, identifiers_of, statements_of
from reverie.memory.subject import Subject, may_contradict, may_supersede, subject_of
from reverie.memory.tiers import Document

_MARK = "> Contradicted by "
REVIEW_MARK = "> For review: this may be an order on somebody else's word; the reason of this version says which.\n"
_LONGEST_QUOTE = 120


class Superseded(msgspec.Struct, frozen=True):
    """An older statement that a newer one, in another note that declares the same subject, gives another value."""

    path: str
    statement: Statement
    by_path: str
    subject: str
    value: str
    new_value: str


class Contradiction(msgspec.Struct, frozen=True):
    """Two statements that seem not to hold together; in one memory, where both paths are the same."""

    earlier: str
    """The path of the memory that said it first; of equals the first by path."""
    later: str
    earlier_text: str
    later_text: str
    in_order: bool
    """Whether one is known to be the later."""


class _Claim(msgspec.Struct, frozen=True):
    document: Document
    subject: Subject
    statement: Statement

    @property
    def value(self) -> object:
        return self.statement.value if self.statement.is_record else self.statement.negated


def find_conflicts(documents: Sequence[Document]) -> Iterator[Superseded | Contradiction]:
    """What cannot both hold, within a document or between two, in path order."""
    made: dict[tuple[object, ...], list[_Claim]] = defaultdict(list)
    for document in documents:
        subject = subject_of(document.path, document.content)
        if subject.dated:
            continue
        for statement in statements_of(without_marks(document.content)):
            key = (True, *statement.subject) if statement.subject is not None else (False, *statement.words)
            made[subject.about, key].append(_Claim(document, subject, statement))
    for claims in made.values():
        if len({claim.value for claim in claims}) > 1:
            yield from _within(claims)
            yield from _between(_last_of_each(claims))


def without_marks(content: str) -> str:
    """A text without the marks of earlier consolidations."""
    if _MARK not in content and REVIEW_MARK not in content:
        return content
    lines = content.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_MARK) and line != REVIEW_MARK)


def without_review_mark(content: str) -> str:
    """A text as it was before it was marked for review."""
    return "".join(line for line in content.splitlines(keepends=True) if line != REVIEW_MARK)


def with_marks(content: str, marks: Sequence[str]) -> str:
    """A text with these marks, each a line, instead of those it had."""
    bare = without_marks(content)
    if not marks:
        return bare if bare == content else f"{bare.rstrip()}\n"
    return f"{bare.rstrip()}\n\n{''.join(marks)}"


def marks_of(path: str, contradictions: Sequence[Contradiction]) -> list[str]:
    """The lines that tell a memory's reader what it contradicts, the later statement first in each."""
    return sorted({_mark(path, each) for each in contradictions if path in (each.earlier, each.later)})


def same_but_for_marks(first: str, second: str) -> bool:
    """Whether two contents differ in nothing but their marks."""
    return without_marks(first).strip() == without_marks(second).strip()


def _mark(path: str, conflict: Contradiction) -> str:
    later, earlier = _quoted(conflict.later_text), _quoted(conflict.earlier_text)
    if conflict.earlier == conflict.later:
        return f"{_MARK}itself: {later} stands after {earlier}; nothing else tells which holds.\n"
    other = conflict.later if path == conflict.earlier else conflict.earlier
    if not conflict.in_order:
        return f"{_MARK}{other}: {later} and {earlier}; nothing tells which holds.\n"
    when = "later" if path == conflict.earlier else "earlier"
    return f"{_MARK}{other}, written {when}: {later} came after {earlier}.\n"


def _quoted(text: str) -> str:
    words = " ".join(text.lstrip("-* ").split())
    return f"“{words if len(words) <= _LONGEST_QUOTE else words[:_LONGEST_QUOTE].rstrip() + '…'}”"


def _within(claims: Sequence[_Claim]) -> Iterator[Contradiction]:
    """Opposites under one heading of one document; a field given twice is a list of records."""
    first: dict[tuple[str, frozenset[str]], _Claim] = {}
    for claim in claims:
        if claim.statement.is_record and not _is_relation(claim.statement):
            continue
        path = claim.document.path
        other = first.setdefault((path, claim.statement.heading), claim)
        if other.value != claim.value:
            yield Contradiction(path, path, other.statement.text, claim.statement.text, in_order=True)


def _is_relation(statement: Statement) -> bool:
    return bool(statement.subject) and statement.subject is not None and statement.subject[0].startswith("±")


def _last_of_each(claims: Sequence[_Claim]) -> list[_Claim]:
    """The last claim of each document, without documents that give a field several values: those list records."""
    by_path: dict[str, list[_Claim]] = defaultdict(list)
    for claim in claims:
        by_path[claim.document.path].append(claim)
    return [
        own[-1]
        for own in by_path.values()
        if len(own) == 1 or not own[-1].statement.is_record or _is_relation(own[-1].statement)
    ]


def _between(claims: Sequence[_Claim]) -> Iterator[Superseded | Contradiction]:
    """Each claim against the latest that says otherwise."""
    ordered = sorted(claims, key=lambda claim: (claim.document.written_at, claim.document.path))
    for place, older in enumerate(ordered):
        newer = next((each for each in reversed(ordered[place + 1 :]) if _disagree(older, each)), None)
        if newer is None:
            continue
        in_order = newer.document.written_at > older.document.written_at
        if in_order and older.statement.is_record and may_supersede(older.subject, newer.subject):
            yield Superseded(
                older.document.path,
                older.statement,
                newer.document.path,
                " ".join(older.statement.subject or ()).lstrip("±"),
                " ".join(older.statement.value),
                " ".join(newer.statement.value),
            )
            continue
        paths = older.document.path, newer.document.path
        yield Contradiction(*paths, older.statement.text, newer.statement.text, in_order)


def _disagree(first: _Claim, second: _Claim) -> bool:
    record = first.statement.is_record and not _is_relation(first.statement)
    return (
        first.value != second.value
        and may_contradict(first.subject, second.subject, record=record)
        and _compatible(first.statement.heading, second.statement.heading)
        and _same_record(first.document, second.document)
    )


def _compatible(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether two headings can be about one thing."""
    return first <= second or second <= first


def _same_record(first: Document, second: Document) -> bool:
    identifiers = identifiers_of(without_marks(first.content)), identifiers_of(without_marks(second.content))
    return not all(identifiers) or not identifiers[0].isdisjoint(identifiers[1])
