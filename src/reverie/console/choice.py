"""A value that a page or a form was given, as one of those that there are."""

from collections.abc import Sequence
from typing import TypeVar

from reverie.errors import InputError

Known = TypeVar("Known", bound=str)


def one_of(value: str, known: Sequence[Known], name: str) -> Known:
    """``value``, where there is such a thing; ``name`` is the field's.

    Raises:
        InputError: there is not.
    """
    for each in known:
        if each == value:
            return each
    raise InputError(f"{name}: {value!r} is none of {', '.join(known)}")
