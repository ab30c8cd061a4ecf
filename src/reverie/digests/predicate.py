"""Behaviours that someone proposes, as predicates that a program can check: of dreams, and of rules.

A proposal of a dream becomes one more column of the corpus, and so has to pass the tests that every other behaviour
passes; a rule asks whether a predicate has held so far. The
language is small on purpose: what the agent says or calls, at a moment of decision that digests know. It cannot
speak of the end of a session, and its patterns are matched by RE2 in time linear in the text (Cox 2010, "Regular
expression matching in the wild"), so that no proposal can stall a dream.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec
import re2

from reverie.digests.behaviour_name import (
    AFTER_EMPTY_RESULT,
    AFTER_ERROR,
    SESSION,
    BehaviourName,
    Situation,
    called,
)
from reverie.digests.digest import Behaviour, BehaviourKind
from reverie.digests.moments import Call, Message, Moment, Result, Thought, UserTurn, read_moments
from reverie.errors import PredicateError
from reverie.sessions.event import Event, text_of
from reverie.sessions.session import Transcript

FAMILY = "model"
"""The family of proposed behaviours: ``model:`` and their words."""
_LONGEST_FIELD = 200
_LONGEST_TEXT = 4_000
"""Characters of a message or a value that are looked at."""
_LONGEST_WORDS = 80
_MOST_MEMORY = 1 << 20
"""Bytes that one compiled pattern may take."""
_NOT_WORDS = re.compile(r"\W+")
_STEERING = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|jailbreak|instructions?|prompts?|passwords?|credentials?)\b"
)
"""Words of injected text: advice made from sessions is no place for them (MINJA, arXiv 2503.03704)."""
_APOSTROPHES = re.compile("['’]")


class Says(msgspec.Struct, frozen=True, tag_field="kind", tag="says", forbid_unknown_fields=True):
    """The agent writes something that matches ``pattern``, to the user or in its reasoning."""

    pattern: str
    by: Literal["agent", "thought"] = "agent"
    before: str | None = None
    after: str | None = None


class Calls(msgspec.Struct, frozen=True, tag_field="kind", tag="calls", forbid_unknown_fields=True):
    """The agent calls ``tool``; where asked for, with ``argument``, and with a value that matches ``value_pattern``."""

    tool: str
    argument: str | None = None
    value_pattern: str | None = None
    """Looked for in the argument's value, or in the whole input where no argument is named."""
    before: str | None = None
    """An action: whether it was done by the time of the first such action."""
    after: str | None = None
    """``error``, ``empty result`` or an error class: whether it was done in the next move after the first of these."""


Predicate = Says | Calls


class Proposal(msgspec.Struct, frozen=True):
    """A predicate and how its proposer puts it."""

    words: str
    """In the imperative, as :func:`plain_words` leaves them: ``quote the refund rule``."""
    predicate: Predicate

    @property
    def name(self) -> BehaviourName:
        """The behaviour's name."""
        return BehaviourName(FAMILY, self.words)


class Match(msgspec.Struct, frozen=True):
    """A session in which a proposed behaviour was shown."""

    session_id: str
    behaviour: Behaviour


class Reading(msgspec.Struct, frozen=True):
    """A transcript, read once for many predicates."""

    events: Sequence[Event]
    moments: Sequence[Moment]


Check = Callable[[Reading], Behaviour | None]
"""The first time a behaviour held. Looks at nothing after the event it names, so it is safe for prefixes."""
Watch = Callable[[Moment, Event], Moment | None]
"""Is shown the moments of one session in order, each once; gives the moment at which the predicate first held."""
_Matcher = Callable[[Moment, Event], bool]


