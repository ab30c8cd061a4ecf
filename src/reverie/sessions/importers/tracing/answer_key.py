"""Fields in which evaluations keep what the right answer is: they are never part of a session."""

import re
from collections.abc import Mapping
from typing import Any

_KEY = re.compile(
    r"(?:^|[._-])(?:expected|golden|gold|ground_?truth|reference|correct|target|answer_?key|label)"
    r"(?:[._-]?(?:output|outputs|answer|answers|response|result|value|actions?|text|label|labels))?(?:$|[._-])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def is_answer_key(field: str) -> bool:
    """Whether a field of this name holds what only a grader may know."""
    return _KEY.search(_CAMEL.sub("_", field)) is not None


def without_answers(given: Any) -> dict[str, Any]:
    """An object's plain fields, as tags, without what only a grader may know; nothing for any other value."""
    if not isinstance(given, Mapping):
        return {}
    plain = {name: value for name, value in given.items() if isinstance(value, str | int | float | bool)}
    return {name: value for name, value in plain.items() if not is_answer_key(name) and value != ""}
