"""The record of how sessions ended, and of those that say nothing of their own."""

import msgspec

_ENDED = {
    "answered": "{} ended with an answer",
    "gave_up": "{} were given up or handed over",
    "ran_out": "{} used up their turns or tokens",
    "stopped": "{} were stopped by the user",
    "cut_off": "{} were cut off by the machinery",
    "unknown": "{} break off and do not say why",
}


class LeftOut(msgspec.Struct, frozen=True):
    """How the sessions of a dream ended, and which of those with a score were not counted."""

    endings: dict[str, int] = {}
    """Sessions by cause of end (``answered``, ``gave_up``, ``ran_out``, ``stopped``, ``cut_off``, ``unknown``), scored
    or not; what merely broke off counts as cut off where it is taken for that."""
    cut_off: int = 0
    """Scored sessions left out because the machinery cut them off, and that is all their score says."""
    cut_off_in_part: int = 0
    """Scored sessions cut off that were left out only of comparisons of what they never came to."""
    copies: int = 0
    """Scored sessions left out because they are copies of one that counts."""
    copy_groups: tuple[tuple[str, ...], ...] = ()
    """Ids of sessions that are copies of each other, the one that counts first; at most twenty groups."""

    def sentences(self) -> tuple[str, ...]:
        """All of it in words; nothing where every session ended with an answer and counted."""
        said = []
        if self.endings.keys() - {"answered"}:
            ends = [text.format(f"{self.endings[cause]:,}") for cause, text in _ENDED.items() if cause in self.endings]
            said.append(f"How sessions ended: {', '.join(ends)}.")
        if self.cut_off:
            said.append(
                f"{self.cut_off:,} sessions are left out: they were cut off, and that is all their outcome says."
            )
        if self.cut_off_in_part:
            said.append(
                f"{self.cut_off_in_part:,} sessions that were cut off are not compared on what they never came to."
            )
        if self.copies:
            example = f" (such as {', '.join(self.copy_groups[0][:3])})" if self.copy_groups else ""
            said.append(f"{self.copies:,} sessions are copies of others and are counted once{example}.")
        return tuple(said)
