"""Names of situations and behaviours as records, and the one place that writes them as text and reads the text again.

Digests, lessons and patterns are stored with the text: ``after error:timeout``, ``call:refund``, and as a label the two
together, ``after error:timeout | call:refund``. Tool names may hold anything, spaces, colons and `` | `` included.
"""

import json
from typing import Literal, cast

import msgspec

SituationKind = Literal["session", "start", "after", "before", "seen", "given", "delegating", "reporting", "other"]
"""``session``: any time; ``start``: the first action; ``after`` a condition: the move right after it was first met;
``before`` an action: by the time of the first such action; ``seen`` a fact ``T.field=value``: some time after it was
stated; ``given`` a setting ``T.field``: its first use, made by mining of the settings of a digest; ``delegating`` to an
agent: when it is first given a task; ``reporting``: when that agent answers the first task that it was given;
``other``: a text of another version, whole in ``subject``."""
_ALONE = frozenset({"session", "start"})
_WITH_SUBJECT = frozenset({"after", "before", "seen", "given", "delegating", "reporting"})
_SEPARATOR = " | "


class Situation(msgspec.Struct, frozen=True, gc=False):
    """What the agent had seen when it could have done something."""

    kind: SituationKind
    subject: str = ""
    """What the kind speaks of: a condition, an action, a fact, a setting, an agent; empty for ``session`` and
    ``start``."""

    @property
    def text(self) -> str:
        """As it is stored: ``session``, ``before refund``."""
        if self.kind in _ALONE:
            return self.kind
        return self.subject if self.kind == "other" else f"{self.kind} {self.subject}"

    def __str__(self) -> str:
        return self.text

    @property
    def error(self) -> str | None:
        """The error class that an ``after`` speaks of; None where it speaks of something else."""
        family, colon, rest = self.subject.partition(":")
        return rest if self.kind == "after" and family == "error" and colon else None

    @property
    def source(self) -> str:
        """Of a ``seen``: the action whose result stated the fact."""
        return self.subject.partition(".")[0]

    @property
    def fact(self) -> str:
        """Of a ``seen``: ``field=value``."""
        return self.subject.partition(".")[2]

    @property
    def without_value(self) -> str:
        """Of a ``seen``: the stored text without the value, the same for facts that exclude each other."""
        return self.text.rpartition("=")[0]


SESSION = Situation("session")
"""The situation every session is in: behaviours are counted anywhere in it."""
START = Situation("start")
"""The situation of the first action."""
AFTER_ERROR, AFTER_EMPTY_RESULT = Situation("after", "error"), Situation("after", "empty result")
AFTER_USER_SOURS = Situation("after", "user sours")


class Argument(msgspec.Struct, frozen=True):
    """An argument of a tool, and the value it was given where that is part of the name."""

    tool: str
    field: str
    value: str = ""

    @property
    def parameter(self) -> str:
        """``T.field``."""
        return f"{self.tool}.{self.field}"


def read_parameter(text: str) -> Argument:
    """The argument named ``T.field``: the field is what follows the last dot."""
    tool, _, field = text.rpartition(".")
    return Argument(tool, field)


FAMILIES_WITH_SUBJECT = frozenset({
    "call", "then", "repeat", "retry", "change", "args", "arg", "use", "say", "model", "error", "hand-off", "brief",
    "repeats another thread", "verified before report", "reports evidence", "asked back",
})  # fmt: skip
"""Families whose names go on after a colon: ``call:T``, ``then:T→U``, ``arg:T.field=value``, ``change:T.field`` …"""
PLAIN_FAMILIES = frozenset({
    "ask", "confirm", "answer", "apology", "refusal", "fallback", "escalation", "inspects the schema", "reads memory",
    "think", "plan", "fenced code", "empty result", "long reply", "short reply", "same call again",
    "same tool, changed input", "other tool",
})  # fmt: skip
"""Families of one behaviour each."""


