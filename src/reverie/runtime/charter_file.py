"""Reading charters: from YAML or from what a request holds, with errors that name behaviour and field."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec

from reverie.digests.behaviour_name import read_label
from reverie.digests.predicate import Calls, Says, watching
from reverie.errors import InputError
from reverie.runtime.charter import Charter, CharterBehaviour, Digested, Sign
from reverie.runtime.yaml_record import choices_in, convert, load_yaml, near_field, plain_document, refusals

MOST_BEHAVIOURS = 100
_PAGE = "docs/charter.md"
_CHOICES = choices_in((CharterBehaviour, Says))
_SIGNS = {str(sign.__struct_config__.tag): sign for sign in get_args(Sign)}
_NOT_IN_DIGESTS = ("given", "other")


def load_charter(text: str, source: str) -> Charter:
    """The charter that a YAML text describes; JSON is YAML.

    Args:
        source: what the text is called in messages, such as a file's path.

    Raises:
        InputError: it describes none; the message names the source, the behaviour and the field.
    """
    return read_charter(load_yaml(text, source), source)


def read_charter(document: Any, source: str = "charter") -> Charter:
    """The charter that a document describes.

    Raises:
        InputError: it describes none; the message names the source, the behaviour and the field.
    """
    if isinstance(document, list):
        document = {"behaviours": document}
    if not isinstance(document, Mapping):
        raise InputError(f"{source}: must hold `behaviours:` with a list of behaviours")
    given = document.get("behaviours")
    if given is not None and not isinstance(given, list | tuple):
        raise InputError(f"{source}: behaviours: must be a list; begin each behaviour with a dash")
    if given and len(given) > MOST_BEHAVIOURS:
        raise InputError(f"{source}: behaviours: {len(given)} behaviours; at most {MOST_BEHAVIOURS}")
    read = tuple(_read_behaviour(one, f"{source}: {_called(one, place)}") for place, one in enumerate(given or ()))
    names = [one.name.casefold() for one in read]
    for place, one in enumerate(read):
        if one.name.casefold() in names[:place]:
            raise InputError(f"{source}: behaviour {one.name}: name: another one has it; give each its own")
    rest = {name: value for name, value in document.items() if name != "behaviours" and value is not None}
    charter: Charter = convert(rest, Charter, source, lambda name, _: near_field(name, Charter, _PAGE), _CHOICES)
    return msgspec.structs.replace(charter, behaviours=read)


def charter_document(charter: Charter) -> dict[str, Any]:
    """A charter as it is stored and shown, without what was not said."""
    return {"behaviours": [], **plain_document(msgspec.to_builtins(charter))}


def _called(given: Any, place: int) -> str:
    """How messages call a behaviour: by its name, else by its place."""
    name = given.get("name") if isinstance(given, Mapping) else None
    return f"behaviour {name}" if isinstance(name, str) and name else f"behaviour number {place + 1}"


def _read_behaviour(given: Any, where: str) -> CharterBehaviour:
    kind = (
        given["shows"].get("kind") if isinstance(given, Mapping) and isinstance(given.get("shows"), Mapping) else None
    )
    sign = _SIGNS.get(kind) if isinstance(kind, str) else None
    if isinstance(given, Mapping) and isinstance(given.get("shows"), Mapping) and sign is None:
        raise InputError(f"{where}: shows.kind: give one of {', '.join(sorted(_SIGNS))}; see {_PAGE}")

    def hint(name: str, field: str) -> str:
        return near_field(name, CharterBehaviour if not field else sign, _PAGE)

    behaviour: CharterBehaviour = convert(given, CharterBehaviour, where, hint, _CHOICES)
    for field, problem in _problems(behaviour):
        raise InputError(f"{where}: {field}: {problem}")
    return behaviour


def _problems(behaviour: CharterBehaviour) -> Iterator[tuple[str, str]]:
    """Fields that are of the right type and say what cannot be, with what is wrong."""
    if (behaviour.low, behaviour.high) == (0.0, 1.0):
        yield "at_least", "every rate is allowed; give at_least above 0 or at_most below 1"
    if behaviour.low > behaviour.high:
        yield "at_least", f"{behaviour.low} is above at_most, {behaviour.high}"
    if not behaviour.tasks:
        yield "tasks", "names no task category"
    shows = behaviour.shows
    if isinstance(shows, Calls | Says):
        yield from refusals("shows", lambda: watching(shows))
    elif isinstance(shows, Digested):
        situation, name = read_label(shows.label)
        if not name.is_known or name.family == "model" or situation.kind in _NOT_IN_DIGESTS:
            yield "shows.label", f"“{shows.label}” is no behaviour that digests know; docs/behaviours.md lists them"
