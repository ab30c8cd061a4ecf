"""One occurrence of a signal in a session, and all of a session's."""

from typing import Literal

import msgspec

Kind = Literal[
    "tests",
    "build",
    "lint",
    "types",
    "command",
    "commit",
    "push",
    "pull request",
    "revert",
    "correction",
    "thanks",
    "satisfied close",
    "frustration",
    "interruption",
    "denial",
    "instruction",
    "escalation",
    "refusal",
    "error",
    "unanswered error",
    "ended on question",
    "ended on error",
    "ended on running tool",
    "request repeated",
]
"""``command`` is the end of any command, with its exit code; ``instruction`` says nothing of how the session went;
``request repeated`` is added to a session when its user asks the same again in a later one."""
LONGEST_QUOTE = 400
MESSAGE = "message"
"""The action of an agent that had spoken last."""


class Occurrence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened once in a session, and the event that proves it."""

    kind: Kind
    sequence: int
    """Of the proving event."""
    step: int
    """How many agent actions came before that event."""
    value: float = 1.0
    """Of a check: 1 where it passed, 0 where it failed. Of a command: its exit code. Else 1."""
    action: str = ""
    """What the agent had just done: a tool or command (``bash:pytest``), or ``message``; empty where it had done
    nothing. Of a check or a command: the one that was run."""
    target: str = ""
    """What that was done to, where it shows: ``test file``, ``documentation``, ``configuration``. Of an error, its
    class."""
    quote: str = ""
    """The words of the user, or the line of the output, that say so; at most 400 characters."""


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """All occurrences of a session in order, and whether words could be read."""

    occurrences: tuple[Occurrence, ...] = ()
    language: str = ""
    """Of what the user writes, ISO 639-1; empty where it cannot be told."""
    words_read: bool = False
    """Whether there is a lexicon for it: without one, signals that rest on the user's words are unknown."""
    turns: tuple[int, ...] = ()
    """Of each user message, how many agent actions came before it."""
    steps: int = 0
    """Agent actions in the session."""


def shortened(text: str) -> str:
    """The text in one line, cut at the longest quote, without what steers a terminal."""
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(filter(str.isprintable, line))
    return line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}…"
