"""Behaviours that may show anywhere in a session, one family to a function.

A family reads the moments in order and yields each finding with the event that proves it. It may use what came before
that event and nothing after: then the digest of a session's first half is the first half of its digest.
"""

from collections.abc import Iterator, Sequence

from reverie.digests.behaviour_name import SESSION, BehaviourName, Situation
from reverie.digests.digest import Behaviour, SituationReached
from reverie.digests.moments import (
    ACTIONS,
    Brief,
    Call,
    Fault,
    Message,
    Moment,
    Result,
    Thought,
    UserTurn,
    readable_name,
)
from reverie.digests.vocabulary import kind_of

Finding = Behaviour | SituationReached
Moments = Sequence[Moment]

_TROUBLED = (Result, Fault)
_LONG_REPLY = 600
_SHORT_REPLY = 120
_MOST_VALUES = 3


def shown(situation: Situation, name: BehaviourName, moment: Moment) -> Behaviour:
    """A behaviour proved by ``moment``."""
    return Behaviour(situation=situation, name=name, kind=kind_of(name), sequence=moment.sequence, step=moment.step)


def actions(moments: Moments) -> Iterator[Finding]:
    """``call:T``, ``ask``, ``confirm``, ``apology``, ``refusal``, ``fallback``, ``escalation``, ``reads memory`` …"""
    for moment in moments:
        if isinstance(moment, ACTIONS):
            for label in moment.labels:
                if label.family != "answer":
                    yield shown(SESSION, label, moment)


def speech(moments: Moments) -> Iterator[Finding]:
    """``say:empathy``, ``say:thanks`` …: the speech acts of messages."""
    for moment in moments:
        if isinstance(moment, Message):
            for label in moment.speech:
                yield shown(SESSION, label, moment)


def constructs(moments: Moments) -> Iterator[Finding]:
    """``use:sql join``, ``use:bash pipe``, ``fenced code``: how code is written."""
    for moment in moments:
        if isinstance(moment, Call) and moment.code:
            for feature in moment.code.commands.features:
                yield shown(SESSION, BehaviourName("use", feature), moment)
            if moment.code.fenced:
                yield shown(SESSION, BehaviourName("fenced code"), moment)


def arguments(moments: Moments) -> Iterator[Finding]:
    """``args:T.field``: which arguments are given."""
    for moment in moments:
        if isinstance(moment, Call):
            for argument in moment.arguments:
                yield shown(SESSION, BehaviourName("args", f"{moment.tool}.{argument}"), moment)


def settings(moments: Moments) -> Iterator[Finding]:
    """``arg:T.field=value``: the values of parameters, the first three of each; what varies more is no parameter."""
    values: dict[tuple[str, str], set[str]] = {}
    for moment in moments:
        if isinstance(moment, Call):
            for field, value in moment.parameters:
                known = values.setdefault((moment.tool, field), set())
                if len(known) < _MOST_VALUES:
                    known.add(value)
                    yield shown(SESSION, BehaviourName("arg", f"{moment.tool}.{field}={value}"), moment)


def orders(moments: Moments) -> Iterator[Finding]:
    """``then:T→U``: two different tool actions with no other tool action of that thread between them."""
    last: dict[str | None, str] = {}
    for moment in moments:
        if isinstance(moment, Call):
            previous = last.get(moment.thread, moment.action)
            if previous != moment.action:
                yield shown(SESSION, BehaviourName("then", f"{previous}→{moment.action}"), moment)
            last[moment.thread] = moment.action


def repeats(moments: Moments) -> Iterator[Finding]:
    """``repeat:T``: a call made before with the very same input."""
    made: set[bytes] = set()
    for moment in moments:
        if isinstance(moment, Call):
            if moment.identity in made:
                yield shown(SESSION, BehaviourName("repeat", moment.action), moment)
            made.add(moment.identity)


def retries(moments: Moments) -> Iterator[Finding]:
    """``retry:T``: the first tool action after an error is the same one with other input, unasked."""
    failed: dict[str | None, Call] = {}
    for moment in moments:
        if isinstance(moment, UserTurn):
            failed.clear()
        elif isinstance(moment, Result) and moment.error and moment.call:
            failed[moment.thread] = moment.call
        elif isinstance(moment, Call):
            call = failed.pop(moment.thread, None)
            if call and call.action == moment.action and call.identity != moment.identity:
                yield shown(SESSION, BehaviourName("retry", moment.action), moment)


def thoughts(moments: Moments) -> Iterator[Finding]:
    """``think``, and ``plan`` when the steps are laid out before the first tool call."""
    for moment in moments:
        if isinstance(moment, Call):
            break
        if isinstance(moment, Thought | Message) and moment.plan:
            yield shown(SESSION, BehaviourName("plan"), moment)
    thought = next((moment for moment in moments if isinstance(moment, Thought)), None)
    if thought:
        yield shown(SESSION, BehaviourName("think"), thought)


def first_reply(moments: Moments) -> Iterator[Finding]:
    """``long reply``, ``short reply``: the length of the first message to the user."""
    first = next((moment for moment in moments if isinstance(moment, Message)), None)
    if first and first.length > _LONG_REPLY:
        yield shown(SESSION, BehaviourName("long reply"), first)
    elif first and first.length < _SHORT_REPLY:
        yield shown(SESSION, BehaviourName("short reply"), first)


def trouble(moments: Moments) -> Iterator[Finding]:
    """``error:CLASS``, ``empty result``: symptoms, in the results."""
    for moment in moments:
        if isinstance(moment, _TROUBLED) and moment.error:
            yield shown(SESSION, BehaviourName("error", moment.error), moment)
        elif isinstance(moment, Result) and moment.empty:
            yield shown(SESSION, BehaviourName("empty result"), moment)


def hand_offs(moments: Moments) -> Iterator[Finding]:
    """``hand-off:AGENT``: an agent acts that has not acted before; ``another agent`` where nothing names it."""
    acting: set[str | None] = set()
    agents: dict[str, str] = {}
    for moment in moments:
        if isinstance(moment, Brief):
            agents[moment.thread] = moment.agent
        elif isinstance(moment, ACTIONS):
            if acting and moment.thread is not None and moment.thread not in acting:
                agent = agents.get(moment.thread) or readable_name(moment.thread)
                yield shown(SESSION, BehaviourName("hand-off", agent), moment)
            acting.add(moment.thread)
