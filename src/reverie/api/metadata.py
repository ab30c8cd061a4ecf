"""Metadata: up to sixteen pairs of the user's own on a resource, changed key by key."""

from collections.abc import Mapping

from reverie.api.limits import MOST_METADATA_KEY_CHARACTERS, MOST_METADATA_VALUE_CHARACTERS
from reverie.errors import InputError

MOST_PAIRS = 16


def check_metadata(metadata: Mapping[str, str], code: str | None = None) -> dict[str, str]:
    """Accept metadata; ``code`` is the error code to refuse with.

    Raises:
        InputError: there are too many pairs, or a key or value is too long.
    """
    if len(metadata) > MOST_PAIRS:
        raise InputError(f"metadata: {len(metadata)} pairs; at most {MOST_PAIRS} are allowed", code=code)
    for key, value in metadata.items():
        if not 1 <= len(key) <= MOST_METADATA_KEY_CHARACTERS or len(value) > MOST_METADATA_VALUE_CHARACTERS:
            raise InputError(
                f"metadata.{key[:MOST_METADATA_KEY_CHARACTERS]}: keys have 1 to {MOST_METADATA_KEY_CHARACTERS} "
                f"characters and values at most {MOST_METADATA_VALUE_CHARACTERS}",
                code=code,
            )
    return dict(metadata)


def patch_metadata(
    present: Mapping[str, str],
    patch: Mapping[str, str | None] | None,
    *,
    empty_deletes: bool = False,
    code: str | None = None,
) -> dict[str, str]:
    """``present`` with the keys of ``patch`` set, or deleted where its value is None (or empty, where that deletes).

    Raises:
        InputError: the outcome breaks the rules of metadata.
    """
    merged = dict(present)
    for key, value in (patch or {}).items():
        if value is None or (empty_deletes and value == ""):
            merged.pop(key, None)
        else:
            merged[key] = value
    return check_metadata(merged, code)
