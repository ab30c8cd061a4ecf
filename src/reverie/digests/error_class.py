"""Error messages, reduced to the few words that are the same every time."""

import re
from functools import lru_cache

_LONGEST = 2_000
_PATTERNS: dict[str, tuple[str, ...]] = {
    "no code found": (r"\bno (?:\w+ )?code was found", r"did not contain \w* ?code", r"format your \w+ command as"),
    "unknown column": (r"unknown column", r"no such column", r"column \S+ does not exist", r"invalid column name"),
    "ambiguous column": (r"column \S+ .{0,20}is ambiguous", r"ambiguous column"),
    "not in group by": (r"not in group by", r"must appear in the group by", r"contains nonaggregated column"),
    "aggregates without group by": (r"without group by", r"invalid use of group function"),
    "table doesn't exist": (
        r"table \S+ doesn'?t exist",
        r"no such table",
        r"unknown table",
        r"relation \S+ does not exist",
    ),
    "unknown database": (r"unknown database", r"database \S+ does not exist", r"no database selected"),
    "duplicate name": (r"duplicate column", r"not unique table/alias"),
    "syntax error": (
        *(r"syntax error", r"error in your sql syntax", r"unexpected (?:token|eof|end of)"),
        *(r"invalid syntax", r"parse error"),
    ),
    "command not found": (r"command not found", r"not recognized as an internal"),
    "no such file": (r"no such file", r"file (?:does not|doesn't) exist", r"cannot find the (?:path|file)"),
    "not supported": (r"doesn't yet support", r"not supported", r"not implemented"),
    "is a directory": (r"is a directory",),
    "not a directory": (r"not a directory",),
    "permission denied": (
        r"permission denied",
        r"access denied",
        r"forbidden",
        r"not permitted",
        r"(?:un|not )authori[sz]ed",
    ),
    "rate limit": (r"rate.?limit", r"too many requests"),
    "timeout": (r"\btime[ds]?[ -]?out\b", r"deadline exceeded"),
    "connection failed": (r"connection (?:refused|reset|error|closed|aborted)", r"could not connect", r"unreachable"),
    "http 4xx": (r"\b(?:http|status|code)\D{0,12}4\d\d\b",),
    "http 5xx": (
        *(r"\b(?:http|status|code)\D{0,12}5\d\d\b", r"internal server error"),
        *(r"service unavailable", r"bad gateway"),
    ),
    "missing argument": (
        *(r"missing (?:\w+ )*(?:argument|parameter|operand|field|property|value)", r"requires an argument"),
        *(r"field required", r"is a required property"),
    ),
    "invalid argument": (
        r"(?:invalid|unknown|unrecognized|illegal|unexpected|bad) (?:\w+ ){0,2}(?:argument|option|parameter|value)",
        r"too many arguments|unknown predicate",
        r"validation error",
    ),
    "already exists": (r"already exists", r"duplicate entry", r"file exists"),
    "no match": (r"string to replace not found", r"no match(?:es)?\b"),
    "not found": (r"not found", r"does not exist", r"doesn't exist", r"no such", r"could not find", r"unknown id"),
    "rejected by the user": (r"user (?:doesn't|does not) want", r"rejected by", r"denied by"),
}
"""Tried in this order, so that the particular comes before the general."""
_CLASSES = {name: re.compile("|".join(patterns), re.IGNORECASE) for name, patterns in _PATTERNS.items()}
_EXCEPTION = re.compile(r"\b([A-Z]\w*?)(?:Error|Exception)\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LEAD = re.compile(
    r"^(?:\W*(?:error|exception|failed|failure|fatal|warning)\b(?: executing \w+)?[\s:.!-]*)+", re.IGNORECASE
)
_VALUE = re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|`[^`'\n]*[`']|\S*[\d_/\\#@{}<>=]\S*")
_WORD = re.compile(r"[a-z][a-z'-]*|…")


def error_class(text: str) -> str:
    """The class of an error: a known one, a Python exception's name, or the message's first five words.

    Numbers, quoted parts and identifiers are masked by ``…``, so that two errors about different things share a class.
    Only the first 2,000 characters count.
    """
    return _class(text[:_LONGEST])


@lru_cache(maxsize=4096)
def _class(text: str) -> str:
    known = next((name for name, pattern in _CLASSES.items() if pattern.search(text)), None)
    if known:
        return known
    exception = _EXCEPTION.search(text)
    if exception and exception[1]:
        return f"{_CAMEL.sub(' ', exception[1]).lower()} error"
    words = _WORD.findall(_VALUE.sub("…", _LEAD.sub("", text)).lower())
    return " ".join(words[:5]) or "unexplained"
