"""Small English lexicons: words and phrases that mean one thing, kept careful rather than complete.

A lexicon has *cues*, lower-case substrings without which its pattern cannot match: most messages are settled by a
substring search, which is what makes reading thousands of sessions a second possible.
"""

import re

import msgspec


class Lexicon(msgspec.Struct, frozen=True):
    """Phrases of one meaning."""

    cues: tuple[str, ...]
    pattern: re.Pattern[str]

    def holds(self, text: str) -> bool:
        """Whether the lower-case ``text`` has one of the phrases."""
        return any(cue in text for cue in self.cues) and self.pattern.search(text) is not None


def lexicon(cues: str, *alternatives: str) -> Lexicon:
    """The lexicon of these regular expressions; ``cues`` are separated by ``|``."""
    return Lexicon(tuple(cues.split("|")), re.compile("|".join(alternatives), re.MULTILINE))
