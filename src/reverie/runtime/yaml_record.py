"""Records that people write as YAML, read with errors that name the source, the part and the field."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, get_args, get_type_hints

import msgspec
import yaml

from reverie.errors import InputError, PredicateError

Hint = Callable[[str, str], str]
"""What to say of a field that is not known or missing: of its name, within the part at a path."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$.*?)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$")
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


def load_yaml(text: str, source: str) -> Any:
    """The document that a YAML text holds; JSON is YAML.

    Raises:
        InputError: it is none; the message names the source and the line.
    """
    try:
        return yaml.load(text, _Loader)  # a safe loader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{source}{line}: is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{source}: is no YAML: {error}") from error


def plain_document(value: Any, kept: frozenset[str] = frozenset()) -> Any:
    """What is made of a record to be stored and shown, without what was not said; ``kept`` may say null."""
    if isinstance(value, dict):
        return {name: plain_document(one, kept) for name, one in value.items() if one is not None or name in kept}
    return [plain_document(one, kept) for one in value] if isinstance(value, list | tuple) else value


def choices_in(records: Iterable[Any]) -> Mapping[str, list[str]]:
    """The values that fields of records take which take no others, and those that fields that are lists take."""
    hints = [item for record in records for item in get_type_hints(record).items()]
    values = (
        (name, (*get_args(hint), *(value for part in get_args(hint) for value in get_args(part))))
        for name, hint in hints
    )
    return {name: [one for one in found if isinstance(one, str)] for name, found in values}


def convert(given: Any, kind: Any, where: str, hint: Hint, choices: Mapping[str, list[str]]) -> Any:
    """``given`` as a record.

    Raises:
        InputError: it is none; the message begins with ``where`` and names the field.
    """
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        _refuse(error, where, hint, choices)


def _refuse(error: msgspec.ValidationError, where: str, hint: Hint, choices: Mapping[str, list[str]]) -> NoReturn:
    """Raise what was wrong, with the field in front."""
    found = _AT.match(str(error))
    what, path = (found["what"], found["path"] or "$") if found else (str(error), "$")
    field = path.removeprefix("$").removeprefix(".")
    for pattern, words in ((_UNKNOWN, "no such field; {}"), (_MISSING, "is missing")):
        named = pattern.match(what)
        if named:
            place = f"{field}.{named['field']}" if field else named["field"]
            raise InputError(f"{where}: {place}: {words.format(hint(named['field'], field))}") from error
    possible = choices.get(field.rpartition(".")[2].partition("[")[0])
    if possible and what.startswith("Invalid enum value"):
        what += f"; give one of {', '.join(possible)}"
    raise InputError(f"{where}: {field or 'it'}: {what[:1].lower()}{what[1:]}".replace("`", "")) from error


def near_field(name: str, part: Any, page: str) -> str:
    """Which field may have been meant; where the part is not known, the ``page`` that lists them."""
    known = list(part.__struct_fields__) if part is not None else []
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(sorted(known))}" if known else f"see {page} for those that there are"


def refusals(field: str, attempt: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with a field, by trying to use it."""
    try:
        attempt()
    except (PredicateError, InputError) as error:
        yield field, str(error)
