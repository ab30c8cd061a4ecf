"""Whether seals follow from each other, from their leaves, and from what is kept outside: pure, seal by seal."""

from collections.abc import Mapping, Sequence

from reverie.storage.service.seal import FIRST_ROOT, Finding, FindingKind, Seal, chained_root
from reverie.storage.service.seal_keys import PublicKeys, is_signed_by

MOST_FINDINGS = 1_000
"""That are kept; the others are counted."""


class Findings:
    """What was found, and how much of it."""

    def __init__(self) -> None:
        self.found = 0
        self.first: list[Finding] = []

    def add(
        self, kind: FindingKind, text: str, table: str | None = None, row: int | None = None, seal: int | None = None
    ) -> None:
        """Note one thing."""
        self.found += 1
        if len(self.first) < MOST_FINDINGS:
            self.first.append(Finding(kind, text, table, row, seal))


class ChainCheck:
    """Takes the seals of a workspace in the order of their numbers."""

    def __init__(
        self, workspace_id: str, keys: PublicKeys, outside: Mapping[int, Sequence[Seal]] | None, findings: Findings
    ) -> None:
        self._workspace_id = workspace_id
        self._keys = keys
        self._outside = dict(outside or {})
        self._findings = findings
        self._before: Seal | None = None
        self._roots = {FIRST_ROOT}
        """What the next seal may go back to: the root that the last one has, and the one that it should have."""
        self._unsigned: list[int] = []
        """Seals since the last one whose signature is good: their range."""
        self.taken = 0

    def take(self, seal: Seal, leaves: bytes) -> tuple[bool, bool]:
        """Whether seals before this one are missing, and whether its leaves can be relied on."""
        self.taken += 1
        missing = self._follows(seal)
        computed = {chained_root(root, seal, leaves) for root in self._roots}
        is_sound = seal.root in computed
        if not is_sound and not missing:
            self._findings.add("seal", self._broken(seal), seal.table, seal=seal.number)
        if seal.workspace_id != self._workspace_id:
            self._findings.add(
                "seal", f"seal {seal.number} is of another workspace, {seal.workspace_id}", seal=seal.number
            )
        self._check_signature(seal)
        self._compare(seal)
        self._before, self._roots = seal, {seal.root, *computed}
        return missing, is_sound

    def _follows(self, seal: Seal) -> bool:
        wanted = 1 if self._before is None else self._before.number + 1
        if seal.number == wanted:
            return False
        gone = _range(wanted, seal.number - 1)
        self._findings.add("missing_seal", f"{gone} missing in the database, before seal {seal.number}", seal=wanted)
        return True

    def _broken(self, seal: Seal) -> str:
        text = f"seal {seal.number} ({_rows(seal)}) does not follow from what it holds"
        if self._before is None:
            return f"{text}: it was changed"
        return f"{text} and from seal {self._before.number} ({_rows(self._before)}): one of the two was changed"

    def _check_signature(self, seal: Seal) -> None:
        if seal.key_id is None and seal.signature is None:
            self._unsigned.append(seal.number)
        elif seal.key_id is None or seal.signature is None:
            self._findings.add(
                "signature", f"seal {seal.number}: its signature or its key was taken away", seal=seal.number
            )
        elif not self._keys:
            return
        elif (key := self._keys.get(seal.key_id)) is None:
            text = f"seal {seal.number} is signed by the key {seal.key_id}, which was not given"
            self._findings.add("signature", text, seal=seal.number)
        elif is_signed_by(key, seal.root, seal.signature):
            self._unsigned.clear()  # Its root depends on all seals before it.
        else:
            self._findings.add("signature", f"seal {seal.number}: its signature is wrong", seal=seal.number)

    def _compare(self, seal: Seal) -> None:
        others = [other for other in self._outside.pop(seal.number, ()) if other != seal]
        if others:
            text = f"seal {seal.number} ({_rows(seal)}) is not as it was written to the outside file"
            self._findings.add("seal_file", text, seal.table, seal=seal.number)

    def end(self) -> None:
        """All seals were taken."""
        if self._keys and self._unsigned:
            text = f"{_range(self._unsigned[0], self._unsigned[-1])} not signed, and no signed seal follows"
            self._findings.add("signature", text, seal=self._unsigned[0])
        if self._outside:
            gone = sorted(self._outside)
            text = (
                f"{_range(gone[0], gone[-1])} in the outside file, and not in the database: what was sealed was cut off"
            )
            self._findings.add("missing_seal", text, seal=gone[0])


def _range(first: int, last: int) -> str:
    return f"seal {first} is" if first == last else f"seals {first} to {last} are"


def _rows(seal: Seal) -> str:
    return f"{seal.table} {seal.first} to {seal.last}"
