"""Seals: what each one says, the chained root that follows from it, and what verification may find.

A seal covers rows of one table. Its leaves are, for each row in order, the row's number (8 bytes, big-endian) and the
SHA-256 of the row's canonical text (32 bytes). Its root is SHA-256 of the previous seal's root (32 bytes; zeros before
the first), the header (see :attr:`Seal.header`) and the leaves.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

FIRST_ROOT = "00" * 32
"""What stands before the first seal."""
_NUMBER_BYTES = 8
_HASH_BYTES = 32
LEAF_BYTES = _NUMBER_BYTES + _HASH_BYTES

FindingKind = Literal["edited", "deleted", "inserted", "seal", "missing_seal", "seal_file", "signature", "erasure"]
"""``edited``, ``deleted``, ``inserted``: a row; ``seal``: a seal's own content or its place in the chain;
``missing_seal``: a gap in the chain, or seals that are in the outside file alone; ``seal_file``: the outside file says
something else; ``signature``: it is missing or wrong; ``erasure``: rows are said to be erased, and no act fits."""


class Seal(msgspec.Struct, frozen=True):
    """What a seal says of the rows of one table."""

    number: int
    workspace_id: str
    table: str
    first: int
    """Number of the first row."""
    last: int
    count: int
    made_at: datetime
    key_id: str | None
    """Of the Ed25519 key that signed it: the first 16 hexadecimal digits of the SHA-256 of its 32 public bytes."""
    root: str
    """In hexadecimal, as is the signature."""
    signature: str | None
    """Ed25519, of the root's 32 bytes."""

    @property
    def header(self) -> bytes:
        """All that the seal says, as compact JSON in this order of fields; the root and its signature are left out."""
        fields = msgspec.structs.asdict(self)
        said = {name: value for name, value in fields.items() if name not in ("root", "signature")}
        return msgspec.json.encode(said)


def chained_root(previous: str, seal: Seal, leaves: bytes) -> str:
    """The root that follows from what a seal says, from its leaves, and from the root before it."""
    return hashlib.sha256(bytes.fromhex(previous) + seal.header + leaves).hexdigest()


def leaf(number: int, content_hash: bytes) -> bytes:
    """What stands for a row; a hash of another length, which no trigger wrote, is brought to that of one."""
    return number.to_bytes(_NUMBER_BYTES) + content_hash.ljust(_HASH_BYTES, b"\0")[:_HASH_BYTES]


def read_leaves(leaves: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and hash of each row; a rest that is no whole leaf is left out, and does not fit the root."""
    for start in range(0, len(leaves) - LEAF_BYTES + 1, LEAF_BYTES):
        number, end = start + _NUMBER_BYTES, start + LEAF_BYTES
        yield int.from_bytes(leaves[start:number]), leaves[number:end]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it was written."""

    kind: FindingKind
    text: str
    """For a person."""
    table: str | None = None
    row: int | None = None
    """The row's number in its table: ``number`` of the audit log, ``entry`` elsewhere."""
    seal: int | None = None


class Verification(msgspec.Struct, frozen=True):
    """What came of comparing a workspace's history with its seals."""

    seals: int
    rows: int
    """Rows that were read."""
    unsealed: int
    """Those of them after the last seal: each is compared with its own hash alone."""
    erased: int
    """Sealed rows whose content was lawfully erased."""
    signatures: Literal["checked", "not checked"]
    seal_file: Literal["compared", "not given"]
    found: int
    findings: tuple[Finding, ...]
    """The first thousand of what was found."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.found == 0
