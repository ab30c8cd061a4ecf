"""What a session has come to so far, as rules ask about it; it grows event by event with the log."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from reverie.digests.moments import MomentReader
from reverie.digests.predicate import Predicate, Watch, searcher, watching
from reverie.digests.refusal import refusing_rule
from reverie.digests.tool_error import tool_failed
from reverie.ids import event_sequence
from reverie.runtime.rule import Taint
from reverie.runtime.tool_names import ToolNames, matcher, names_in
from reverie.sessions.event import Event, text_of

Count = Counter[ToolNames]


class Watched(msgspec.Struct, frozen=True):
    """What is to be looked for in a session, besides what is always counted."""

    predicates: Mapping[Predicate, Callable[[], Watch]]
    taints: Mapping[Taint, Callable[[ToolNames, str], bool]]
    """Whether a result of a tool, with this text, is one."""


def watched(predicates: Iterable[Predicate], taints: Iterable[Taint]) -> Watched:
    """What these predicates and taints look for.

    Raises:
        PredicateError: one of them cannot be checked.
    """
    return Watched({one: watching(one) for one in predicates}, {taint: _taints(taint) for taint in taints})


def _taints(taint: Taint) -> Callable[[ToolNames, str], bool]:
    is_one, found = matcher(taint.by), (lambda _: True) if taint.pattern is None else searcher(taint.pattern, None)
    return lambda names, text: is_one(names) and found(text)


class _MadeCall(msgspec.Struct, frozen=True, gc=False):
    names: ToolNames
    refused: bool


class Prefix:
    """The facts of a session's first events, of all its threads.

    Each depends on the events that it has been shown and on nothing else, so that the same log gives the same facts,
    whether a session is read while it goes on or long after.
    """

    def __init__(self, wanted: Watched) -> None:
        self.calls, self.errors, self.denials = Count(), Count(), Count()
        self.tokens = 0
        self.usd = 0.0
        self.refused_running = self.refused_in_all = 0
        """Calls that rules refused: since the last other call or message of the user, and in all."""
        self.held: set[Predicate] = set()
        """Predicates that have held."""
        self.last_user_message = -1
        self._wanted = wanted
        self._watches = {one: make() for one, make in wanted.predicates.items()}
        self._moments = MomentReader() if self._watches else None
        self._made: dict[int, _MadeCall] = {}
        self._times: dict[ToolNames, list[float]] = {}
        self._last_call: dict[ToolNames, int] = {}
        self._tainted: dict[Taint, int] = {}

    def see(self, sequence: int, event: Event) -> None:
        """Take in the session's next event; ``sequence`` is its place in the log."""
        match event.type:
            case "agent.tool_use":
                self._see_call(sequence, event)
            case "agent.tool_result" | "user.tool_result":
                self._see_result(sequence, event)
            case "user.message":
                self.last_user_message = sequence
                self.refused_running = 0
            case "user.tool_confirmation" if event.payload.get("result") == "deny":
                self._see_denial(event)
            case "span.model_request_end":
                self._see_usage(event)
        if self._moments is not None:
            self._watch(self._moments, sequence, event)

    def _see_call(self, sequence: int, event: Event) -> None:
        names = names_in(event.payload)
        refused = refusing_rule(event.payload) is not None
        denied = event.payload.get("evaluated_permission") == "deny"
        self._made[sequence] = _MadeCall(names, denied)
        if refused:
            self.denials[names] += 1
            self.refused_running += 1
            self.refused_in_all += 1
        elif not denied:
            self.refused_running = 0
            self.calls[names] += 1
            self._last_call[names] = sequence
            if event.at is not None:
                insort(self._times.setdefault(names, []), event.at.timestamp())

    def _see_result(self, sequence: int, event: Event) -> None:
        made = self._made.get(_place(event.payload.get("tool_use_id")))
        if made is not None and made.refused:
            return
        names = names_in(event.payload) if made is None else made.names
        if tool_failed(event):
            self.errors[names] += 1
        text = text_of(event)
        self._tainted.update((taint, sequence) for taint, marks in self._wanted.taints.items() if marks(names, text))

    def _see_denial(self, event: Event) -> None:
        sequence = _place(event.payload.get("tool_use_id"))
        made = self._made.get(sequence)
        if made is not None:
            self.denials[made.names] += 1
            self._made[sequence] = _MadeCall(made.names, refused=True)

    def _see_usage(self, event: Event) -> None:
        usage = event.payload.get("model_usage")
        if isinstance(usage, Mapping):
            self.tokens += sum(count for count in usage.values() if isinstance(count, int))
        cost = event.payload.get("cost_usd")
        self.usd += cost if isinstance(cost, int | float) else 0.0

    def _watch(self, reader: MomentReader, sequence: int, event: Event) -> None:
        moment = reader.read(sequence, event)
        if moment is not None:
            for predicate, see in self._watches.items():
                if predicate not in self.held and see(moment, event) is not None:
                    self.held.add(predicate)

    def calls_since(self, matches: Callable[[ToolNames], bool], seconds: float, at: datetime) -> int:
        """Calls of matching tools in the ``seconds`` before ``at``; those without a time count for none."""
        start = at.timestamp() - seconds
        return sum(len(times) - bisect_right(times, start) for names, times in self._times.items() if matches(names))

    def is_tainted(self, taint: Taint, clears: Callable[[ToolNames], bool]) -> bool:
        """Whether such text has been seen since what makes it good."""
        seen = self._tainted.get(taint, -1)
        since = self.last_user_message if taint.since == "user_message" else -1
        cleared = max((last for names, last in self._last_call.items() if clears(names)), default=-1)
        return seen >= 0 and seen > max(since, cleared)


def _place(link: object) -> int:
    """The place in the log of the call that a result or a confirmation names; -1 where it names none."""
    if not isinstance(link, str) or not link:
        return -1
    try:
        return event_sequence(link)
    except ValueError:
        return -1
