"""Arguments of a tool call that look like settings one could turn: a limit, a mode, a switch."""

import re
from collections.abc import Mapping
from typing import Any

from reverie.digests.field_name import is_particular

_LONGEST_VALUE = 24
_ENUM = re.compile(r"[a-z]{2,}(?:[_-][a-z]+){0,2}")
_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,4})?")


def parameters_of(arguments: Mapping[str, Any], code_argument: str | None) -> tuple[tuple[str, str], ...]:
    """Field and value of each argument that looks like a parameter: a true/false, a short number, an enum word.

    Ids, names, amounts, places and free text are recognised by the field's name or the value's form, and left out.
    """
    found = []
    for field, value in arguments.items():
        text = _setting(value)
        if text is not None and field != code_argument and not is_particular(field):
            found.append((field, text))
    return tuple(found)


def _setting(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        text = str(value)
        return text if _NUMBER.fullmatch(text) else None
    if isinstance(value, str) and len(value) <= _LONGEST_VALUE and (_ENUM.fullmatch(value) or _NUMBER.fullmatch(value)):
        return value
    return None
