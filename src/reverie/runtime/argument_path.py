"""Where in a call's input a value stands: ``command``, ``to[0].address``, ``files[*].path``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.errors import InputError

Step = str | int | None
"""A field's name, a place in a list (from 0; from the end where negative), or None for every place."""
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<place>-?\d{1,9}|\*)\]")


def read_path(text: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        InputError: it is none.
    """
    steps: list[Step] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None or (text[place] == "." and place == 0):
            raise InputError(f"{text!r} is no path; write it as in files[0].name or files[*].name")
        if found["name"] is not None:
            if steps and text[place] != ".":
                raise InputError(f"{text!r} is no path; there is a dot missing before {found['name']!r}")
            steps.append(found["name"])
        else:
            steps.append(None if found["place"] == "*" else int(found["place"]))
        place = found.end()
    if not steps:
        raise InputError("a path has at least one name; leave it out to look at every value")
    return tuple(steps)


def values_at(value: Any, steps: Sequence[Step]) -> list[Any]:
    """What stands at a path: nothing, one value, or several."""
    found = [value]
    for step in steps:
        found = [inner for outer in found for inner in _step(outer, step)]
    return found


def _step(value: Any, step: Step) -> Iterator[Any]:
    if isinstance(step, str):
        if isinstance(value, Mapping) and step in value:
            yield value[step]
    elif isinstance(value, list | tuple):
        if step is None:
            yield from value
        elif -len(value) <= step < len(value):
            yield value[step]


def leaves(value: Any) -> Iterator[Any]:
    """The texts, numbers, truths and nulls within a value, in order, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting.extend(reversed(list(one.values())))
        elif isinstance(one, list | tuple):
            waiting.extend(reversed(one))
        else:
            yield one
