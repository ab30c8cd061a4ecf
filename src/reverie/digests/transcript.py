"""From a transcript to its digest."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from reverie.digests import decisions, facts, families, teamwork
from reverie.digests.behaviour_name import BehaviourName, Situation, called
from reverie.digests.derived.trace import read_trace
from reverie.digests.digest import Behaviour, Digest, SituationReached
from reverie.digests.ending import read_ending
from reverie.digests.families import Finding, Moments
from reverie.digests.marks import read_marks
from reverie.digests.moments import ACTIONS, Call, Fault, Result, read_moments
from reverie.digests.signals import read_signals
from reverie.sessions.event import Event, text_of
from reverie.sessions.session import Transcript

_LONGEST_OPENING = 2_000
_MOST_ACTIONS = 300
_FAMILIES: tuple[tuple[Callable[[Moments], Iterator[Finding]], int], ...] = (
    (families.actions, 80),
    (families.speech, 7),
    (families.constructs, 30),
    (families.arguments, 60),
    (families.settings, 40),
    (families.orders, 60),
    (families.repeats, 20),
    (families.retries, 20),
    (families.thoughts, 2),
    (families.first_reply, 1),
    (families.trouble, 20),
    (families.hand_offs, 10),
    (teamwork.briefs, 60),
    (teamwork.repeated_work, 20),
    (teamwork.reports, 30),
    (decisions.first_move, 20),
    (decisions.next_moves, 80),
    (decisions.preparations, 100),
    (facts.facts_seen, 100),
)
"""Each family with the most behaviours it may add to one session (760 together), the earliest ones."""


def digest_transcript(transcript: Transcript) -> Digest:
    """What a session amounted to, read from its events alone: scores, tags and metadata are never looked at.

    Deterministic, and safe for prefixes: a behaviour or situation with sequence s depends on the events 0 … s only, so
    digesting a session cut after any event gives exactly the items found up to there. Digests of one session by one
    ``DIGEST_VERSION`` are equal, and may be kept.
    """
    events = transcript.events
    moments = read_moments(events)
    situations: dict[Situation, SituationReached] = {}
    behaviours: dict[tuple[Situation, BehaviourName], Behaviour] = {}
    for family, most in _FAMILIES:
        limit = len(behaviours) + most
        for finding in family(moments):
            if isinstance(finding, SituationReached):
                situations.setdefault(finding.situation, finding)
            elif len(behaviours) < limit:
                behaviours.setdefault((finding.situation, finding.name), finding)
    usages = [event.payload for event in events if event.type == "span.model_request_end"]
    opening = next((text_of(event)[:_LONGEST_OPENING] for event in events if event.type == "user.message"), "")
    calls = [called(moment.action) for moment in moments if isinstance(moment, Call)]
    costs = [usage["cost_usd"] for usage in usages if usage.get("cost_usd") is not None]
    return Digest(
        opening=opening,
        steps=sum(isinstance(moment, ACTIONS) for moment in moments),
        situations=tuple(sorted(situations.values(), key=lambda reached: reached.sequence)),
        behaviours=tuple(sorted(behaviours.values(), key=lambda behaviour: behaviour.sequence)),
        signals=read_signals(opening, moments),
        actions=tuple(calls[:_MOST_ACTIONS]),
        errors=sum(isinstance(moment, (Result, Fault)) and moment.error is not None for moment in moments),
        input_tokens=_tokens(usages, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
        output_tokens=_tokens(usages, "output_tokens"),
        first_at=next((event.at for event in events if event.at is not None), None),
        seconds=_seconds(events),
        cost_usd=sum(costs) if costs else None,
        trace=read_trace(events, moments),
        ending=read_ending(events),
        marks=read_marks(events),
    )


def digest_many(transcripts: Iterable[Transcript]) -> list[Digest]:
    """The digest of each transcript, in order, as :func:`digest_transcript` makes it."""
    return [digest_transcript(transcript) for transcript in transcripts]


def _tokens(usages: Iterable[dict[str, object]], *fields: str) -> int:
    total = 0
    for usage in usages:
        counts = usage.get("model_usage")
        if isinstance(counts, dict):
            total += sum(counts.get(field) or 0 for field in fields)
    return total


def _seconds(events: Sequence[Event]) -> float | None:
    times = [event.at for event in events if event.at is not None]
    return (times[-1] - times[0]).total_seconds() if len(times) > 1 else None