class BehaviourName(msgspec.Struct, frozen=True, gc=False):
    """What was done, in a word and what it was done with."""

    family: str
    """One of those above; the whole text for a name of another version; empty where nothing was done."""
    subject: str = ""
    """The action, the order, the argument …; empty for the families that are one behaviour."""

    @property
    def text(self) -> str:
        """As it is stored: ``ask``, ``call:refund``."""
        return f"{self.family}:{self.subject}" if self.family in FAMILIES_WITH_SUBJECT else self.family

    def __str__(self) -> str:
        return self.text

    @property
    def is_known(self) -> bool:
        """Whether this version of the digest has the behaviour's family."""
        return self.family in FAMILIES_WITH_SUBJECT or self.family in PLAIN_FAMILIES

    @property
    def order(self) -> tuple[str, str]:
        """Of a ``then``: the action before and the one after it."""
        first, _, second = self.subject.partition("→")
        return first, second

    @property
    def construct(self) -> tuple[str, str]:
        """Of a ``use``: the language and the construct."""
        language, _, construct = self.subject.partition(" ")
        return language, construct

    @property
    def brief(self) -> tuple[str, str]:
        """Of a ``brief``: the agent that was given a task, and what its brief had."""
        agent, _, part = self.subject.rpartition(" ")
        return agent, part

    @property
    def argument(self) -> Argument:
        """Of an ``args``, ``arg`` or ``change``: the argument and, where there is one, its value.

        No value holds an equals sign.
        """
        if self.family == "args" or "=" not in self.subject:
            return read_parameter(self.subject)
        parameter, _, value = self.subject.rpartition("=")
        return msgspec.structs.replace(read_parameter(parameter), value=value)


NOTHING_DONE = BehaviourName("")
"""The name in an entry that says only that a situation was reached."""


def called(action: str) -> BehaviourName:
    """The behaviour of calling the tool, or running the command, ``action``: ``call:T``."""
    return BehaviourName("call", action)


def read_situation(text: str) -> Situation:
    """The situation that :attr:`Situation.text` wrote; a text of another version is kept whole. Never raises."""
    if text in _ALONE:
        return Situation(cast(SituationKind, text))
    kind, space, subject = text.partition(" ")
    if space and kind in _WITH_SUBJECT:
        return Situation(cast(SituationKind, kind), subject)
    return Situation("other", text)


def read_name(text: str) -> BehaviourName:
    """The behaviour that :attr:`BehaviourName.text` wrote; a text of another version is kept whole. Never raises."""
    family, colon, subject = text.partition(":")
    return BehaviourName(family, subject) if colon and family in FAMILIES_WITH_SUBJECT else BehaviourName(text)


def write_label(situation: Situation, name: BehaviourName) -> str:
    """``name``, or ``situation | name`` where it belongs to one.

    Where an action's name makes that read as something else, what the situation speaks of stands in double quotes, as
    in JSON.
    """
    if situation == SESSION and read_label(name.text) == (SESSION, name):
        return name.text
    label = f"{situation.text}{_SEPARATOR}{name.text}"
    if situation.kind == "other" or read_label(label) == (situation, name):
        return label
    return f"{situation.kind} {json.dumps(situation.subject)}{_SEPARATOR}{name.text}"


def read_label(text: str) -> tuple[Situation, BehaviourName]:
    """The situation and the behaviour of a label; a text that names no situation is a behaviour anywhere."""
    kind, _, rest = text.partition(" ")
    if kind in _ALONE and rest.startswith("| "):
        return Situation(cast(SituationKind, kind)), read_name(rest[2:])
    parts = (_quoted(rest) or _plain(rest)) if kind in _WITH_SUBJECT else None
    if parts is None:
        return SESSION, read_name(text)
    return Situation(cast(SituationKind, kind), parts[0]), read_name(parts[1])


def _quoted(rest: str) -> tuple[str, str] | None:
    """A subject in double quotes and the name that follows it."""
    if not rest.startswith('"'):
        return None
    try:
        subject, end = json.JSONDecoder().raw_decode(rest)
    except ValueError:
        return None
    return (subject, rest[end + len(_SEPARATOR) :]) if rest.startswith(_SEPARATOR, end) else None


def _plain(rest: str) -> tuple[str, str] | None:
    """Cut where the first known behaviour begins, else, for names of another version, at the last separator."""
    place = rest.find(_SEPARATOR)
    while place >= 0:
        name = rest[place + len(_SEPARATOR) :]
        if read_name(name).is_known:
            return rest[:place], name
        place = rest.find(_SEPARATOR, place + 1)
    subject, found, name = rest.rpartition(_SEPARATOR)
    return (subject, name) if found else None
