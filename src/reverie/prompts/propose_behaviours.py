"""The prompt that asks what better sessions do and worse ones do not."""

from collections.abc import Sequence

import msgspec

from reverie.prompts.data import DATA_RULE, mark_data
from reverie.prompts.prompt import Prompt

NAME = "propose_behaviours"
VERSION = 2

_SYSTEM = f"""\
You study recorded sessions of software agents. You look for what an agent did, in its own words or tool calls, \
that may explain why one attempt at a task went well and another one badly. Each behaviour you propose is then \
counted by a program in thousands of sessions and tested; most turn out to be chance. So propose what can be \
counted and what an agent could decide to do.

{DATA_RULE}"""

_TASK = """\
Propose at most {most} behaviours that the better sessions show and the worse ones do not, or the other way \
round. Prefer what would matter in other tasks too. Leave out what only shows that a session was hard or ended \
early, such as its length.

Each has `words`, an instruction of 3 to 10 plain words that begins with a verb (“quote the refund rule before \
refunding”), and a `predicate`, which is what is counted:

- kind `says`: the agent writes something that matches `pattern`, in a message (`by`: "agent") or in its \
reasoning (`by`: "thought").
- kind `calls`: the agent calls `tool`. With `argument` (a name), the call must give it; with `value_pattern`, \
its value must match.

Patterns are regular expressions in RE2 syntax, at most 200 characters, without look-around and back-references; \
case does not matter. Name no persons, dates, identifiers or other particulars of one task.

At most one of `before` and `after` says when; the other, or both, are null:

- `before`: an action listed below; counted is whether it was done by the time of the first such action.
- `after`: "error", "empty result" or an error class listed below; counted is whether it was done in the very \
next move after the first such result.

The words must say no more than the predicate counts."""


class PairText(msgspec.Struct, frozen=True):
    """Two attempts at like tasks, as text; the one earned more reward than the other."""

    better: str
    worse: str


class ProposeBehaviours(msgspec.Struct, frozen=True):
    """What the prompt is made from."""

    pairs: Sequence[PairText]
    actions: Sequence[str]
    """Tool actions seen in these sessions."""
    errors: Sequence[str]
    """Error classes seen in them."""
    known: Sequence[str]
    """Behaviours proposed before, in words."""
    most: int
    instructions: str | None = None
    """What whoever asked for this wants kept in mind."""


def proposing_prompt(inputs: ProposeBehaviours) -> Prompt:
    """The prompt for these inputs."""
    sections = [
        _TASK.format(most=inputs.most),
        f"Actions:\n{_listed(inputs.actions)}",
        f"Error classes:\n{_listed(inputs.errors)}",
    ]
    if inputs.instructions:
        sections.append(f"Whoever asked for this wants you to keep in mind:\n{inputs.instructions}")
    if inputs.known:
        sections.append(f"Already proposed, so not again:\n{_listed(inputs.known)}")
    for number, pair in enumerate(inputs.pairs, start=1):
        sections.append(f"Pair {number}, the better session:\n{mark_data(pair.better)}")
        sections.append(f"Pair {number}, the worse session:\n{mark_data(pair.worse)}")
    return Prompt(NAME, VERSION, _SYSTEM, "\n\n".join(sections))


def _listed(names: Sequence[str]) -> str:
    return mark_data("\n".join(names)) if names else "none"
