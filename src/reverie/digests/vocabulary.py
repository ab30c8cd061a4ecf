"""The words for behaviours and situations: what kind each name is, and how to say it to a person."""

import msgspec

from reverie.digests.behaviour_name import BehaviourName, Situation
from reverie.digests.digest import BehaviourKind
from reverie.digests.moments import UNNAMED
from reverie.display_name import shown_name


class Phrase(msgspec.Struct, frozen=True):
    """A behaviour in words."""

    action: str
    """In the imperative, without a full stop: ``ask a clarifying question before the first `refund` call``."""
    condition: str | None
    """Reads on after "when …"; None when it may happen at any time, or when ``action`` says it."""


class _Term(msgspec.Struct, frozen=True):
    kind: BehaviourKind
    action: str
    """``{}`` stands for what follows the name's first colon."""


_TERMS = {
    "call": _Term("choice", "{}"),
    "then": _Term("sequence", "{}"),
    "repeat": _Term("marker", "repeat an earlier {} unchanged"),
    "retry": _Term("marker", "try the {} again with changed input right after it failed"),
    "change": _Term("choice", "{}"),
    "args": _Term("manner", "{}"),
    "arg": _Term("manner", "{}"),
    "use": _Term("choice", "{}"),
    "say": _Term("manner", "{}"),
    "model": _Term("manner", "{}"),
    "error": _Term("marker", "run into the error “{}”"),
    "hand-off": _Term("choice", "hand over to {}"),
    "brief": _Term("choice", "{}"),
    "repeats another thread": _Term(
        "choice", "have two agents make the same {} instead of passing on what it returned"
    ),
    "verified before report": _Term("choice", "check the outcome after the last change and before you report"),
    "reports evidence": _Term("choice", "cite in the report what your tools returned (a path, a number, their words)"),
    "asked back": _Term("choice", "ask back before doing anything"),
    "ask": _Term("choice", "ask a clarifying question"),
    "confirm": _Term("choice", "ask for confirmation"),
    "answer": _Term("choice", "write a message that asks nothing"),
    "apology": _Term("manner", "apologise"),
    "refusal": _Term("manner", "say that it cannot be done"),
    "fallback": _Term("manner", "say that it cannot, may not or does not know, or repeat an earlier message"),
    "escalation": _Term("choice", "refer the case to a person"),
    "inspects the schema": _Term("choice", "inspect the schema"),
    "reads memory": _Term("choice", "look into memory"),
    "think": _Term("manner", "think in writing"),
    "plan": _Term("manner", "write a plan before calling any tool"),
    "fenced code": _Term("manner", "wrap code in Markdown fences"),
    "empty result": _Term("marker", "get an empty result"),
    "long reply": _Term("manner", "make the first message long (over 600 characters)"),
    "short reply": _Term("manner", "keep the first message short (under 120 characters)"),
    "same call again": _Term("choice", "make the same call again unchanged"),
    "same tool, changed input": _Term("choice", "use the same tool or command again with changed input"),
    "other tool": _Term("choice", "turn to another tool or command"),
}
_UNLIKE_COMMANDS = {
    "sql:information_schema": ("query `information_schema`", "`information_schema` query"),
    "sql:unparsed": ("send text that is not valid SQL", "invalid SQL"),
    "bash:unparsed": ("send text that is not a valid shell command", "invalid shell command"),
    "python:unparsed": ("run Python that does not parse", "invalid Python"),
    "python:statement": ("run Python statements that call nothing", "plain Python"),
}
"""Actions that are not one command: how to ask for them, and how to refer to them."""
_SPEECH = {
    "empathy": "show understanding for the user's trouble",
    "thanks": "thank the user",
    "summary": "sum up",
    "next steps": "say what will happen next",
    "promise": "announce what it will do",
    "hedging": "hedge (“I think”, “perhaps”, “it seems”)",
    "certainty": "stress certainty (“definitely”, “rest assured”)",
}
_PROSE = frozenset({
    "subquery", "set operation", "pipe", "redirect", "command substitution", "process substitution", "loop",
})  # fmt: skip
"""Constructs that are not keywords."""
_EVENTS = {
    "error": "the last tool call failed",
    "empty result": "the last tool call returned nothing",
    "user sours": "the user sounds upset",
}
_LANGUAGES = {"sql": "SQL", "bash": "the shell", "python": "Python"}
_BRIEFS = {
    "goal": "say what is wanted and what for",
    "constraints": "say which rules to keep and what to avoid",
    "inputs": "name exactly what to work on (paths, ids, quoted words)",
    "done": "say when it is done and how it will be checked",
    "format": "say in which form to answer",
    "limits": "say how much it may take at most",
}
"""The parts of a brief, as whoever writes one is told of them."""
_RECEIVER = frozenset({"verified before report", "reports evidence", "asked back"})
"""Families of what an agent did with a task that it was given."""
_UNITS = {"sql": "statement", "bash": "command"}