def plain_words(text: str) -> str:
    """The letters, digits and single spaces of ``text``, lower-cased, at most 80: nothing else gets through.

    Raises:
        PredicateError: nothing is left, or the words read like an attempt to steer whoever reads them.
    """
    words = _NOT_WORDS.sub(" ", _APOSTROPHES.sub("", text.lower())).strip()
    if len(words) > _LONGEST_WORDS:
        words = words[:_LONGEST_WORDS].rpartition(" ")[0]
    if not words:
        raise PredicateError("it has no words")
    if _STEERING.search(words):
        raise PredicateError(f"“{words}” reads like an attempt to steer the agent, not like something agents did")
    return words


def situation_of(predicate: Predicate) -> Situation:
    """The digest's situation in which the behaviour is compared.

    Raises:
        PredicateError: it names two moments.
    """
    if predicate.before and predicate.after:
        raise PredicateError("a behaviour has one moment: give 'before' or 'after', not both")
    if predicate.before:
        return Situation("before", predicate.before)
    if not predicate.after:
        return SESSION
    situation = Situation("after", predicate.after)
    known = situation in (AFTER_ERROR, AFTER_EMPTY_RESULT) or situation.error is not None
    return situation if known else Situation("after", f"error:{predicate.after}")


def state_predicate(predicate: Predicate) -> str:
    """What is counted, in words: ``a message that matches “refund” by the first `refund` call``."""
    if isinstance(predicate, Says):
        what = f"{'a message' if predicate.by == 'agent' else 'reasoning'} that matches “{predicate.pattern}”"
    else:
        given = f" with `{predicate.argument}`" if predicate.argument else ""
        match = f" matching “{predicate.value_pattern}”" if predicate.value_pattern else ""
        what = f"a `{predicate.tool}` call{given}{match}"
    if predicate.before:
        return f"{what} by the first `{predicate.before}` call"
    return f"{what} in the next move after the first “{predicate.after}”" if predicate.after else what


def compile_predicate(proposal: Proposal) -> Check:
    """The check that a proposal amounts to.

    Raises:
        PredicateError: a pattern, a name or the moment is not allowed.
    """
    predicate = proposal.predicate
    make_watch = watching(predicate)
    situation = situation_of(predicate)
    kind: BehaviourKind = "manner" if isinstance(predicate, Says) else "choice"

    def check(reading: Reading) -> Behaviour | None:
        see = make_watch()
        seen = (see(moment, reading.events[moment.sequence]) for moment in reading.moments)
        proof = next((moment for moment in seen if moment is not None), None)
        return None if proof is None else Behaviour(situation, proposal.name, kind, proof.sequence, proof.step)

    return check


def watching(predicate: Predicate) -> Callable[[], Watch]:
    """What makes a watch for a predicate: one for each session, which is shown the session's moments in order.

    Raises:
        PredicateError: a pattern, a name or the moment is not allowed.
    """
    _check_texts(predicate)
    situation, matches = situation_of(predicate), _matcher(predicate)
    if predicate.before:
        action = predicate.before
        return lambda: _Before(matches, action).see
    if predicate.after:
        return lambda: _After(matches, situation).see
    return lambda: lambda moment, event: moment if matches(moment, event) else None


def reaches(moments: Iterable[Moment], predicate: Predicate) -> bool:
    """Whether a session comes to the moment at which a predicate is looked at; one without a moment, always."""
    situation = situation_of(predicate)
    if predicate.before:
        return any(isinstance(moment, Call) and moment.action == predicate.before for moment in moments)
    if predicate.after:
        return any(isinstance(moment, Result) and meets(moment, situation) for moment in moments)
    return True


def evaluate_predicates(transcripts: Iterable[Transcript], proposals: Sequence[Proposal]) -> list[Match]:
    """Where each proposed behaviour was shown, in the order of the transcripts.

    Raises:
        PredicateError: a proposal cannot be checked.
    """
    checks = [compile_predicate(proposal) for proposal in proposals]
    shown = []
    for transcript in transcripts:
        reading = Reading(transcript.events, read_moments(transcript.events))
        found = (check(reading) for check in checks)
        shown += [Match(transcript.session.id, behaviour) for behaviour in found if behaviour is not None]
    return shown


