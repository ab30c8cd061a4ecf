"""What an agent's message does, by its words."""

import re
from functools import lru_cache
from typing import Literal

import msgspec

from reverie.digests.lexicon import lexicon
from reverie.digests.speech_acts import speech_acts

Act = Literal["ask", "confirm", "answer"]


class MessageActs(msgspec.Struct, frozen=True):
    """What one agent message does, read from its words: one act, and signals and speech acts beside it."""

    act: Act
    """Asks for information, asks leave to go on, or neither."""
    signals: tuple[str, ...]
    """Any of ``apology``, ``refusal``, ``fallback``, ``escalation``."""
    speech: tuple[str, ...]
    """The speech acts it performs."""


_COURTESY = lexicon(
    "else|assist|help|other|further|more|let me know if",
    r"\b(?:anything|something) else\b[^.!?\n]*[.!?]?",
    r"\bhow (?:can|may|could) i (?:help|assist)\b[^.!?\n]*[.!?]?",
    r"\bwhat (?:can|may) i (?:help|assist|do for)\b[^.!?\n]*[.!?]?",
    r"\bany (?:other|further|more) (?:questions?|assistance|help|requests?)\b[^.!?\n]*[.!?]?",
    r"\blet me know if\b[^.!?\n]*[.!?]?",
)
"""Ends of sentences that only look like questions."""
_CONFIRM = lexicon(
    "confirm|proceed|go ahead|yes|correct|right|okay|good|shall i|should i|want me to|like me to",
    r"\bconfirm (?:if|whether|that|this|these|those|with|to proceed|you(?:'d| would| want| wish| agree))",
    r"\bconfirm the (?:details|above|following|changes?|cancellation|booking|refund|order|exchange|return|update)",
    r"\b(?:please|you) confirm\b[^.?\n]{0,60}\b(?:proceed|yes)\b",
    r"\bdo you confirm\b",
    r"\(yes/no\)|\byes or no\b",
    r"\b(?:would|do) you (?:like|want|wish)(?: me)? to (?:proceed|go ahead|continue)\b",
    r"\b(?:shall|should|may|can) i (?:proceed|go ahead|continue)\b",
    r"\b(?:shall|should) i\b[^.\n]{0,120}\?",
    r"\b(?:want|like) me to\b[^.\n]{0,120}\?",
    r"\b(?:reply|respond|answer|say|type) (?:with )?[\"'“]?yes\b",
    r"\b(?:is (?:that|this|everything)|are these(?: details)?) (?:all )?(?:correct|right|okay|good)\b[^.\n]{0,40}\?",
    r"\bdoes (?:that|this)(?: all)? (?:look|sound) (?:correct|right|okay|good)\b[^.\n]{0,40}\?",
)
_REQUEST = lexicon(
    "please|need your|let me know|if you",
    r"\bplease (?:also )?(?:provide|share|tell|specify|give|send|enter|choose|select|let me know)\b",
    r"\bplease (?:also )?(?:clarify|confirm|verify)\b",
    r"\bneed your\b",
    r"\bif you (?:can|could) (?:provide|share|tell|send)\b",
    r"\blet me know (?:which|what|how|whether|your|the|when|where|who)\b",
)
_IGNORANCE = lexicon(
    "know|understand|sure|rephrase|information|beyond",
    r"\b(?:i|we) (?:don't|do not|didn't|did not) (?:\w+ )?(?:know|understand|have (?:that|this|any|the) information)\b",
    r"\b(?:i'm|i am) not (?:\w+ )?sure (?:what|how|i|about|if)\b",
    r"\brephrase\b",
    r"\b(?:no|not have) (?:\w+ )?information (?:on|about)\b",
    r"\bbeyond my\b",
)
_SIGNALS = {
    "apology": lexicon(
        "sorry|apolog|my mistake|my bad|my error",
        r"\bsorry\b(?! to (?:hear|learn))",
        r"\bapolog(?:y|ies|i[sz]e)",
        r"\bmy (?:mistake|bad|error)\b",
    ),
    "refusal": lexicon(
        "unable|cannot|can't|can not|not able|not possible|not permitted|not allowed|not eligible|won't|against",
        r"\b(?:i|we)(?:'m|'re| am| are) (?:currently |also )?(?:unable|not (?:able|allowed|permitted|authorized)) to\b",
        r"\b(?:i|we) (?:cannot|can't|can not|won't)(?! (?:find|see|locate|tell|wait|thank))\b",
        r"\b(?:is|are|it's|be) not (?:possible|permitted|allowed|eligible)\b",
        r"\b(?:cannot|can't|can not) be (?:cancell?ed|modified|changed|refunded|processed|returned|exchanged|done)\b",
        r"\bagainst (?:our|the|company|my) polic",
    ),
    "escalation": lexicon(
        "transfer|connect|hand|escalat|human",
        r"\b(?:transfer(?:ring|red)?|connect(?:ing)?|hand(?:ing)?) (?:you|this|the (?:user|customer|case))"
        r"\b[^.\n]{0,40}\b(?:to|with|over)\b",
        r"\bescalat(?:e|ed|ing)\b",
        r"\bhuman (?:agent|representative|colleague|operator)\b",
    ),
}
_PLAN = lexicon(
    "plan|step|first",
    r"\b(?:my|our) plan\b",
    r"\bhere(?:'s| is) (?:the|a|my|our) plan\b",
    r"^\W*plan\b\s*:",
    r"\bstep (?:1|one)\b",
    r"^\W*steps?\s*:",
    r"\bfirst\b[^\n]{1,200}\bthen\b",
)
_NUMBERED = re.compile(r"^\s*1[.)]\s.*(?:\n.*){0,4}\n\s*2[.)]\s", re.MULTILINE)
_LONGEST = 4_000


def read_wording(message: str) -> MessageActs:
    """What an agent's message does. Only its first 4,000 characters count."""
    return _read(_plain(message))


@lru_cache(maxsize=4096)
def _read(text: str) -> MessageActs:
    signals = [name for name, words in _SIGNALS.items() if words.holds(text)]
    if "refusal" in signals or _IGNORANCE.holds(text):
        signals.append("fallback")
    return MessageActs(act=_act(text), signals=tuple(signals), speech=speech_acts(text))


def writes_plan(text: str, *, thinking: bool) -> bool:
    """Whether the text lays out steps to come; a bare numbered list is a plan only when ``thinking``."""
    if _PLAN.holds(_plain(text)):
        return True
    return thinking and "2" in text and _NUMBERED.search(text[:_LONGEST]) is not None


def _plain(text: str) -> str:
    return text[:_LONGEST].lower().replace("’", "'")


def _act(text: str) -> Act:
    if _COURTESY.holds(text):
        text = _COURTESY.pattern.sub("", text)
    if _CONFIRM.holds(text):
        return "confirm"
    return "ask" if "?" in text or _REQUEST.holds(text) else "answer"
