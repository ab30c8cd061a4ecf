"""Notes that cannot both hold: the later value of a subject wins; what time cannot settle is marked on both sides."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from reverie.memory.rank import words_of
from reverie.memory.statements import Statement, identifiers_of, statements_of
from reverie.memory.tiers import Document

_MARK = "> Contradicted by "
_GENERIC_WORDS = frozenset({"md", "txt", "note", "notes", "memory", "log"})


class Superseded(msgspec.Struct, frozen=True):
    """An older statement that a newer one, elsewhere, gives another value."""

    path: str
    statement: Statement
    by_path: str
    subject: str
    value: str
    new_value: str


class Contradiction(msgspec.Struct, frozen=True):
    """Two memories that cannot both hold, and nothing tells which does."""

    paths: tuple[str, str]
    subject: str


def find_conflicts(documents: Sequence[Document]) -> Iterator[Superseded | Contradiction]:
    """Conflicts between statements of different documents, in path order."""
    made: dict[tuple[str, ...], list[tuple[Document, Statement]]] = defaultdict(list)
    said: dict[tuple[str, ...], list[tuple[Document, Statement]]] = defaultdict(list)
    for document in documents:
        for statement in statements_of(without_marks(document.content)):
            if statement.subject is not None:
                made[statement.subject].append((document, statement))
            else:
                said[statement.words].append((document, statement))
    for subject, claims in made.items():
        yield from _value_conflicts(" ".join(subject), _single(claims))
    for statements in said.values():
        yield from _negations(statements)


def without_marks(content: str) -> str:
    """A text without the marks of earlier consolidations."""
    if _MARK not in content:
        return content
    return "".join(line for line in content.splitlines(keepends=True) if not line.startswith(_MARK))


def with_marks(content: str, others: Mapping[str, str]) -> str:
    """A text with a mark for each contradiction: the other's path → what they disagree on."""
    lines = [f"{_MARK}{path} on “{subject}”; nothing tells which holds.\n" for path, subject in sorted(others.items())]
    bare = without_marks(content)
    return bare if not lines else f"{bare.rstrip()}\n\n{''.join(lines)}"


def _single(claims: Sequence[tuple[Document, Statement]]) -> list[tuple[Document, Statement]]:
    """Without documents that give the subject several values: those list records."""
    times: dict[str, int] = defaultdict(int)
    for document, _ in claims:
        times[document.path] += 1
    return [claim for claim in claims if times[claim[0].path] == 1]


def _value_conflicts(
    subject: str, claims: Sequence[tuple[Document, Statement]]
) -> Iterator[Superseded | Contradiction]:
    ordered = sorted(claims, key=lambda claim: (claim[0].written_at, claim[0].path))
    for place, (older, statement) in enumerate(ordered):
        rivals = [
            (newer, other)
            for newer, other in ordered[place + 1 :]
            if other.value != statement.value and _same_subject(older, newer)
        ]
        if not rivals:
            continue
        newer, other = rivals[-1]
        if newer.written_at == older.written_at:
            yield Contradiction((older.path, newer.path), subject)
        else:
            yield Superseded(
                older.path, statement, newer.path, subject, " ".join(statement.value), " ".join(other.value)
            )


def _negations(statements: Sequence[tuple[Document, Statement]]) -> Iterator[Contradiction]:
    affirmed = next((document for document, statement in statements if not statement.negated), None)
    denied = next((document for document, statement in statements if statement.negated), None)
    if affirmed is not None and denied is not None and affirmed.path != denied.path:
        yield Contradiction((affirmed.path, denied.path), " ".join(statements[0][1].words))


def _same_subject(first: Document, second: Document) -> bool:
    """Whether one subject's name means the same in both: their titles share a word, and no identifiers differ."""
    titles = _title(first.path), _title(second.path)
    if all(titles) and titles[0].isdisjoint(titles[1]):
        return False
    identifiers = identifiers_of(first.content), identifiers_of(second.content)
    return not all(identifiers) or not identifiers[0].isdisjoint(identifiers[1])


def _title(path: str) -> frozenset[str]:
    """The words of a file name, but for numbers, dates and endings."""
    words = frozenset(words_of(PurePosixPath(path).name))
    return frozenset(word for word in words - _GENERIC_WORDS if not any(character.isdigit() for character in word))
