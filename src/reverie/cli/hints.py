"""What to do next, for errors that come from deeper down, where nobody knows the commands."""

import re

from reverie.errors import DatabaseError, ReverieError

_HINTS = (
    (r"memory store \S+ (has|had) no memory", "`reverie memory list STORE` lists what it has"),
    (r"no memory store|no store", "`reverie memory list` lists the stores"),
    (r"no dream schedule", "`reverie dream --store STORE --schedule` makes one"),
    (r"\bno dream\b|has no result|has not been mined", "`reverie dream --store STORE` makes one"),
    (r"no lesson", "`reverie memory list STORE` lists the documents of lessons; their ids and paths will do"),
    (r"no trial", "`reverie trials list STORE` lists them"),
    (r"no (API )?key", "`reverie keys list` lists them"),
    (r"no workspace", "`reverie workspaces list` lists them"),
    (r"no agent", "`reverie agents list` lists them"),
    (r"no session", "`reverie export -` shows the ids of all sessions"),
    (r"no alarm|no charter", "`reverie charter` has the commands that list them"),
    (r"no answer to take back", "`reverie label` asks for one"),
)
"""What an error says → what to do, the first that fits."""
_DATABASE = "`reverie doctor` says what is wrong"


def with_next_step(error: ReverieError) -> str:
    """The error's message, with what to do next where it does not say so itself.

    A message that has a next step has it after a semicolon, a colon or in backticks.
    """
    said = str(error)
    if isinstance(error, DatabaseError):
        return said if ";" in said else f"{said}; {_DATABASE}"
    if ";" in said or "`" in said or ": " in said:
        return said
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, said)), None)
    return said if hint is None else f"{said}; {hint}"
