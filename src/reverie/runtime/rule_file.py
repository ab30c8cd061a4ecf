"""Reading rule sets: from YAML or from what a request holds, with errors that name rule and field."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, get_args, get_type_hints

import msgspec
import yaml

from reverie.digests.predicate import searcher, watching
from reverie.errors import InputError, PredicateError
from reverie.runtime.argument_path import read_path
from reverie.runtime.rule import ArgumentTest, Bounds, CircuitBreaker, CountTest, Rule, RuleSet, Taint, When

MOST_RULES = 500
BREAKER = "circuit-breaker"
"""Under this name the circuit breaker's own firings are noted, so no rule may have it."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$.*?)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$")
_CHOICES = {
    name: [one for one in get_args(hint) if isinstance(one, str)]
    for record in (Rule, CountTest, Taint)
    for name, hint in get_type_hints(record).items()
}
"""The values that fields take which take no others."""
_MISSING = re.compile(r"^Object missing required field `(?P<field>.*)`$")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which a name that is given twice is a mistake: the first of two conditions would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", key_node.start_mark)
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep)


def load_rules(text: str, source: str) -> RuleSet:
    """The rule set that a YAML text describes; JSON is YAML.

    Args:
        source: what the text is called in messages, such as a file's path.

    Raises:
        InputError: it describes none; the message names the source, the rule and the field.
    """
    try:
        document = yaml.load(text, _Loader)  # a safe loader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{source}{line}: is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{source}: is no YAML: {error}") from error
    return read_rules(document, source)


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
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        _refuse(error, kind, where)


def _refuse(error: msgspec.ValidationError, kind: Any, where: str) -> NoReturn:
    """Raise what was wrong, with the field in front."""
    found = _AT.match(str(error))
    what, path = (found["what"], found["path"] or "$") if found else (str(error), "$")
    field = path.removeprefix("$").removeprefix(".")
    for pattern, words in ((_UNKNOWN, "no such field; {}"), (_MISSING, "is missing")):
        named = pattern.match(what)
        if named:
            place = f"{field}.{named['field']}" if field else named["field"]
            raise InputError(f"{where}: {place}: {words.format(_hint(named['field'], kind, field))}") from error
    choices = _CHOICES.get(field.rpartition(".")[2])
    if choices and what.startswith("Invalid enum value"):
        what += f"; give one of {', '.join(choices)}"
    raise InputError(f"{where}: {field or 'rule'}: {what[:1].lower()}{what[1:]}".replace("`", "")) from error


def _hint(name: str, kind: Any, field: str = "") -> str:
    part = {"": kind, "when": When}.get(field) or (ArgumentTest if field.startswith("when.arguments") else None)
    known = list(part.__struct_fields__) if part is not None else []
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(sorted(known))}" if known else "see docs/rules.md for those that there are"


def _problems(rule: Rule) -> Iterator[tuple[str, str]]:
    """Fields that are of the right type and say what cannot be, with what is wrong."""
    when = rule.when
    for place, test in enumerate(when.arguments):
        yield from _argument_problems(test, f"when.arguments[{place}]")
    for field, predicates in (("seen", when.seen), ("unseen", when.unseen)):
        for place, predicate in enumerate(predicates):
            yield from _refusals(f"when.{field}[{place}]", lambda predicate=predicate: watching(predicate))
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
        yield from _refusals(f"{field}.path", lambda: read_path(test.path or ""))


def _pattern_problems(field: str, pattern: str | None) -> Iterator[tuple[str, str]]:
    if pattern is not None:
        yield from _refusals(field, lambda: searcher(pattern, None))


def _refusals(field: str, attempt: Any) -> Iterator[tuple[str, str]]:
    try:
        attempt()
    except (PredicateError, InputError) as error:
        yield field, str(error)
