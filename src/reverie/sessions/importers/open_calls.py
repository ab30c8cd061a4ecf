"""The calls made so far, to find the one that a tool result answers; many logs leave out the ids, or repeat them."""


class OpenCalls:
    """Calls by position, those that wait for a result, and those that have had one."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        """Call id → the latest call of that id."""
        self._waiting: dict[int, tuple[str, str]] = {}
        """Position → name and id."""

    def opened(self, position: int, name: str, call_id: str) -> None:
        """A call of tool ``name`` was made."""
        self._waiting[position] = (name, call_id)
        if call_id:
            self._latest[call_id] = position

    def answered(self, call_id: str, name: str) -> tuple[int | None, bool]:
        """The call that a result with this id and tool name answers, and whether it had been answered before.

        Of the waiting calls: that of the id (of several, that of the name, else the oldest); else, for an id that
        was never called, the oldest of the name; for a result without a name, the oldest where either has no id.
        """
        same_id = [p for p, (_, given) in self._waiting.items() if call_id and given == call_id]
        found = next((p for p in same_id if self._waiting[p][0] == name), same_id[0] if same_id else None)
        if found is None and call_id in self._latest:
            return self._latest[call_id], True
        if found is None:
            found = next((p for p, call in self._waiting.items() if _fits(call, call_id, name)), None)
        if found is not None:
            del self._waiting[found]
        return found, False


def _fits(call: tuple[str, str], call_id: str, name: str) -> bool:
    return call[0] == name if name else not (call_id and call[1])
