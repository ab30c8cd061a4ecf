"""What rules can come to, and the report on rules that were tried; needs nothing, so that clients may read it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Outcome = Literal["allow", "ask", "deny", "pause", "flag"]
"""``allow``: run it without asking. ``ask``: it waits until the user has allowed it. ``deny``: it is not run, and the
agent is told. ``pause``: it waits, and so does all else that the same reply calls for. ``flag``: note it."""
SEVERITY: Mapping[Outcome, int] = {"flag": 0, "allow": 1, "ask": 2, "pause": 3, "deny": 4}
"""What decides where several rules hold: the most severe; a flag decides nothing."""


class RuleExample(msgspec.Struct, frozen=True):
    """A call for which a rule holds."""

    session_id: str
    sequence: int
    """Place of the call's event in the log, from 0."""
    tool: str
    input: str
    """The beginning of what the call was given, as JSON; redacted."""


class RuleTrial(msgspec.Struct, frozen=True):
    """One rule's part."""

    rule: str
    then: Outcome
    mode: str
    calls: int
    """Calls for which it holds."""
    sessions: int
    examples: tuple[RuleExample, ...]


class RuleTrialReport(msgspec.Struct, frozen=True):
    """What rules come to over many sessions."""

    sessions: int
    calls: int
    undated: int
    """Sessions without times, in which no rate can be told."""
    stopped_sessions: int
    """Sessions in which a call would have been refused, asked about or paused."""
    denied: int
    """Calls, by what the rules in force decide together."""
    asked: int
    paused: int
    allowed: int
    rules: tuple[RuleTrial, ...]
    """In the order of the rule set."""
