"""What has no place in memory: text that says nothing, and orders that came from somebody the agent talked to."""

import re
from typing import Literal

from reverie.memory.rank import words_of
from reverie.sessions.redaction.redactor import PLACEHOLDER

Verdict = Literal["empty", "boilerplate", "redacted", "instruction"]

_BOILERPLATE = {
    "as an ai language model",
    "n a",
    "lorem ipsum",
    "no memories yet",
    "no notes",
    "no notes yet",
    "none",
    "nothing to remember",
    "placeholder",
    "tbd",
    "test",
    "todo",
}
_SAID = (
    r"\b(?:the\s+)?(?:user|customer|client|caller|guest|passenger)s?\s+"
    r"(?:said|says|told|asks?|asked|wants?|wanted|instruct(?:s|ed)?|order(?:s|ed)|demand(?:s|ed)?)\b"
)
_SWEEPING = r"(?:always|never|ignore|bypass|skip|disregard)\b"
# Each names what gives an order away: it overrules the agent's rules, or somebody is said to have given it for good.
_INSTRUCTIONS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!not )(?<!never )\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|polic|rules\b)",
        r"\byou\s+are\s+(?:now\s+(?:a|an|the|in)|no\s+longer)\b",
        r"\bnew\s+(?:system\s+)?instructions?\s*:",
        r"\b(?:reveal|print|show|repeat)\b.{0,30}\b(?:system|hidden|secret)\s+(?:prompt|instruction|message)",
        r"<\s*/?\s*(?:system|instructions?)\s*>",
        r"\bdo\s+not\s+(?:tell|inform)\b.{0,30}\b(?:user|customer|owner|operator|admin)",
        r"\b(?:dear|attention|hey)\s+(?:ai|agent|assistant|bot|model)\b",
        rf"{_SAID}.{{0,40}}(?:\b(?:to|must|should|you)|:)\s*[\"“']?{_SWEEPING}",
        rf"{_SAID}.{{0,60}}\b(?:from\s+now\s+on|in\s+(?:the\s+)?future)\b",
        r"\bfrom\s+now\s+on\b.{0,30}\byou\s+(?:must|should|will|shall|are\s+to)\b",
        rf"\bfrom\s+now\s+on\s*,?\s+(?:please\s+)?{_SWEEPING}",
    )
]


def screen(content: str) -> Verdict | None:
    """Why a text should not be a memory; None where nothing speaks against it."""
    if not words_of(content):
        return "empty"
    if not words_of(PLACEHOLDER.sub("", content)):
        return "redacted"
    if " ".join(words_of(content)) in _BOILERPLATE:
        return "boilerplate"
    return "instruction" if find_instruction(content) else None


def find_instruction(content: str) -> str | None:
    """The passage that orders the agent about on somebody else's word, if any."""
    text = " ".join(content.split())
    return next((match.group() for pattern in _INSTRUCTIONS if (match := pattern.search(text))), None)
