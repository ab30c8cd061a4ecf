"""Whether a command prints what its page shows.

In both, a time of day, a duration and an id count as equal to any other; blanks count as one blank; ``…`` in a line
of the page stands for any text, and on a line of its own for any lines. JSON may be laid out otherwise.
"""

import json
import re
from contextlib import suppress

_VARIES = [
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?",
    r"\b\d+(?:\.\d+)? (?:s|ms)\b",
    r"\b[a-z]+_[0-9A-Za-z]{16,}\b",
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    r"(?<=:)[0-9a-f]{8}(?=\])",
]
"""Times of day, durations, ids, the digests that stand for redacted values."""
_PARTS = re.compile("|".join(f"({pattern})" for pattern in _VARIES) + "|(…)")


def stood_for(shown: str, printed: str) -> dict[str, str] | None:
    """What each shown word with a ``…`` in it stood for; None when the page shows something else than was printed."""
    wanted, given = _lines(shown), _lines(printed)
    pattern = "".join(r"(?:.*\n)*?" if line == "…" else f"{_pattern(line)}\n" for line in wanted)
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in given)) is None:
        return None
    return _words(wanted, given)


def _lines(text: str) -> list[str]:
    """Lines with single blanks; a JSON document is one line, however it is laid out."""
    with suppress(ValueError):
        text = json.dumps(json.loads(text), ensure_ascii=False)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _pattern(line: str) -> str:
    pattern, end = "", 0
    for found in _PARTS.finditer(line):
        varies = ".*?" if found[0] == "…" else _VARIES[(found.lastindex or 1) - 1]
        pattern += re.escape(line[end : found.start()]) + varies
        end = found.end()
    return pattern + re.escape(line[end:])


def _words(wanted: list[str], given: list[str]) -> dict[str, str]:
    pairs = {}
    for line in wanted:
        for word in line.split():
            if "…" in word and word != "…":
                pattern = re.compile(r"\S*".join(map(re.escape, word.split("…"))))
                matches = (pattern.search(other) for other in given)
                pairs[word] = next((found[0] for found in matches if found), word)
    return pairs
