"""The structured summary of one session that mining reads instead of the transcript."""

from datetime import datetime
from typing import Literal

import msgspec

from reverie.digests.behaviour_name import BehaviourName, Situation
from reverie.digests.derived.occurrence import Trace

DIGEST_VERSION = 8
"""Raised whenever a behaviour is added or changed; older digests are then made again, lazily."""

BehaviourKind = Literal["choice", "sequence", "manner", "marker"]
"""``choice``: which action was taken; ``sequence``: an order of actions; ``manner``: how something was said or asked;
``marker``: a symptom (errors, repeats, length) that may point at trouble but is never advice."""


class Behaviour(msgspec.Struct, frozen=True):
    """A named predicate that held for a session, and the event that proves it.

    ``situation`` is what the agent had seen when it could have done this. Sessions that were never in it are not
    compared.
    """

    situation: Situation
    name: BehaviourName
    kind: BehaviourKind
    sequence: int
    """The proving event's sequence number."""
    step: int
    """How many agent actions (messages or tool calls) came before, from 0."""


class SituationReached(msgspec.Struct, frozen=True):
    """A moment of decision a session reached, for the first time, at event ``sequence``."""

    situation: Situation
    sequence: int
    step: int
    """How many agent actions came before, from 0."""


class Signals(msgspec.Struct, frozen=True):
    """What a whole session's texts say. Totals know the end: they describe sessions and are never advice."""

    intent: str = ""
    """What the opening asks for, as a verb and its object: ``cancel order``; empty when unsure."""
    sentiment_first: float | None = None
    """Compound sentiment in [-1, 1] of the first user message that has text; None where none has."""
    sentiment_last: float | None = None
    sentiment_lowest: float | None = None
    user_turns: int = 0
    """User messages."""
    questions: int = 0
    """Agent messages that ask for information."""
    confirmations: int = 0
    """Agent messages that ask leave to go on."""
    fallbacks: int = 0
    """Agent messages that say it cannot, may not or does not know, or that repeat an earlier one word for word."""
    escalations: int = 0
    """Agent actions that refer the case to a person."""
    hand_offs: int = 0
    """Times that another agent's thread acts than the one that acted before."""
    threads: int = 0
    """Threads whose agent acted."""


CauseOfEnd = Literal["answered", "gave_up", "ran_out", "stopped", "cut_off", "unknown"]


class Ending(msgspec.Struct, frozen=True):
    """Where a transcript ends, and why as far as its events say."""

    cause: CauseOfEnd = "unknown"
    on: str = ""
    """What comes last: ``message``, ``result``, ``call``, ``user`` or ``error``; empty where there is nothing."""
    action: str = ""
    """The tool of the last call, where it ends on a call or its result."""


class Marks(msgspec.Struct, frozen=True):
    """Hashes of a session's history and of a sample of its words; about a kilobyte at the most."""

    events: int = 0
    """How many events were said, called or answered."""
    authored: int = 0
    """Characters of the agent's messages."""
    chain: tuple[int, ...] = ()
    """A 64-bit hash of the history up to each of the places that ``digests/marks.py`` keeps."""
    numbers: tuple[int, ...] = ()
    """The smallest 16 of the 32-bit hashes of words with at least four digits."""
    words: tuple[int, ...] = ()
    """The same of other words of at least four letters."""


class Digest(msgspec.Struct, frozen=True):
    """What a session amounted to. Depends on the events alone: never on scores, labels or the grader's keys."""

    opening: str
    """The first user message, cut at 2,000 characters."""
    steps: int
    """Agent actions (messages and tool calls)."""
    situations: tuple[SituationReached, ...]
    """Each at most once; ``SESSION`` is implied and not listed."""
    behaviours: tuple[Behaviour, ...]
    """Each (situation, name) at most once: the first time it held."""
    signals: Signals = Signals()
    actions: tuple[BehaviourName, ...] = ()
    """The ``call:T`` behaviours in the order the agent called, repeats included; the first 300."""
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    first_at: datetime | None = None
    """When the first dated event happened; None where none is dated."""
    seconds: float | None = None
    """Wall time between the first and the last event, where the source has times."""
    cost_usd: float | None = None
    trace: Trace = Trace()
    """What shows how the session went, each occurrence with its event. It knows the end and is never advice."""
    ending: Ending = Ending()
    """How it came to its end."""
    marks: Marks = Marks()
    """What copies of it are known by."""
