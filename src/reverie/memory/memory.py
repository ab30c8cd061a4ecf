"""A memory: one document at a path; its immutable versions; the store's revisions."""

from datetime import datetime
from typing import Literal

import msgspec

Operation = Literal["created", "modified", "deleted"]
RevisionKind = Literal["dream", "write", "import", "rollback"]
Tier = Literal["short", "intermediate", "long"]


class MemoryStore(msgspec.Struct, frozen=True):
    """A named collection of memories."""

    id: str
    name: str
    description: str
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    revision: int = 0
    """Number of the store's latest revision; 0 is the empty store."""
    memory_count: int = 0
    """How many memories it holds."""


class Memory(msgspec.Struct, frozen=True):
    """One document at a path, as it stands."""

    id: str
    memory_store_id: str
    path: str
    content: str | None
    """None where only a listing was asked for."""
    content_sha256: str
    content_size_bytes: int
    memory_version_id: str
    created_at: datetime
    updated_at: datetime
    """When the content or the path last changed; a change of tier alone leaves it."""
    tier: Tier = "intermediate"


class Directory(msgspec.Struct, frozen=True):
    """Stands in a listing for the memories beneath a path."""

    path: str
    """With a slash at its end."""


class MemoryVersion(msgspec.Struct, frozen=True):
    """An immutable snapshot of a memory, one per real change."""

    id: str
    memory_store_id: str
    memory_id: str
    operation: Operation
    path: str | None
    content: str | None
    content_sha256: str | None
    content_size_bytes: int | None
    created_by: dict[str, str] | None
    """The wire API's actor union, such as ``{"type": "session_actor", "session_id": …}``."""
    created_at: datetime
    revision: int
    """The store revision this change belongs to."""
    reason: str
    redacted_at: datetime | None = None
    redacted_by: dict[str, str] | None = None
    tier: Tier = "intermediate"
    lesson_id: str | None = None
    """The lesson that a dream wrote it as; None for everybody else's text."""


class Revision(msgspec.Struct, frozen=True):
    """One change of a store: a snapshot that can be listed, compared and gone back to."""

    memory_store_id: str
    number: int
    act: RevisionKind
    actor: str
    """Who did it: ``user``, or the id of a dream, of a session or of an API key."""
    reason: str
    source_session_ids: tuple[str, ...]
    created_at: datetime
    created: int
    modified: int
    deleted: int


class Edit(msgspec.Struct, frozen=True):
    """A wished change: the document at ``path`` shall have ``content`` (None: shall be gone), and why."""

    path: str
    content: str | None
    reason: str
    expected_content_sha256: str | None = None
    """When given, the edit applies only while the present content has this hash."""
    tier: Tier | None = None
    """None keeps the present tier; a new memory is then intermediate."""
    renamed_from: str | None = None
    """The path of the memory that shall move to ``path``, keeping its id; None where it stays or is new."""
    lesson_id: str | None = None
    """The lesson that the content is the document of, said by the dream that wrote it; by nobody else."""
    only_new: bool = False
    """Whether to refuse rather than change a memory that is at ``path`` already."""

    @property
    def source(self) -> str | None:
        """The path of the memory that it is about; None where it makes a new one."""
        return None if self.only_new else self.renamed_from or self.path
