"""The rules of memory stores: names, descriptions and metadata."""

import unicodedata
from collections.abc import Mapping

from reverie.errors import InputError

MAX_MEMORIES = 2_000
MAX_NAME_CHARACTERS = 255
MAX_DESCRIPTION_CHARACTERS = 1_024
MAX_METADATA_PAIRS = 16
MAX_METADATA_KEY_CHARACTERS = 64
MAX_METADATA_VALUE_CHARACTERS = 512


def check_store(name: str, description: str, metadata: Mapping[str, str]) -> None:
    """Accept what describes a store.

    Raises:
        InputError: a field breaks its rule; the message names the field.
    """
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise InputError(f"store name: {len(name)} characters; give 1 to {MAX_NAME_CHARACTERS}")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InputError(f"store name {name!r} holds a control character; leave it out")
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise InputError(
            f"store description: {len(description)} characters; at most {MAX_DESCRIPTION_CHARACTERS} are allowed"
        )
    if len(metadata) > MAX_METADATA_PAIRS:
        raise InputError(f"store metadata: {len(metadata)} pairs; at most {MAX_METADATA_PAIRS} are allowed")
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY_CHARACTERS or len(value) > MAX_METADATA_VALUE_CHARACTERS:
            raise InputError(
                f"store metadata {key[:MAX_METADATA_KEY_CHARACTERS]!r}: keys have at most "
                f"{MAX_METADATA_KEY_CHARACTERS} characters and values {MAX_METADATA_VALUE_CHARACTERS}"
            )
