"""Long texts of a sample, which lie beside it and are named by their hash where they belong."""

import re
from typing import Any

_REFERENCE = re.compile(r"(?:attachment|tc)://([0-9a-f]{32})")


class Attachments:
    """The long texts of one sample, by hash."""

    def __init__(self, given: Any) -> None:
        self._texts = {k: v for k, v in given.items() if isinstance(v, str)} if isinstance(given, dict) else {}

    def filled(self, value: Any) -> Any:
        """``value`` (JSON) with the texts in place of their names; a name without a text stays."""
        if not self._texts:
            return value
        if isinstance(value, str):
            return _REFERENCE.sub(lambda found: self._texts.get(found[1], found[0]), value) if "://" in value else value
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return value
