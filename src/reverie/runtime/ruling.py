"""Rules applied to a model's reply: what becomes of each of its calls, and which rules held."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from reverie.digests.refusal import RULE, refusing_rule
from reverie.runtime.prefix import Prefix
from reverie.runtime.reply_events import AskedCall, Judgement, Permission, call_event, reply_events
from reverie.runtime.rule_report import Outcome
from reverie.runtime.rules import Firing, JudgedCall, RuleBook, Verdict
from reverie.runtime.tool_names import names_in
from reverie.sessions.event import Event, stored_event
from reverie.turn_model import TurnReply

PAUSED = "paused"
"""The ``reason_code`` of a call that waits because another call of its reply is paused."""
_PERMISSIONS: Mapping[Outcome, Permission] = {"allow": "allow", "ask": "ask", "pause": "ask", "deny": "deny"}
_END = "span.model_request_end"


class PlacedFiring(msgspec.Struct, frozen=True):
    """A firing, and the place in the log of the call's event."""

    sequence: int
    firing: Firing


class Ruling(msgspec.Struct, frozen=True):
    """What rules make of a reply."""

    calls: tuple[AskedCall, ...]
    firings: tuple[PlacedFiring, ...]
    tripped: bool
    """Whether the circuit breaker stops the session."""
    events: tuple[str, ...]
    """Types of the events that the prefix has been shown: those of the reply, up to the end of its request."""


def judge_reply(
    book: RuleBook,
    prefix: Prefix,
    reply: TurnReply,
    calls: Sequence[AskedCall],
    first_sequence: int,
    first_at: datetime,
    tick: timedelta,
) -> Ruling:
    """Judge the calls of a reply in their order, each by all that comes before it in the log.

    Args:
        prefix: the session up to the reply; it is shown the reply's events.
        calls: judged by the agent's own permission policy, which stands where no rule decides.
        first_sequence: the place in the log that the reply's first event will have.
        first_at: the time that it will have; each next event's is a ``tick`` later.
    """
    waiting, ruled, firings, shown, tripped = list(calls), [], [], [], False
    pauses = False
    for place, event in enumerate(_until_end(reply_events(reply, calls, {}, None))):
        sequence, at = first_sequence + place, first_at + tick * place
        if event["type"].endswith("tool_use"):
            call = waiting.pop(0)
            verdict = Verdict() if call.error is not None else book.judge(prefix, _call(event, at))
            firings += [PlacedFiring(sequence, firing) for firing in verdict.firings]
            pauses = pauses or verdict.outcome == "pause"
            ruled.append(_ruled(call, verdict))
            event = call_event(ruled[-1])
        prefix.see(sequence, _stored(event, at))
        shown.append(event["type"])
        trip = book.tripped(prefix) if refusing_rule(event) is not None else None
        if trip is not None and not tripped:
            tripped = True
            firings.append(PlacedFiring(sequence, trip))
    held = [_held(call) for call in ruled] if pauses else ruled
    return Ruling(tuple(held), tuple(firings), tripped, tuple(shown))


def replay(book: RuleBook, events: Sequence[Event]) -> Iterator[PlacedFiring]:
    """The firings of a session that is past, each call judged by what came before it as it was.

    What would have come after a call that is refused only now nobody can know.
    """
    prefix = book.begin()
    tripped = False
    for sequence, event in enumerate(events):
        judged = event.type == "agent.tool_use" and was_judged(event.payload)
        if judged:
            verdict = book.judge(prefix, JudgedCall(names_in(event.payload), event.payload.get("input"), event.at))
            yield from (PlacedFiring(sequence, firing) for firing in verdict.firings)
        prefix.see(sequence, event)
        if event.type == _END:
            tripped = False
        trip = book.tripped(prefix) if judged and refusing_rule(event.payload) is not None else None
        if trip is not None and not tripped:
            tripped = True
            yield PlacedFiring(sequence, trip)


def was_judged(payload: Mapping[str, Any]) -> bool:
    """Whether rules were asked about a call: not where it could not have been run anyway."""
    return payload.get("evaluated_permission") != "deny" or refusing_rule(payload) is not None


def _until_end(events: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for event in events:
        if event["type"] == _END:
            return
        yield event


def _stored(event: Mapping[str, Any], at: datetime) -> Event:
    payload = {name: value for name, value in event.items() if name not in ("type", "id")}
    return stored_event(event["type"], payload, at, None)


def _call(event: Mapping[str, Any], at: datetime) -> JudgedCall:
    return JudgedCall(names_in(event), event["input"], at)


def _ruled(call: AskedCall, verdict: Verdict) -> AskedCall:
    if verdict.outcome is None:
        return call
    permission = _PERMISSIONS[verdict.outcome]
    judgement = Judgement(permission, "auto", verdict.message, f"{RULE}{verdict.rule}")
    return msgspec.structs.replace(call, judgement=judgement, error=verdict.message if permission == "deny" else None)


def _held(call: AskedCall) -> AskedCall:
    """A call that would be run waits for the one that is paused."""
    if call.error is not None or call.judgement.permission != "allow":
        return call
    return msgspec.structs.replace(call, judgement=Judgement("ask", "auto", reason_code=PAUSED))
