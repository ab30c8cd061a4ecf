"""How much of memory a session is shown at its start, as its agent's metadata may say."""

from collections.abc import Mapping

import msgspec

from reverie.errors import InputError

TOKENS_KEY, ITEMS_KEY = "reverie_briefing_tokens", "reverie_briefing_items"
"""Metadata of an agent."""
MOST_TOKENS = 800
MOST_ITEMS = 8
_RANGES = {TOKENS_KEY: (100, 8_000), ITEMS_KEY: (1, 64)}


class BriefingSize(msgspec.Struct, frozen=True):
    """A budget of tokens and a number of items."""

    tokens: int = MOST_TOKENS
    items: int = MOST_ITEMS


USUAL_SIZE = BriefingSize()


def read_size(metadata: Mapping[str, str]) -> BriefingSize:
    """The size that an agent's metadata asks for.

    Raises:
        InputError: a value is no whole number of its range; the message names the key.
    """
    return BriefingSize(_read(metadata, TOKENS_KEY, MOST_TOKENS), _read(metadata, ITEMS_KEY, MOST_ITEMS))


def _read(metadata: Mapping[str, str], key: str, default: int) -> int:
    text = metadata.get(key)
    if text is None:
        return default
    least, most = _RANGES[key]
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise InputError(f"metadata.{key}: {text!r}; give a whole number from {least} to {most:,}")
    return int(text)
