"""Who asks for lessons, and which lessons are for them: whatever is known of the asker must not speak against it."""

import re

import msgspec

from reverie.digests.behaviour_name import BehaviourName, Situation, read_label
from reverie.digests.tool_name import words_of
from reverie.lessons.lesson import Scope

_WITH_ACTION = frozenset({"call", "repeat", "retry"})
_RUNS_COMMANDS = frozenset(
    {"bash", "shell", "terminal", "command", "commands", "exec", "execute", "run", "python", "code"}
)
_WORD = re.compile(r"[^\W_]+")


class Asker(msgspec.Struct, frozen=True):
    """An agent at a task, as far as it is known."""

    agent: str | None = None
    tools: tuple[str, ...] | None = None
    """Names of the tools that it has; None where they are not known."""
    task_family: str | None = None
    """The kind of task, as sessions have it in their metadata ``task_category``."""


ANYONE = Asker()
"""An asker of whom nothing is known."""


def is_for(scope: Scope, behaviour: str, asker: Asker, question: str) -> bool:
    """Whether a lesson with this scope, on a behaviour with this label, is for the asker.

    Where the family of the task is not known, a lesson on one family is for questions that name it. A tool that the
    asker lacks speaks against a lesson, unless another tool could run it as a command.
    """
    return (
        (scope.agent is None or asker.agent is None or scope.agent == asker.agent)
        and (scope.task_family is None or _is_of_family(scope.task_family, asker.task_family, question))
        and can_follow(behaviour, asker.tools)
    )


def can_follow(behaviour: str, tools: tuple[str, ...] | None) -> bool:
    """Whether a lesson on this behaviour can be followed with these tools; None where they are not known."""
    return tools is None or _runs_commands(tools) or _tools(behaviour) <= set(tools)


def _is_of_family(family: str, known: str | None, question: str) -> bool:
    if known is not None:
        return family == known
    named = set(_WORD.findall(family.lower()))
    return bool(named) and named <= set(_WORD.findall(question.lower()))


def _runs_commands(tools: tuple[str, ...]) -> bool:
    return any(not words_of(tool).isdisjoint(_RUNS_COMMANDS) for tool in tools)


def _tools(behaviour: str) -> set[str]:
    """The tools that a lesson cannot be followed, or its moment not met, without."""
    situation, name = read_label(behaviour)
    return {tool for tool in (*_of_situation(situation), *_of_name(name)) if tool}


def _of_situation(situation: Situation) -> tuple[str, ...]:
    return (situation.source,) if situation.kind == "seen" else ()


def _of_name(name: BehaviourName) -> tuple[str, ...]:
    if name.family in _WITH_ACTION:
        return (name.subject,)
    if name.family == "then":
        return name.order
    return (name.argument.tool,) if name.family in ("arg", "args") else ()
