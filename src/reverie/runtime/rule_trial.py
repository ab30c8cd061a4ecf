"""What rules would have stopped in sessions that are past: counts and examples, gathered session by session."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from reverie.runtime.rule import Rule, RuleSetVersion
from reverie.runtime.rule_report import SEVERITY, Outcome, RuleExample, RuleTrial, RuleTrialReport
from reverie.runtime.rules import RuleBook
from reverie.runtime.ruling import PlacedFiring, replay, was_judged
from reverie.sessions.event import Event

MOST_EXAMPLES = 3
"""Of each rule, each of another session."""
_LONGEST_INPUT = 200


class Found(msgspec.Struct, frozen=True):
    """What the rules found in one session, and the events that examples are made of."""

    session_id: str
    calls: int
    dated: bool
    firings: tuple[PlacedFiring, ...]
    shown: tuple[tuple[int, Event], ...]


def look_through(book: RuleBook, session_id: str, events: Sequence[Event]) -> Found:
    """What the rules find in one session."""
    firings = tuple(replay(book, events))
    calls = sum(event.type == "agent.tool_use" and was_judged(event.payload) for event in events)
    shown = tuple((place, events[place]) for place in dict.fromkeys(one.sequence for one in firings))
    return Found(session_id, calls, any(event.at is not None for event in events), firings, shown)


class TrialCount:
    """Adds up what is found, in constant room."""

    def __init__(self, rules: RuleSetVersion) -> None:
        self._rules = rules.rules.rules
        self._sessions = self._calls = self._undated = self._stopped = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._held: Counter[str] = Counter()
        self._met: Counter[str] = Counter()
        self._examples: dict[str, list[RuleExample]] = {rule.name: [] for rule in self._rules}

    def add(self, found: Found) -> None:
        """Count a session; its events are redacted where they have to be."""
        self._sessions += 1
        self._calls += found.calls
        self._undated += not found.dated
        events, stopped, met = dict(found.shown), False, set[str]()
        for sequence, group in groupby(found.firings, key=lambda one: one.sequence):
            firings = [one.firing for one in group if one.firing.rule in self._examples]
            enforced = [one.verdict for one in firings if one.enforced]
            outcome: Outcome = max(enforced, key=SEVERITY.__getitem__, default="flag")
            self._outcomes[outcome] += 1
            stopped = stopped or outcome in ("ask", "pause", "deny")
            self._held.update(one.rule for one in firings)
            for name in {one.rule for one in firings} - met:
                if len(self._examples[name]) < MOST_EXAMPLES:
                    self._examples[name].append(_example(found.session_id, sequence, events[sequence].payload))
            met |= {one.rule for one in firings}
        self._met.update(met)
        self._stopped += stopped

    def report(self) -> RuleTrialReport:
        """What has been counted."""
        return RuleTrialReport(
            sessions=self._sessions,
            calls=self._calls,
            undated=self._undated,
            stopped_sessions=self._stopped,
            denied=self._outcomes["deny"],
            asked=self._outcomes["ask"],
            paused=self._outcomes["pause"],
            allowed=self._outcomes["allow"],
            rules=tuple(self._trial(rule) for rule in self._rules),
        )

    def _trial(self, rule: Rule) -> RuleTrial:
        name = rule.name
        return RuleTrial(name, rule.then, rule.mode, self._held[name], self._met[name], tuple(self._examples[name]))


def _example(session_id: str, sequence: int, payload: dict[str, Any]) -> RuleExample:
    text = msgspec.json.encode(payload.get("input")).decode()
    short = text if len(text) <= _LONGEST_INPUT else text[:_LONGEST_INPUT] + "…"
    return RuleExample(session_id, sequence, str(payload.get("name") or ""), short)