def proving_events(entries: Iterable[Match]) -> Mapping[tuple[str, str, str], int]:
    """For (session id, situation, behaviour name), as they are stored: the number of the event that proves it."""
    return {(e.session_id, e.behaviour.situation.text, e.behaviour.name.text): e.behaviour.sequence for e in entries}


def _check_texts(predicate: Predicate) -> None:
    for field, value in msgspec.structs.asdict(predicate).items():
        if value is not None and not (0 < len(value) <= _LONGEST_FIELD and value.isprintable()):
            raise PredicateError(f"'{field}' must be 1 to {_LONGEST_FIELD} characters that can be seen")


def _matcher(predicate: Predicate) -> _Matcher:
    if isinstance(predicate, Says):
        writes, found = (Message if predicate.by == "agent" else Thought), searcher(predicate.pattern)
        return lambda moment, event: isinstance(moment, writes) and found(text_of(event))
    tool, argument = predicate.tool, predicate.argument
    holds = searcher(predicate.value_pattern) if predicate.value_pattern is not None else lambda _: True

    def matches(moment: Moment, event: Event) -> bool:
        if not isinstance(moment, Call) or not (moment.tool == tool or called(tool) in moment.labels):
            return False
        value = event.payload.get("input")
        if argument is not None:
            if not isinstance(value, dict) or argument not in value:
                return False
            value = value[argument]
        return holds(value if isinstance(value, str) else msgspec.json.encode(value).decode())

    return matches


def searcher(pattern: str, most: int | None = _LONGEST_TEXT) -> Callable[[str], bool]:
    """Whether a text has a match, whatever its case, among its first ``most`` characters; None looks at all of it.

    Raises:
        PredicateError: the pattern is not in RE2's syntax, is too large, or matches any text at all.
    """
    options = re2.Options()
    options.case_sensitive, options.log_errors, options.max_mem = False, False, _MOST_MEMORY
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        raise PredicateError(f"the pattern “{pattern}” is not in RE2's syntax, or too large") from error
    if compiled.search(b"") is not None:
        raise PredicateError(f"the pattern “{pattern}” matches any text at all")
    return lambda text: compiled.search(text[:most].encode("utf-8", "replace")) is not None


class _Before:
    """Looks for the first ``action``, when a match came before it."""

    def __init__(self, matches: _Matcher, action: str) -> None:
        self._matches, self._action = matches, action
        self._done = self._begun = False

    def see(self, moment: Moment, event: Event) -> Moment | None:
        if self._begun:
            return None
        if isinstance(moment, Call) and moment.action == self._action:
            self._begun = True
            return moment if self._done else None
        self._done = self._done or self._matches(moment, event)
        return None


class _After:
    """Looks for the match within the move (words and first call) after the first result that opens the situation."""

    def __init__(self, matches: _Matcher, situation: Situation) -> None:
        self._matches, self._situation = matches, situation
        self._met: Result | None = None
        self._spoken = self._moved = False

    def see(self, moment: Moment, event: Event) -> Moment | None:
        if self._moved:
            return None
        if self._met is None:
            if isinstance(moment, Result) and meets(moment, self._situation):
                self._met = moment
            return None
        if not (event.thread_id == self._met.thread or isinstance(moment, UserTurn)):
            return None
        if self._matches(moment, event):
            self._moved = True
            return moment
        self._moved = isinstance(moment, Call) or (isinstance(moment, UserTurn) and self._spoken)
        self._spoken = self._spoken or isinstance(moment, Message)
        return None


def meets(result: Result, situation: Situation) -> bool:
    """Whether a result opens a situation ``after`` something."""
    if situation == AFTER_EMPTY_RESULT:
        return result.empty
    return result.error is not None and (situation == AFTER_ERROR or situation.error == result.error)
