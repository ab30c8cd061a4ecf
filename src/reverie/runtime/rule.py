"""A rule on tool calls as a person writes it: when it holds, and what is to become of the call then."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reverie.digests.predicate import Predicate
from reverie.runtime.rule_report import Outcome

Globs = str | tuple[str, ...]
"""One pattern of names, or several: ``*`` stands for any text, ``?`` for a character; case does not matter."""
Count = Annotated[int, Meta(ge=1)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a rule; unknown fields are mistakes."""


class Bounds(_Part, frozen=True, kw_only=True):
    """A comparison of a number; all that is given has to hold."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    @property
    def given(self) -> bool:
        """Whether anything is compared."""
        return any(bound is not None for bound in (self.above, self.at_least, self.below, self.at_most))

    def hold(self, number: float) -> bool:
        """Whether ``number`` is within them."""
        return (
            (self.above is None or number > self.above)
            and (self.at_least is None or number >= self.at_least)
            and (self.below is None or number < self.below)
            and (self.at_most is None or number <= self.at_most)
        )


class ArgumentTest(Bounds, frozen=True, kw_only=True):
    """What is asked of a value that the call is given."""

    path: str | None = None
    """Such as ``command``, ``to[0].address`` or ``files[*].path``; None looks at every value of the input."""
    pattern: str | None = None
    """RE2, looked for in the value as text; case does not matter."""
    equals: str | int | float | bool | UnsetType | None = UNSET
    """The value itself; a number or a truth that is written as text equals it as well."""
    present: bool | None = None
    """Whether there is such a value at all."""


class CountTest(Bounds, frozen=True, kw_only=True):
    """How often something happened in the session before this call."""

    of: Literal["calls", "errors", "denials"]
    """Calls that no rule refused; results of calls that failed; calls that a rule or the user refused."""
    tool: Globs | None = None
    """Of which tools; by default those that the rule is about."""


class RateTest(_Part, frozen=True, kw_only=True):
    """Whether at least so many calls were made within so many seconds before this one, by the times of events."""

    calls: Count
    seconds: Annotated[float, Meta(gt=0)]
    tool: Globs | None = None
    """Of which tools; by default those that the rule is about."""


class SpentTest(_Part, frozen=True, kw_only=True):
    """Whether the session has used at least so much; where both are given, both have to hold."""

    usd: Annotated[float, Meta(ge=0)] | None = None
    """By the prices of requests to models; those without a price count nothing."""
    tokens: Annotated[int, Meta(ge=0)] | None = None
    """Of requests to models, read and written, caches included."""


class Taint(_Part, frozen=True, kw_only=True):
    """Whether the session has seen text that nobody vouches for: results of some tools."""

    by: Globs
    """The tools."""
    pattern: str | None = None
    """Only results in which this is found (RE2; case does not matter)."""
    since: Literal["session", "user_message"] = "session"
    """Ever, or since the user last wrote."""
    cleared_by: Globs = ()
    """Tools whose call makes good what was seen before it."""


class When(_Part, frozen=True, kw_only=True):
    """When a rule holds: all that is given has to; another case is another rule."""

    tool: Globs = "*"
    """A tool of an MCP server goes by its name and by ``mcp__SERVER__NAME``."""
    arguments: tuple[ArgumentTest, ...] = ()
    seen: tuple[Predicate, ...] = ()
    """What has held in the session so far, in the language of proposed behaviours."""
    unseen: tuple[Predicate, ...] = ()
    """What has not."""
    counts: tuple[CountTest, ...] = ()
    rate: RateTest | None = None
    spent: SpentTest | None = None
    tainted: Taint | None = None


class Rule(_Part, frozen=True, kw_only=True):
    """One rule."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    when: When
    then: Outcome
    message: Annotated[str, Meta(max_length=1000)] = ""
    """For a refused call: what the agent is told."""
    mode: Literal["enforce", "log_only"] = "enforce"
    """``log_only``: note when it holds, and let the call go the way it would without the rule."""


class CircuitBreaker(_Part, frozen=True, kw_only=True):
    """When refusals by rules stop a session until somebody writes to it."""

    running: Count = 3
    """So many with neither another call nor a message of the user between them."""
    in_all: Count = 20
    """So many in the session; each further one stops it, too."""


class RuleSet(_Part, frozen=True, kw_only=True):
    """Rules that are set together; their order means nothing."""

    rules: tuple[Rule, ...] = ()
    circuit_breaker: CircuitBreaker = CircuitBreaker()


class RuleSetVersion(msgspec.Struct, frozen=True):
    """A rule set as it was set."""

    agent_id: str
    """The agent whose calls it is about; ``''`` is all agents of the workspace."""
    version: int
    """From 1; 0 is the empty set that stands before any was set."""
    rules: RuleSet = RuleSet()
