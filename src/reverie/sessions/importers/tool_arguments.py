"""A tool call's arguments as an object, however a log writes them."""

import ast
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.json_text import decode_json


def tool_arguments(arguments: Any) -> dict[str, Any]:
    """A call's arguments as an object: given as one, as JSON text, or as the repr of a Python dict.

    Text that is none of these is kept under ``raw``.
    """
    if arguments is None or arguments == "":
        return {}
    if isinstance(arguments, dict):
        return arguments
    text = as_text(arguments)
    for read in (decode_json, _python_literal):
        try:
            value = read(text)
        except ImportFormatError:
            continue
        if isinstance(value, dict):
            return value
    return {"raw": text}


def _python_literal(text: str) -> Any:
    try:
        # Through JSON and back, so that tuples, sets and numbers as keys become what JSON can say.
        return decode_json(msgspec.json.encode(ast.literal_eval(text)))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ImportFormatError("not a Python literal") from error
