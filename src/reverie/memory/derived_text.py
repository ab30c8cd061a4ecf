"""Lines of documents that came from elsewhere: which they are, and a document without them."""

from collections.abc import Collection

from reverie.whole_ids import names_any

TELLING_CHARACTERS = 12
"""A line at least this long is known again in other documents; shorter ones are in many for no reason."""
_INDENT = "    "


def lines_of(text: str) -> list[str]:
    """The lines of a text that say something, without the space around them, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def telling_lines(lines: Collection[str]) -> list[str]:
    """Those that are long enough to be known again anywhere: no headings, and no rules or empty tables."""
    return [
        line
        for line in lines
        if len(line) >= TELLING_CHARACTERS and not line.startswith("#") and any(each.isalnum() for each in line)
    ]


def without_lines(text: str, gone: Collection[str], cited: Collection[str], longer: Collection[str] = ()) -> str:
    """The text without the lines that are ``gone`` or hold one, and without those that name what is ``cited``.

    What is indented below a line that is cut goes with it: it is what the line introduces. Blank lines stay, but for
    those within what is cut and those that would be two in a row by it. Empty where only headings are left.

    Args:
        longer: ids of others that hold one of ``cited``; see :func:`~reverie.whole_ids.names_any`.
    """
    kept = kept_lines(text, gone, cited, longer)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in kept):
        return ""
    return "\n".join(kept).strip("\n") + "\n"


def kept_lines(text: str, gone: Collection[str], cited: Collection[str], longer: Collection[str] = ()) -> list[str]:
    """The lines of a text that :func:`without_lines` keeps; all of them where nothing is cut."""
    whole, parts = set(gone), telling_lines(gone)
    kept: list[str] = []
    blank: list[str] = []
    cutting = False
    for line in text.splitlines():
        told = line.strip()
        if cutting and not told:
            blank.append(line)
            continue
        if cutting and line.startswith(_INDENT):
            blank.clear()
            continue
        was, cutting = cutting, told in whole or any(part in told for part in parts) or names_any(told, cited, longer)
        if cutting:
            continue
        if was and kept and kept[-1].strip():
            kept += blank[:1]
        blank.clear()
        kept.append(line)
    return kept
