"""The part of an agent's system prompt that the agent itself may have changed: a delimited list of adopted lessons.

    <reverie-block>
    - Look at the schema before the first query.
    </reverie-block>

Whatever stands outside of it is its owner's.
"""

import re
from collections.abc import Sequence

import msgspec

from reverie.errors import InputError

MOST_CHARACTERS = 2_000
_MARK = "reverie-block"
_OPEN, _CLOSE = f"<{_MARK}>\n", f"\n</{_MARK}>"
_IN_MARK = re.compile(re.escape(_MARK), re.IGNORECASE)
_BLOCK = re.compile(rf"(?:\A|(?P<gap>\n\n)){re.escape(_OPEN)}(?P<lines>.*?){re.escape(_CLOSE)}", re.DOTALL)
_BULLET = "- "


class SystemPrompt(msgspec.Struct, frozen=True):
    """A system prompt taken apart."""

    before: str
    lines: tuple[str, ...]
    """Of the block, with their bullets; empty where there is no block."""
    after: str = ""

    @property
    def outside(self) -> tuple[str, str]:
        """What the block stands between."""
        return self.before, self.after

    @property
    def characters(self) -> int:
        """Length of what stands in the block."""
        return len("\n".join(self.lines))


def take_apart(system: str | None) -> SystemPrompt:
    """The block and what stands around it.

    Raises:
        InputError: there is more than one block, or one that does not begin and end as a block does.
    """
    text = system or ""
    found = _BLOCK.search(text)
    if found is None:
        before, lines, after = text, (), ""
    else:
        before, lines, after = text[: found.start()], tuple(found["lines"].split("\n")), text[found.end() :]
    if any(_IN_MARK.search(part) for part in (before, *lines, after)):
        raise InputError(f"system: it may hold one <{_MARK}> at most, on lines of its own after an empty line")
    return SystemPrompt(before, lines, after)


def put_together(parts: SystemPrompt) -> str | None:
    """The system prompt; without lines there is no block in it, and None is no prompt."""
    if not parts.lines:
        return parts.before + parts.after or None
    lines, gap = "\n".join(parts.lines), "\n\n" if parts.before else ""
    return f"{parts.before}{gap}{_OPEN}{lines}{_CLOSE}{parts.after}"


def with_advice(system: str | None, advice: Sequence[str], most: int = MOST_CHARACTERS) -> str | None:
    """The system prompt with a block of as many pieces of advice as fit, in their order, instead of its own.

    Raises:
        InputError: its block is broken.
    """
    parts = take_apart(system)
    lines: list[str] = []
    left = most
    for text in advice:
        line = advice_line(text)
        if line not in lines and len(line) + 1 <= left + (not lines):
            left -= len(line) + bool(lines)
            lines.append(line)
    return put_together(msgspec.structs.replace(parts, lines=tuple(lines)))


def has_block(system: str | None) -> bool:
    """Whether there is a block in a system prompt."""
    return _BLOCK.search(system or "") is not None


def without_advice(system: str | None, hidden: Sequence[str]) -> str | None:
    """The system prompt with some advice taken out of its block; all else of it stays as it is."""
    found, lines = _BLOCK.search(system or ""), {advice_line(text) for text in hidden}
    if system is None or found is None or lines.isdisjoint(found["lines"].split("\n")):
        return system
    kept = tuple(line for line in found["lines"].split("\n") if line not in lines)
    return put_together(SystemPrompt(system[: found.start()], kept, system[found.end() :]))


def advice_line(advice: str) -> str:
    """Advice as it stands in a block: on one line, unable to end the block."""
    return f"{_BULLET}{_IN_MARK.sub('reverie block', ' '.join(advice.split()).rstrip('.'))}."
