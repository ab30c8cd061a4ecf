"""Standing orders of users that a person looks at before anybody follows them, whoever gave them and how often."""

# ruff: noqa: E501, ISC004 (tables of words and patterns)
import re

from reverie.memory.screening import find_doubtful, find_instruction

_TIME = re.compile(
    r"^\W*(?:(?:please|and|so|ok(?:ay)?|remember|note)[,:]?\s+)*(?:from now on|going forward|in (?:the )?future|henceforth"
    r"|ab (?:jetzt|sofort)|von jetzt an|in zukunft|künftig|a partir de ahora|de ahora en adelante|dorénavant|désormais"
    r"|à partir de maintenant)[,:]?\s*(?:(?:you|du|tu|vous) (?:must|should|will|shall|are to)\s+)?",
    re.IGNORECASE,
)
"""When an order is to hold: every standing order says so, and a note's screening takes it for an attack's mark."""
_CHECKS = (
    r"(?:ask(?:ing)?(?: me)?(?: for)?|confirm(?:ing|ation)?|verif(?:y|ying|ication)|approv(?:al|e|ing)|permissions?"
    r"|authori[sz]ation|authenticat(?:e|ion)|identity|safety|security|guardrails?|redact\w*|audit\w*|consent|2fa|mfa)"
)
_UNSAFE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:never|don['’]?t|do not|no need to|stop|without|skip\w*|bypass\w*|disabl\w*|turn off|ignor\w*|avoid)\b.{{0,40}}\b{_CHECKS}\b",
        r"\b(?:auto[- ]?(?:approve|accept|confirm)|approve everything|say yes to (?:all|every))\b",
        r"--(?:no-verify|dangerously[\w-]*|yolo|force\b(?!-with-lease)|insecure|no-check\w*|skip-(?:verification|checks?))"
        r"|\bchmod\s+777\b|\bverify\s*=\s*false\b|\bsudo\b.{0,20}\bnopasswd\b",
        r"\b(?:always|immediately|automatically)\s+(?:approve|refund|grant|waive|pay|accept|allow|transfer|trust|believe)\b",
        r"\b(?:send|post|upload|forward|copy|e?mail|leak|log|print|include|share)\b.{0,60}\b(?:api[ _-]?keys?|passwords?"
        r"|credentials?|secrets?|tokens?|private keys?|\.env\b|ssh keys?|card numbers?|system prompt)\b",
        r"\b(?:send|post|upload|forward|report|curl|wget|fetch)\b.{0,60}(?:https?://|\b[\w.+-]+@[\w-]+\.\w+)",
        r"\b(?:do not|don['’]?t|never)\b.{0,20}\b(?:tell|mention|inform|reveal|report|log|warn|notify|alert)\b",
        r"\b(?:secretly|silently|hide|conceal)\b.{0,40}\b(?:from|user|customer|log|change)",
        r"\b(?:ohne (?:zu fragen|rückfrage|bestätigung|erlaubnis)|nie (?:nachfragen|um erlaubnis|bestätig\w+))\b",
        r"\bsin (?:preguntar|confirmar|permiso|verificar)\b|\bnunca (?:preguntes|pidas (?:permiso|confirmación)|verifiques)\b",
        r"\bsans (?:demander|confirmer|vérifier|autorisation|confirmation)\b|\bne (?:demande|vérifie|confirme)\w* jamais\b",
        r"(?:不要|别|无需|不用|跳过|绕过|关闭).{0,8}(?:确认|询问|验证|审批|权限|安全|检查身份)",
        r"(?:密码|密钥|令牌).{0,20}(?:发|传|贴)|(?:发|传|贴).{0,20}(?:密码|密钥|令牌)",
    )
)
_NAMED = r"(?:(?!\d+(?:\.\d+)+\b)(?=[\w-]*\d)[\w-]{4,}|[A-Z][\w-]+\s+[A-Z][\w-]+)"
_GIVE = r"(?i:use|take|return|read|look up|refer to|answer|give|fetch|choose|buy|order|query)"
_SWAPS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_GIVE}\b.{{0,60}}{_NAMED}.{{0,60}}\b(?i:instead of|rather than|in place of|when(?:ever)? (?:\w+ ){{0,3}}(?:asked|asks?))\b.{{0,60}}{_NAMED}",
        rf"\b(?i:when(?:ever)?|if|every time)\b.{{0,60}}{_NAMED}.{{0,80}}\b{_GIVE}\b.{{0,60}}{_NAMED}",
        rf"{_NAMED}.{{0,30}}\b(?i:(?:is|are|was|were|has been|have been) (?:now )?(?:stored|saved|moved|kept|filed|found|recorded)|refers? to|means|stands for|should be replaced)\b.{{0,60}}{_NAMED}",
        r"(?i)\b(?:when(?:ever)?|if|every time)\b.{0,40}\b(?:asked|asks?|wants?|requests?)\b.{0,100}\binstead\b",
    )
)
"""Of one thing under the name of another: the bridge that a poisoned memory is made of."""


def why_unsafe(words: str) -> str:
    """Why a person should look at an order before anybody follows it, whoever gave it; empty where nothing speaks so."""
    bare = _TIME.sub("", words)
    attributed = f"The user said to {bare[:1].lower()}{bare[1:]}"
    if find_instruction(bare) or find_instruction(attributed) or any(pattern.search(bare) for pattern in _UNSAFE):
        return "it aims at the agent's safety: checks, secrets, what users are told"
    if any(pattern.search(bare) for pattern in _SWAPS):
        return "it gives one thing for another that was asked for by name"
    return "it may be an order to break the rules" if find_doubtful(bare) else ""
