"""The prompt that asks for one memory in the place of several."""

from collections.abc import Sequence

from reverie.prompts.data import DATA_RULE, mark_data
from reverie.prompts.prompt import Prompt

NAME = "merge_memories"
VERSION = 1

_SYSTEM = f"""\
You tidy the notes of software agents.

{DATA_RULE}"""

_TASK = """\
The notes below speak of the same thing, the oldest first. Write one note that says all they say, once. Keep \
every number, date, name, address, piece of code and quotation exactly as written, and every “not” and “never”. \
Where notes contradict each other, state both and which is later. Add nothing that is not in them. Reply with \
the note as `text`, without the marks."""


def merging_prompt(contents: Sequence[str]) -> Prompt:
    """The prompt for these notes, the oldest first."""
    numbered = [f"Note {number}:\n{mark_data(content)}" for number, content in enumerate(contents, start=1)]
    return Prompt(NAME, VERSION, _SYSTEM, "\n\n".join([_TASK, *numbered]))
