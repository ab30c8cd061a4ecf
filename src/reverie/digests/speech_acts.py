"""What a message does besides asking or answering: a fixed list of speech acts, so that wording can be compared.

Open phrases are left to mining, which knows how many sessions use them; here only acts that mean the same everywhere.
"""

from reverie.digests.lexicon import lexicon

_TROUBLE = r"(?:frustrat|upset|disappoint|annoy|inconvenien|concern|worr|stress|difficult|tough|hard\b|important)"
_WEAK = r"(?! (?:need|have|not|be unable|be able)\b)"

_ACTS = {
    "empathy": lexicon(
        "sorry to|understand|sound|must be|must have|inconvenien",
        r"\bsorry to (?:hear|learn)\b",
        rf"\bi (?:\w+ )?understand (?:how|that|your|this|why|it)\b[^.!?\n]{{0,60}}\b{_TROUBLE}",
        rf"\b(?:that|this|it) (?:must (?:be|have been)|sounds?) (?:\w+ )?{_TROUBLE}",
        r"\b(?:for|about|regarding) (?:the|any|this|your) inconvenience\b",
    ),
    "thanks": lexicon("thank|appreciate", r"\bthank(?:s| you)\b", r"\b(?:i|we) (?:\w+ )?appreciate\b"),
    "summary": lexicon(
        "summar|recap|in short|here's what|here is what",
        r"\bsummar(?:y|i[sz]e|i[sz]ing)\b",
        r"\brecap\b",
        r"\bin short\b",
        r"\bhere(?:'s| is) what (?:i|we)(?:'ve| have)? (?:did|done|found|changed|have|know)\b",
    ),
    "next steps": lexicon(
        "next|you'll|you will|you should",
        r"\bnext steps?\b",
        r"\bwhat (?:happens|comes) next\b",
        r"\byou(?:'ll| will| should) (?:\w+ )?(?:receive|get|see|hear|be (?:notified|refunded|contacted|charged))\b",
    ),
    "promise": lexicon(
        "i'll|i will|we'll|we will|going to|let me",
        rf"\b(?:i|we)(?:'ll| will|'m going to|'re going to| am going to| are going to)\b{_WEAK}",
        r"\blet me\b(?! know)",
    ),
    "hedging": lexicon(
        "perhaps|maybe|possibl|probabl|presumabl|think|believe|guess|assume|seem|appear|might|may be|not sure|sure",
        r"\b(?:perhaps|maybe|possibly|probably|presumably|might)\b",
        r"\bi (?:think|believe|guess|assume|suppose)\b",
        r"\b(?:it|this|that) (?:seems|appears|may be)\b",
        r"\bnot (?:\w+ )?sure\b",
    ),
    "certainty": lexicon(
        "definitely|certain|absolutely|guarantee|doubt|assured|for sure",
        r"\b(?:definitely|guarantee[ds]?|for certain|for sure|no doubt|without (?:a |any )?doubt|rest assured)\b",
        r"\b(?:certainly|absolutely)\b(?!\s*[!,.])",
    ),
}


def speech_acts(text: str) -> tuple[str, ...]:
    """Which of the listed acts a message performs; ``text`` is lower-case with straight apostrophes."""
    return tuple(name for name, act in _ACTS.items() if act.holds(text))
