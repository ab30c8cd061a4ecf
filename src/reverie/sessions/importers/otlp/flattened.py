"""Lists of objects that a vocabulary spreads over a span's attributes: ``llm.input_messages.0.message.role``."""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.otlp.operation import structured


def items(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """The objects of the list ``prefix``, each by its own flat names; also where it is one attribute, as a list."""
    whole = structured(attributes.get(prefix))
    if isinstance(whole, list):
        return [dict(_flat(item, "")) for item in whole if isinstance(item, dict)]
    found: dict[int, dict[str, Any]] = {}
    begin = len(prefix) + 1
    for key, value in attributes.items():
        if key.startswith(prefix) and key[begin - 1 : begin] == ".":
            number, _, rest = key[begin:].partition(".")
            if rest and number.isascii() and number.isdigit() and len(number) < 10:
                found.setdefault(int(number), {})[rest] = value
    return [found[number] for number in sorted(found)]


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value
