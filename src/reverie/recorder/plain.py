"""What a program hands over, whatever it is, as text or as what JSON can hold."""

from typing import Any

import msgspec

_TOO_ODD = (TypeError, ValueError, RecursionError, OverflowError)


def plain(value: Any) -> Any:
    """``value`` as plain JSON types; what JSON cannot hold is told by its ``repr``."""
    try:
        # There and back, so that what is kept is a copy: the program may go on changing its own.
        return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_described))
    except _TOO_ODD:
        return well_formed(repr(value))


def _described(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)  # records of Pydantic, which both SDKs answer with
    return dump(mode="json") if callable(dump) and not isinstance(value, type) else repr(value)


def text(value: Any) -> str:
    """A text as it is, nothing as none, anything else as JSON."""
    if isinstance(value, str):
        return well_formed(value)
    return "" if value is None else msgspec.json.encode(plain(value)).decode()


def well_formed(given: str) -> str:
    """``given`` without lone surrogates, which no encoding takes."""
    return given.encode("utf-8", "replace").decode("utf-8")


def blocks(value: Any) -> list[dict[str, str]]:
    """A message's content as text blocks."""
    return [{"type": "text", "text": text(value)}]


def arguments(value: Any) -> dict[str, Any]:
    """A tool's input as an object; what is none is kept under ``raw``."""
    found = {} if value is None else plain(value)
    return found if isinstance(found, dict) else {"raw": found}
