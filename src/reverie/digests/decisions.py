"""Behaviours at moments of decision.

The first move, the move after an error or an empty result, what came before an action, what followed a fact.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.digests.digest import Behaviour, Situation
from reverie.digests.families import Finding, Moments, shown
from reverie.digests.moments import Action, Call, Message, Result, Thought, UserTurn

_MOST_FACTS = 40
"""Facts seen that open a situation, per session."""
_MOST_FACTS_EACH = 12
_DEEPEST = 3
_LONGEST_VALUE = 24
_PLAIN = re.compile(r"[^\W\d_]+(?:[ _-][^\W\d_]+){0,2}")
_OWN_NAMES = frozenset({
    "address", "address1", "address2", "city", "description", "dob", "email", "first", "firstname", "key", "last",
    "lastname", "message", "name", "note", "notes", "password", "phone", "street", "surname", "text", "title", "token",
    "url", "username", "zip",
})  # fmt: skip
"""Fields that tell one person or thing from another: true of few sessions, and nobody's business."""


class _Decision(msgspec.Struct):
    """A situation that awaits the agent's move in one thread."""

    situation: str
    thread: str | None
    failed: Call | None = None
    spoken: bool = False


def first_move(moments: Moments) -> Iterator[Finding]:
    """Situation ``start``: the first action, its manner, and the first tool call if it belongs to the same turn."""
    if not moments:
        return
    yield Situation("start", 0)
    first = next((moment for moment in moments if isinstance(moment, Call | Message)), None)
    if first is None:
        return
    earlier = [moment for moment in moments if isinstance(moment, Thought) and moment.sequence < first.sequence]
    if earlier:
        yield shown("start", "think", first)
    if any(thought.plan for thought in earlier) or (isinstance(first, Message) and first.plan):
        yield shown("start", "plan", first)
    waiting = [_Decision("start", first.thread)]
    for moment in moments:
        if not waiting:
            return
        if isinstance(moment, Call | Message):
            yield from _decide(waiting, moment)
        elif isinstance(moment, UserTurn):
            waiting = [decision for decision in waiting if not decision.spoken]


def next_moves(moments: Moments) -> Iterator[Finding]:
    """Situations ``after error``, ``after error:CLASS`` and ``after empty result``, each at its first occurrence."""
    met: set[str] = set()
    waiting: list[_Decision] = []
    for moment in moments:
        if isinstance(moment, Result):
            for situation in _conditions(moment):
                if situation not in met:
                    met.add(situation)
                    yield Situation(situation, moment.sequence)
                    waiting.append(_Decision(situation, moment.thread, moment.call))
        elif isinstance(moment, Call | Message):
            yield from _decide(waiting, moment)
        elif isinstance(moment, UserTurn):
            waiting = [decision for decision in waiting if not decision.spoken]


def _conditions(result: Result) -> tuple[str, ...]:
    if result.error:
        return "after error", f"after error:{result.error}"
    return ("after empty result",) if result.empty else ()


def _decide(waiting: list[_Decision], action: Action) -> Iterator[Behaviour]:
    """What ``action`` decides.

    Words and a tool call in one turn both count: the words for how the agent puts it, the call for what it does.
    """
    for decision in [decision for decision in waiting if decision.thread == action.thread]:
        if isinstance(action, Call):
            waiting.remove(decision)
            labels = (*_leading(action), *_compared(decision.failed, action))
        else:
            labels = () if decision.spoken else action.labels
            decision.spoken = True
        for label in labels:
            yield shown(decision.situation, label, action)


def _leading(call: Call) -> tuple[str, ...]:
    """The call's labels without the further commands of a pipeline: one move is one action."""
    return tuple(label for label in call.labels if not label.startswith("call:") or label == f"call:{call.action}")


def _compared(failed: Call | None, call: Call) -> tuple[str, ...]:
    if failed is None:
        return ()
    if failed.identity == call.identity:
        return ("same call again",)
    return ("same tool, changed input",) if failed.action == call.action else ("other tool",)


def preparations(moments: Moments) -> Iterator[Finding]:
    """Situations ``before T``, one for each tool action T: what the agent had done by the time of its first T."""
    done: dict[str, None] = {}
    begun: set[str] = set()
    for moment in moments:
        if isinstance(moment, Call) and moment.action not in begun and not moment.action.endswith(":unparsed"):
            begun.add(moment.action)
            situation = f"before {moment.action}"
            yield Situation(situation, moment.sequence)
            for name in done:
                found = shown(situation, name, moment)
                yield msgspec.structs.replace(found, kind="sequence") if name.startswith("call:") else found
        if isinstance(moment, Thought):
            done["think"] = None
        elif isinstance(moment, Call):
            done.update(dict.fromkeys(label for label in moment.labels if label != "escalation"))
        elif isinstance(moment, Message) and moment.labels[0] != "answer":
            done[moment.labels[0]] = None


def facts_seen(moments: Moments) -> Iterator[Finding]:
    """Situations ``seen T.field=value``: what the agent did at some time after a result told it a fact."""
    seen: dict[str, None] = {}
    answered: dict[str, int] = {}
    for moment in moments:
        if isinstance(moment, Result):
            for fact in _facts(moment):
                if fact not in seen and len(seen) < _MOST_FACTS:
                    seen[fact] = None
                    yield Situation(fact, moment.sequence)
        elif isinstance(moment, Call | Message) and seen:
            known = list(seen)
            for label in moment.labels:
                if label not in ("answer", "apology", "inspects the schema"):
                    for fact in known[answered.get(label, 0) :]:
                        yield shown(fact, label, moment)
                    answered[label] = len(known)


def _facts(result: Result) -> list[str]:
    """Up to 12 fields of a JSON object whose values look like one of a few: ``membership=gold``, ``cabin=economy``."""
    if result.call is None or result.error or not result.text.lstrip().startswith("{"):
        return []
    try:
        told = msgspec.json.decode(result.text)
    except msgspec.DecodeError:
        return []
    facts = []
    for path, value in _scalars(told, depth=1):
        facts.append(f"seen {result.call.action}.{path}={value}")
        if len(facts) == _MOST_FACTS_EACH:
            break
    return facts


def _scalars(fields: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name.lower() in _OWN_NAMES or not _is_plain(name):
            continue
        if isinstance(value, dict) and depth < _DEEPEST:
            for path, scalar in _scalars(value, depth + 1):
                yield f"{name}.{path}", scalar
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif isinstance(value, str) and _is_plain(value):
            yield name, value


def _is_plain(text: str) -> bool:
    """Short, at most three words of letters: a value out of a small set rather than a text or a number."""
    return len(text) <= _LONGEST_VALUE and _PLAIN.fullmatch(text) is not None
