"""Names that others chose (tools, fields, task kinds, agents), made safe to print and short enough to read.

A tool may be named in any script, with markup, control characters or three hundred letters. Wherever a name is printed
among our words, nothing in it may end a code span, move the cursor, hide letters or turn the line around.
"""

import unicodedata

LONGEST_NAME = 60
"""Characters of a name among words, the ellipsis included."""
LONGEST_LABEL = 180
"""The same of a label, which may hold three names."""
_JOINERS = "\u200c\u200d"
"""Scripts and emoji need them; the other invisible format characters hide or turn text."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str, kept: str = "\t\n") -> str:
    """``text`` without control characters, but for those ``kept``, and without what turns or hides letters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each for each in text if each in kept or each in _JOINERS or not _is_unseen(each))


def shown_name(name: str, longest: int = LONGEST_NAME) -> str:
    """``name`` on one line, without backticks, cut in the middle where it is longer than ``longest`` characters.

    Both ends are kept: names of one family differ at their ends.
    """
    if name and len(name) <= longest and name.isascii() and name.isprintable() and "`" not in name:
        return name
    spaced = "".join(" " if each.isspace() or unicodedata.category(each) in ("Zl", "Zp") else each for each in name)
    plain = " ".join(printable(spaced, "").replace("`", "ˋ").split())
    return _cut(plain, longest) if plain else "(unnamed)"


def shown_label(label: str) -> str:
    """A label (``situation | behaviour``) as it is printed."""
    return shown_name(label, LONGEST_LABEL)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head, tail = (longest - 1) * 2 // 3, len(text) - (longest - 1 - (longest - 1) * 2 // 3)
    while head > 0 and _continues(text[head]):
        head -= 1
    while tail < len(text) and _continues(text[tail]):
        tail += 1
    return f"{text[:head].rstrip()}…{text[tail:].lstrip()}"


def _continues(character: str) -> bool:
    """Whether it belongs to the letter before it."""
    return (
        unicodedata.combining(character) != 0
        or character in _JOINERS
        or unicodedata.category(character) in ("Mn", "Me")
    )


def numbered(number: int, noun: str, plural: str | None = None) -> str:
    """``3 sessions``, ``1 session``, ``0 sessions``; ``plural`` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
