"""Judging calls by rules: pure, from a call and what its session has come to so far."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.digests.predicate import searcher
from reverie.runtime.argument_path import leaves, read_path, values_at
from reverie.runtime.prefix import Count, Prefix, Watched, watched
from reverie.runtime.rule import (
    ArgumentTest,
    CountTest,
    Globs,
    RateTest,
    Rule,
    RuleSetVersion,
    SpentTest,
    When,
)
from reverie.runtime.rule_file import BREAKER
from reverie.runtime.rule_report import SEVERITY, Outcome
from reverie.runtime.tool_names import ToolNames, matcher


class JudgedCall(msgspec.Struct, frozen=True):
    """A call before it is run."""

    names: ToolNames
    input: Any
    at: datetime | None
    """When the event that tells of it happened."""


class Firing(msgspec.Struct, frozen=True):
    """A rule that holds for a call."""

    rule: str
    agent_id: str
    """Whose rule set it is of; ``''`` is the workspace's."""
    version: int
    verdict: Outcome
    enforced: bool
    """False for rules that are only noted."""


class Verdict(msgspec.Struct, frozen=True):
    """What rules say of a call."""

    outcome: Outcome | None = None
    """None where no rule decides, so that the agent's own permission policy does."""
    rule: str = ""
    """The rule that decides."""
    message: str = ""
    firings: tuple[Firing, ...] = ()
    """Of every rule that holds, in the order of set and name."""


Holds = Callable[[Prefix, JudgedCall], bool]


class RuleBook:
    """The rules that stand for an agent's calls: those of its workspace and its own."""

    def __init__(self, sets: Sequence[RuleSetVersion]) -> None:
        """Compile the rules.

        Raises:
            InputError: a pattern, a path or a predicate cannot be used.
        """
        self.sets = tuple(sorted(sets, key=lambda one: one.agent_id))
        self._rules = [
            (one, rule, _holds(rule))
            for one in self.sets
            for rule in sorted(one.rules.rules, key=lambda rule: rule.name)
        ]
        whens = [rule.when for _, rule, _ in self._rules]
        self._wanted: Watched = watched(
            [predicate for when in whens for predicate in (*when.seen, *when.unseen)],
            [when.tainted for when in whens if when.tainted is not None],
        )

    @property
    def is_empty(self) -> bool:
        """Whether there are no rules at all."""
        return not self._rules

    def begin(self) -> Prefix:
        """The facts of a session of which nothing has been read yet."""
        return Prefix(self._wanted)

    def judge(self, prefix: Prefix, call: JudgedCall) -> Verdict:
        """What becomes of a call: the most severe of the rules that hold; of equals, the first by set and name."""
        held = [(one, rule) for one, rule, holds in self._rules if holds(prefix, call)]
        firings = tuple(
            Firing(rule.name, one.agent_id, one.version, rule.then, rule.mode == "enforce") for one, rule in held
        )
        deciding = [rule for _, rule in held if rule.mode == "enforce" and rule.then != "flag"]
        if not deciding:
            return Verdict(firings=firings)
        rule = max(deciding, key=lambda rule: SEVERITY[rule.then])
        return Verdict(rule.then, rule.name, rule.message or _message(rule), firings)

    def tripped(self, prefix: Prefix) -> Firing | None:
        """The circuit breaker's firing, if the latest call, which was refused, is one refusal too many."""
        for one in self.sets:
            breaker = one.rules.circuit_breaker
            if prefix.refused_running >= breaker.running or prefix.refused_in_all >= breaker.in_all:
                return Firing(BREAKER, one.agent_id, one.version, "pause", True)
        return None


def _message(rule: Rule) -> str:
    return f"Rule {rule.name} does not allow this call; it was not run."


def _holds(rule: Rule) -> Holds:
    when, strict = rule.when, rule.then != "allow"
    is_meant = matcher(when.tool)
    conditions: list[Holds] = [lambda _, call: is_meant(call.names)]
    conditions += [_argument(test, strict) for test in when.arguments]
    conditions += _on_prefix(when)
    return lambda prefix, call: all(holds(prefix, call) for holds in conditions)


def _on_prefix(when: When) -> Iterator[Holds]:
    if when.seen or when.unseen:
        seen, unseen = frozenset(when.seen), frozenset(when.unseen)
        yield lambda prefix, _: seen <= prefix.held and not unseen & prefix.held
    for test in when.counts:
        yield _count(test, when.tool)
    if when.rate is not None:
        yield _rate(when.rate, when.tool)
    if when.spent is not None:
        yield _spent(when.spent)
    if when.tainted is not None:
        taint, clears = when.tainted, matcher(when.tainted.cleared_by)
        yield lambda prefix, _: prefix.is_tainted(taint, clears)


def _count(test: CountTest, tool: Globs) -> Holds:
    matches = matcher(tool if test.tool is None else test.tool)

    def holds(prefix: Prefix, _: JudgedCall) -> bool:
        counts: Mapping[str, Count] = {"calls": prefix.calls, "errors": prefix.errors, "denials": prefix.denials}
        return test.hold(sum(number for names, number in counts[test.of].items() if matches(names)))

    return holds


def _rate(test: RateTest, tool: Globs) -> Holds:
    matches = matcher(tool if test.tool is None else test.tool)

    def holds(prefix: Prefix, call: JudgedCall) -> bool:
        return call.at is not None and prefix.calls_since(matches, test.seconds, call.at) >= test.calls

    return holds


def _spent(test: SpentTest) -> Holds:
    def holds(prefix: Prefix, _: JudgedCall) -> bool:
        return (test.usd is None or prefix.usd >= test.usd) and (test.tokens is None or prefix.tokens >= test.tokens)

    return holds


def _argument(test: ArgumentTest, strict: bool) -> Holds:
    """A test of what a call is given.

    Where several values stand at a path, one that meets the test is enough to restrict a call (``strict``), and all of
    them have to meet it before the call is allowed; what cannot be compared counts against the call in either case.
    """
    steps = () if test.path is None else read_path(test.path)
    meets = _meets(test, strict)

    def holds(_: Prefix, call: JudgedCall) -> bool:
        found = values_at(call.input, steps)
        if test.present is not None and test.present != bool(found):
            return False
        if meets is None:
            return True
        met = [meets(leaf) for leaf in leaves(found)]
        return any(met) if strict else bool(met) and all(met)

    return holds


def _meets(test: ArgumentTest, strict: bool) -> Callable[[Any], bool] | None:
    """Whether a value meets what is asked of it; None where nothing is."""
    tests: list[Callable[[Any], bool]] = []
    if test.pattern is not None:
        found = searcher(test.pattern, None)
        tests.append(lambda value: found(_as_text(value)))
    if test.equals is not msgspec.UNSET:
        wanted = test.equals
        tests.append(lambda value: _equal(value, wanted))
    if test.given:
        tests.append(lambda value: strict if (number := _as_number(value)) is None else test.hold(number))
    return (lambda value: all(one(value) for one in tests)) if tests else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _equal(value: Any, wanted: Any) -> bool:
    """Models write ``"5"`` for 5 and ``"true"`` for true: the same text is the same value."""
    if isinstance(value, int | float) and isinstance(wanted, int | float) and not isinstance(value, bool):
        return not isinstance(wanted, bool) and value == wanted
    return _as_text(value) == _as_text(wanted)


def _as_number(value: Any) -> float | None:
    """The number that a value is, or says; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")  # type: ignore[operator]
    return None if number != number else number
