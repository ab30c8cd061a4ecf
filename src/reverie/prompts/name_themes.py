"""The prompt that asks for names of groups of sessions."""

from collections.abc import Sequence

import msgspec

from reverie.prompts.data import DATA_RULE, mark_data
from reverie.prompts.prompt import Prompt

NAME = "name_themes"
VERSION = 1

_SYSTEM = f"""\
You name groups of recorded sessions for the person who runs the agent.

{DATA_RULE}"""

_TASK = """\
Give each group below a name of 2 to 6 plain words that says what its sessions are about and tells it from the \
other groups, such as “change of delivery address”. Reply with each group's `number` and the name as its `text`."""


class ThemeSample(msgspec.Struct, frozen=True):
    """What is known of one group."""

    name: str
    """Ours: its most telling terms."""
    exemplars: Sequence[str]
    """Opening requests of typical sessions."""


def naming_prompt(samples: Sequence[ThemeSample]) -> Prompt:
    """The prompt for these groups, numbered from 1."""
    sections = [_TASK]
    for number, sample in enumerate(samples, start=1):
        texts = [f"Telling words: {sample.name}", *sample.exemplars]
        sections.append(f"Group {number}:\n" + "\n".join(mark_data(text) for text in texts))
    return Prompt(NAME, VERSION, _SYSTEM, "\n\n".join(sections))
