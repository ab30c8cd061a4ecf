"""The prompt that asks for better prose."""

from collections.abc import Sequence

from reverie.prompts.data import DATA_RULE, mark_data
from reverie.prompts.prompt import Prompt

NAME = "reword_advice"
VERSION = 1

_SYSTEM = f"""\
You edit advice to software agents so that it reads well.

{DATA_RULE}"""

_TASK = """\
Rewrite each piece of advice below as one sentence that is easy to read and act on. Say exactly the same: the \
same condition, the same action, the same order of things. Keep every number, every name between backticks and \
every quotation as it is, keep what is negated negated, and add nothing. Reply with each piece's `number` and \
the sentence as its `text`."""


def rewording_prompt(pieces: Sequence[str]) -> Prompt:
    """The prompt for these pieces, numbered from 1."""
    numbered = [f"Advice {number}:\n{mark_data(piece)}" for number, piece in enumerate(pieces, start=1)]
    return Prompt(NAME, VERSION, _SYSTEM, "\n\n".join([_TASK, *numbered]))
