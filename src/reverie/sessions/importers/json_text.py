"""JSON as agents' logs hold it, decoded fast, and made fit for PostgreSQL.

Two things a log may hold cannot be stored in ``text`` or ``jsonb``: NUL characters and lone surrogates. Both become
U+FFFD. Numbers beyond JSON (NaN, infinities), which Python writes, become text.
"""

import json
import math
import re
from typing import Any, TypeVar

import msgspec

from reverie.errors import ImportFormatError

Kind = TypeVar("Kind")

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """``value`` (decoded JSON) with every character that cannot be stored replaced."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


def decode_json(data: bytes | str) -> Any:
    """The value ``data`` holds.

    Raises:
        ImportFormatError: ``data`` is not UTF-8 or not JSON; says where.
    """
    escaped_nul = b"u0000" in data if isinstance(data, bytes) else "u0000" in data
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return storable(_decode_leniently(data))
    return storable(value) if escaped_nul else value


def decode_json_as(data: bytes, kind: type[Kind]) -> Kind:
    """The value ``data`` holds, as ``kind``; faster than :func:`decode_json` where much of it is not wanted.

    Raises:
        ImportFormatError: ``data`` is not UTF-8, not JSON, or not a ``kind``; says where.
    """
    if b"u0000" not in data:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass  # The slow way below either reads it or says what is wrong.
    try:
        return msgspec.convert(decode_json(data), kind)
    except msgspec.ValidationError as error:
        raise ImportFormatError(str(error)) from error


def _decode_leniently(data: bytes | str) -> Any:
    try:
        text = data.decode() if isinstance(data, bytes) else data
        return json.loads(text, parse_constant=str, parse_float=_finite_or_text)
    except UnicodeDecodeError as error:
        raise ImportFormatError(f"not UTF-8: {error.reason} at byte {error.start + 1}") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, character {error.colno}" if error.lineno > 1 else f"character {error.colno}"
        raise ImportFormatError(f"broken JSON at {place}: {error.msg}") from error
    except RecursionError as error:
        raise ImportFormatError("JSON nested too deeply") from error
    except ValueError as error:  # a whole number of more than 4,300 digits
        raise ImportFormatError(f"broken JSON: {error}") from error


def _finite_or_text(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
