"""The record of how sessions ended, and of those that say nothing of their own."""

import msgspec

from reverie.display_name import numbered

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
            them = ("is", "it was", "its") if self.cut_off == 1 else ("are", "they were", "their")
            told = f"{them[0]} left out: {them[1]} cut off, and that is all {them[2]} outcome says."
            said.append(f"{numbered(self.cut_off, 'session')} {told}")
        if self.cut_off_in_part:
            them = ("was", "is", "it") if self.cut_off_in_part == 1 else ("were", "are", "they")
            told = f"that {them[0]} cut off {them[1]} not compared on what {them[2]} never came to."
            said.append(f"{numbered(self.cut_off_in_part, 'session')} {told}")
        if self.copies:
            example = f" (such as {', '.join(self.copy_groups[0][:3])})" if self.copy_groups else ""
            what = "is a copy of another and is" if self.copies == 1 else "are copies of others and are"
            said.append(f"{numbered(self.copies, 'session')} {what} counted once{example}.")
        return tuple(said)
