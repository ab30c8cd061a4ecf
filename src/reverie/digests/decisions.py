"""Behaviours at moments of decision.

The first move, the move after an error, an empty result or a sour word, what came before an action.
"""

from collections.abc import Iterator

import msgspec

from reverie.digests.behaviour_name import (
    AFTER_EMPTY_RESULT,
    AFTER_ERROR,
    AFTER_USER_SOURS,
    START,
    BehaviourName,
    Situation,
)
from reverie.digests.digest import Behaviour, SituationReached
from reverie.digests.families import Finding, Moments, shown
from reverie.digests.moments import ACTIONS, Action, Call, Message, Result, Thought, UserTurn

_ANSWERS = (Result, UserTurn)
_MOST_CHANGES = 3
"""Changed arguments of a call that are named."""
_SOUR = -0.4
"""Compound sentiment at or below which a user's message counts as sour."""


class _Decision(msgspec.Struct):
    """A situation that awaits the agent's move in one thread."""

    situation: Situation
    thread: str | None
    failed: Call | None = None
    spoken: bool = False


def first_move(moments: Moments) -> Iterator[Finding]:
    """Situation ``start``: the first action, its manner, and the first tool call if it belongs to the same turn."""
    if not moments:
        return
    yield SituationReached(START, moments[0].sequence, 0)
    first = next((moment for moment in moments if isinstance(moment, ACTIONS)), None)
    if first is None:
        return
    earlier = [moment for moment in moments if isinstance(moment, Thought) and moment.sequence < first.sequence]
    if earlier:
        yield shown(START, BehaviourName("think"), first)
    if any(thought.plan for thought in earlier) or (isinstance(first, Message) and first.plan):
        yield shown(START, BehaviourName("plan"), first)
    waiting = [_Decision(START, first.thread)]
    for moment in moments:
        if not waiting:
            return
        if isinstance(moment, ACTIONS):
            yield from _decide(waiting, moment)
        elif isinstance(moment, UserTurn):
            waiting = [decision for decision in waiting if not decision.spoken]


def next_moves(moments: Moments) -> Iterator[Finding]:
    """Situations ``after error``, ``after error:CLASS``, ``after empty result`` and ``after user sours``.

    Each at its first occurrence, with the move that follows it.
    """
    met: set[Situation] = set()
    waiting: list[_Decision] = []
    for moment in moments:
        if isinstance(moment, ACTIONS):
            yield from _decide(waiting, moment)
        elif isinstance(moment, _ANSWERS):
            if isinstance(moment, UserTurn):
                waiting = [decision for decision in waiting if not decision.spoken]
            for situation in _conditions(moment):
                if situation not in met:
                    met.add(situation)
                    yield SituationReached(situation, moment.sequence, moment.step)
                    failed = moment.call if isinstance(moment, Result) else None
                    waiting.append(_Decision(situation, moment.thread, failed))


def _conditions(moment: Result | UserTurn) -> tuple[Situation, ...]:
    if isinstance(moment, UserTurn):
        sour = moment.sentiment is not None and moment.sentiment <= _SOUR
        return (AFTER_USER_SOURS,) if sour else ()
    if moment.error:
        return AFTER_ERROR, Situation("after", f"error:{moment.error}")
    return (AFTER_EMPTY_RESULT,) if moment.empty else ()


def _decide(waiting: list[_Decision], action: Action) -> Iterator[Behaviour]:
    """What ``action`` decides.

    Words and a tool call in one turn both count: the words for how the agent puts it, the call for what it does.
    """
    for decision in [decision for decision in waiting if decision.thread == action.thread]:
        if isinstance(action, Call):
            waiting.remove(decision)
            labels = (*_leading(action), *_compared(decision.failed, action))
        else:
            labels = () if decision.spoken else (*action.labels, *action.speech)
            decision.spoken = True
        for label in labels:
            yield shown(decision.situation, label, action)


def _leading(call: Call) -> tuple[BehaviourName, ...]:
    """The call's labels without the further commands of a pipeline: one move is one action."""
    return tuple(label for label in call.labels if label.family != "call" or label.subject == call.action)


def _compared(failed: Call | None, call: Call) -> tuple[BehaviourName, ...]:
    if failed is None:
        return ()
    if failed.identity == call.identity:
        return (BehaviourName("same call again"),)
    if failed.action != call.action:
        return (BehaviourName("other tool"),)
    changed = call.changes_from(failed) if failed.tool == call.tool else ()
    return (BehaviourName("same tool, changed input"), *_changes(call.tool, changed[:_MOST_CHANGES]))


def _changes(tool: str, changed: tuple[tuple[str, str | None], ...]) -> Iterator[BehaviourName]:
    """``change:T.field`` for what was changed, and ``change:T.field=value`` where the new value is one of a few."""
    for field, value in changed:
        yield BehaviourName("change", f"{tool}.{field}")
        if value is not None:
            yield BehaviourName("change", f"{tool}.{field}={value}")


def preparations(moments: Moments) -> Iterator[Finding]:
    """Situations ``before T``, one for each tool action T: what the agent had done by the time of its first T."""
    done: dict[BehaviourName, None] = {}
    begun: set[str] = set()
    for moment in moments:
        if isinstance(moment, Call) and moment.action not in begun and not moment.action.endswith(":unparsed"):
            begun.add(moment.action)
            situation = Situation("before", moment.action)
            yield SituationReached(situation, moment.sequence, moment.step)
            for name in done:
                found = shown(situation, name, moment)
                yield msgspec.structs.replace(found, kind="sequence") if name.family == "call" else found
        if isinstance(moment, Thought):
            done[BehaviourName("think")] = None
        elif isinstance(moment, Call):
            done.update(dict.fromkeys(label for label in moment.labels if label.family != "escalation"))
        elif isinstance(moment, Message) and moment.labels[0].family != "answer":
            done[moment.labels[0]] = None
