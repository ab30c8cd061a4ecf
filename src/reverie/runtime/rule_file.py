"""Reading rule sets: from YAML or from what a request holds, with errors that name rule and field."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.digests.predicate import searcher, watching
from reverie.errors import InputError
from reverie.runtime.argument_path import read_path
from reverie.runtime.rule import ArgumentTest, Bounds, CircuitBreaker, CountTest, Rule, RuleSet, Taint, When
from reverie.runtime.yaml_record import choices_in, convert, load_yaml, near_field, refusals

MOST_RULES = 500
BREAKER = "circuit-breaker"
"""Under this name the circuit breaker's own firings are noted, so no rule may have it."""
_CHOICES = choices_in((Rule, CountTest, Taint))


def load_rules(text: str, source: str) -> RuleSet:
    """The rule set that a YAML text describes; JSON is YAML.

    Args:
        source: what the text is called in messages, such as a file's path.

    Raises:
        InputError: it describes none; the message names the source, the rule and the field.
    """
    return read_rules(load_yaml(text, source), source)


def read_rules(document: Any, source: str = "rules") -> RuleSet:
    """The rule set that a document describes.

    Raises:
        InputError: it describes none; the message names the source, the rule and the field.
    """
    if isinstance(document, list):
        document = {"rules": document}
    if not isinstance(document, Mapping):
        raise InputError(f"{source}: must hold `rules:` with a list of rules")
    for field in document:
        if field not in RuleSet.__struct_fields__:
            raise InputError(f"{source}: {field}: no such field; {_hint(str(field), RuleSet)}")
    given = document.get("rules")
    if given is not None and not isinstance(given, list | tuple):
        raise InputError(f"{source}: rules: must be a list; begin each rule with a dash")
    if given and len(given) > MOST_RULES:
        raise InputError(f"{source}: rules: {len(given)} rules; at most {MOST_RULES}")
    rules = [_read_rule(rule, f"{source}: {_called(rule, place)}") for place, rule in enumerate(given or ())]
    names = [rule.name.casefold() for rule in rules]
    for place, rule in enumerate(rules):
        if rule.name.casefold() in names[:place]:
            raise InputError(f"{source}: {_called(rule, place)}: name: another rule has it; give each its own")
    breaker = document.get("circuit_breaker")
    where = f"{source}: circuit_breaker"
    return RuleSet(
        rules=tuple(rules), circuit_breaker=_convert({} if breaker is None else breaker, CircuitBreaker, where)
    )


def _called(rule: Any, place: int) -> str:
    """How messages call a rule: by its name, else by its place."""
    name = rule.get("name") if isinstance(rule, Mapping) else getattr(rule, "name", None)
    return f"rule {name}" if isinstance(name, str) and name else f"rule number {place + 1}"


def _read_rule(given: Any, where: str) -> Rule:
    rule: Rule = _convert(given, Rule, where)
    if rule.name == BREAKER:
        raise InputError(f"{where}: name: is kept for the circuit breaker; choose another")
    if rule.when == When() and not (isinstance(given, Mapping) and given.get("when")):
        raise InputError(f"{where}: when: says nothing; for a rule about every call write `tool: '*'`")
    for field, problem in _problems(rule):
        raise InputError(f"{where}: {field}: {problem}")
    return rule


def _convert(given: Any, kind: Any, where: str) -> Any:
    """``given`` as a record.

    Raises:
        InputError: it is none.
    """
    return convert(given, kind, where, lambda name, field: _hint(name, kind, field), _CHOICES)


def _hint(name: str, kind: Any, field: str = "") -> str:
    part = {"": kind, "when": When}.get(field) or (ArgumentTest if field.startswith("when.arguments") else None)
    return near_field(name, part, "docs/rules.md")


def _problems(rule: Rule) -> Iterator[tuple[str, str]]:
    """Fields that are of the right type and say what cannot be, with what is wrong."""
    when = rule.when
    for place, test in enumerate(when.arguments):
        yield from _argument_problems(test, f"when.arguments[{place}]")
    for field, predicates in (("seen", when.seen), ("unseen", when.unseen)):
        for place, predicate in enumerate(predicates):
            yield from refusals(f"when.{field}[{place}]", lambda predicate=predicate: watching(predicate))
    for place, count in enumerate(when.counts):
        if not count.given:
            yield f"when.counts[{place}]", "compares with nothing; give above, at_least, below or at_most"
    if when.spent is not None and when.spent.usd is None and when.spent.tokens is None:
        yield "when.spent", "says nothing; give usd or tokens"
    if when.tainted is not None:
        yield from _pattern_problems("when.tainted.pattern", when.tainted.pattern)
        if not when.tainted.by:
            yield "when.tainted.by", "names no tool"
    if not when.tool:
        yield "when.tool", "names no tool"


def _argument_problems(test: ArgumentTest, field: str) -> Iterator[tuple[str, str]]:
    asked = test.pattern is not None or test.equals is not msgspec.UNSET or test.present is not None
    if not asked and not test.given:
        yield field, f"asks for nothing; give pattern, equals, present or one of {', '.join(Bounds.__struct_fields__)}"
    yield from _pattern_problems(f"{field}.pattern", test.pattern)
    if test.path is not None:
        yield from refusals(f"{field}.path", lambda: read_path(test.path or ""))


def _pattern_problems(field: str, pattern: str | None) -> Iterator[tuple[str, str]]:
    if pattern is not None:
        yield from refusals(field, lambda: searcher(pattern, None))