def kind_of(name: BehaviourName) -> BehaviourKind:
    """The kind of a behaviour, by its family.

    Raises:
        KeyError: no such behaviour in this version of the digest.
    """
    return _TERMS[name.family].kind


def describe(situation: Situation, name: BehaviourName) -> Phrase:
    """A behaviour and the situation it was shown in, in words.

    Raises:
        KeyError: no such behaviour or situation in this version of the digest.
    """
    action = _action(name)
    if situation.kind not in ("delegating", "reporting"):
        action += _of_whom(name)
    match situation.kind:
        case "session" | "given":
            return Phrase(action, None)
        case "start":
            return Phrase(f"first {action}", None)
        case "before":
            return Phrase(f"{action} before the first {_noun(situation.subject)}", None)
        case "delegating":
            return Phrase(action, f"you call in {_agent(situation.subject)}")
        case "reporting":
            return Phrase(action, f"you are given a task as {_agent(situation.subject)}")
        case "seen":
            return Phrase(action, f"`{shown_name(situation.source)}` has returned `{shown_name(situation.fact)}`")
    if situation.error is not None:
        return Phrase(action, f"the last tool call failed with “{shown_name(situation.error)}”")
    return Phrase(action, _EVENTS[situation.subject])


def _action(name: BehaviourName) -> str:
    family, rest = name.family, name.subject
    match family:
        case "call":
            return _calling(rest)
        case "then":
            first, second = name.order
            return f"{_calling(second)} as the next tool after {_quoted(first)}"
        case "change":
            changed = name.argument
            new = f"`{changed.field}` set to `{changed.value}`" if changed.value else f"another `{changed.field}`"
            return f"call `{changed.tool}` again with {new}"
        case "args":
            return f"give `{shown_name(name.argument.field)}` when calling `{shown_name(name.argument.tool)}`"
        case "arg":
            given = name.argument
            field, value, tool = (shown_name(part) for part in (given.field, given.value, given.tool))
            return f"set `{field}` to `{value}` when calling `{tool}`"
        case "say":
            return _SPEECH[rest]
        case "use":
            language, construct = name.construct
            named = f"a {construct}" if construct in _PROSE else f"`{_spelt(language, construct)}`"
            return f"use {named} in {_LANGUAGES[language]}"
        case "hand-off":
            return f"hand over to {_agent(rest)}"
        case "brief":
            return _BRIEFS[name.brief[1]]
        case "repeat" | "retry" | "repeats another thread":
            return _TERMS[family].action.format(_noun(rest))
    return _TERMS[family].action.format(shown_name(rest))


def _of_whom(name: BehaviourName) -> str:
    """Which agent a behaviour speaks of, where no moment says it."""
    if name.family == "brief":
        return f" when you call in {_agent(name.brief[0])}"
    return f" as {_agent(name.subject)}" if name.family in _RECEIVER else ""


def _agent(name: str) -> str:
    return name if name == UNNAMED else f"`{shown_name(name)}`"


def _calling(action: str) -> str:
    if action in _UNLIKE_COMMANDS:
        return _UNLIKE_COMMANDS[action][0]
    language, command = _split(action)
    if language == "python":
        return f"run Python that calls `{shown_name(command)}`"
    return f"run {_quoted(action)}" if language else f"call `{shown_name(action)}`"


def _noun(action: str) -> str:
    language, _ = _split(action)
    return _quoted(action) if action in _UNLIKE_COMMANDS else f"{_quoted(action)} {_UNITS.get(language, 'call')}"


def _quoted(action: str) -> str:
    return _UNLIKE_COMMANDS[action][1] if action in _UNLIKE_COMMANDS else f"`{shown_name(_spelt(*_split(action)))}`"


def _split(action: str) -> tuple[str, str]:
    """The language and the command; a plain tool has no language."""
    language, _, command = action.partition(":")
    return (language, command) if language in _LANGUAGES and command else ("", action)


def _spelt(language: str, command: str) -> str:
    return command.upper() if language == "sql" else command
