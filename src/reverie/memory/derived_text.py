"""Lines of documents that came from elsewhere: which they are, and a document without them."""

from collections.abc import Collection

TELLING_CHARACTERS = 12
"""A line at least this long is known again in other documents; shorter ones are in many for no reason."""
_INDENT = "    "


def lines_of(text: str) -> list[str]:
    """The lines of a text that say something, without the space around them, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def telling_lines(lines: Collection[str]) -> list[str]:
    """Those that are long enough to be known again anywhere."""
    return [line for line in lines if len(line) >= TELLING_CHARACTERS and not line.startswith("#")]


def without_lines(text: str, gone: Collection[str], cited: Collection[str]) -> str:
    """The text without the lines that are ``gone`` or hold one, and without those that name what is ``cited``.

    What is indented below a line that is cut goes with it: it is what the line introduces. Empty where only headings
    are left.
    """
    whole, parts = set(gone), telling_lines(gone)
    kept: list[str] = []
    cutting = False
    for line in text.splitlines():
        told = line.strip()
        if cutting and (not told or line.startswith(_INDENT)):
            continue
        cutting = told in whole or any(part in told for part in parts) or any(name in told for name in cited)
        if not cutting:
            kept.append(line)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in kept):
        return ""
    return "\n".join(kept).strip("\n") + "\n"
