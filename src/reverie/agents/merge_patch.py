"""JSON merge patches (RFC 7396): what is left out stays, null takes away, lists are replaced whole."""

from collections.abc import Mapping
from typing import Any


def merged(target: Any, patch: Any) -> Any:
    """``target`` with a patch applied."""
    if not isinstance(patch, Mapping):
        return patch
    changed = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            changed.pop(key, None)
        else:
            changed[key] = merged(changed.get(key), value)
    return changed


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that turns one object into the other; a member that is null there is one that is not there."""
    patch: dict[str, Any] = {}
    for key in sorted({*before, *after}):
        was, becomes = before.get(key), after.get(key)
        if was == becomes:
            continue
        if isinstance(was, Mapping) and isinstance(becomes, Mapping):
            becomes = difference(was, becomes)
        patch[key] = becomes
    return patch
