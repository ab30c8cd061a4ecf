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
    )
)
_DE_CHECKS = (
    r"(?:\w*sicherheit\w*|\w*identität\w*|\w*regeln?|vorschrift\w*|richtlinie\w*|anweisung\w*|vorgaben|\w*prüf\w*|bestätig\w*"
    r"|genehmig\w*|freigabe\w*|rückfrag\w*|(?:nach)?(?:zu)?frag\w*|erlaubnis|einwilligung|zustimmung|berechtigung\w*|authentifizier\w*|verifi\w*)"
)
_DE_DROPS = r"(?:ignorier\w*|überspring\w*|umgeh\w*|missacht\w*|deaktivier\w*|vergiss|vergess\w*)"
_DE_NOT = r"(?:nie|niemals|nicht|kein\w*)"
_ES_CHECKS = (
    r"(?:seguridad|verifi\w*|identidad|reglas?|normas?|instrucciones|controles|confirm\w*|aprobaci\w*|autorizaci\w*|permiso"
    r"|consentimiento|pregunt\w*|autentic\w*)"
)
_ES_DROPS = r"(?:ignor\w*|omit\w*|salt(?:a|as|es|ar|arse)|evit\w*|desactiv\w*|olvid\w*|elud\w*)"
_ES_NOT = r"(?:no|nunca|jamás)"
_FR_CHECKS = (
    r"(?:sécurité|vérifi\w*|identité|règles?|consignes?|instructions?|contrôles?|confirm\w*|approbation|autorisation|permission"
    r"|accord|consentement|demand\w*|authentifi\w*)"
)
_FR_DROPS = r"(?:ignor\w*|oubli\w*|contourn\w*|saut\w*|désactiv\w*|évit\w*|omet\w*|outrepass\w*)"
_FR_NOT = r"(?:jamais|pas|plus|aucun\w*)"
_ZH_CHECKS = "(?:确认|询问|验证|核实|审批|审核|权限|安全|身份|检查|规定|规则|许可|同意|政策)"
_ZH_NOT = "(?:不要|别|绝不|切勿|不能|不得|不可)"
_UNSAFE_ELSEWHERE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Checks dropped.
        rf"\b{_DE_DROPS}\b.{{0,40}}\b{_DE_CHECKS}\b|\b(?:{_DE_NOT}|ohne)\b.{{0,40}}\b{_DE_CHECKS}\b"
        rf"|\b(?:frag|prüf|bestätig|verifizier|befolg|beacht)\w*\b.{{0,30}}\b{_DE_NOT}\b",
        rf"\b{_ES_DROPS}\b.{{0,40}}\b{_ES_CHECKS}\b|\b(?:{_ES_NOT}|sin)\b.{{0,40}}\b{_ES_CHECKS}\b",
        rf"\b{_FR_DROPS}\b.{{0,40}}\b{_FR_CHECKS}\b|\bsans\b.{{0,40}}\b{_FR_CHECKS}\b"
        rf"|\bn(?:e\b|').{{0,40}}\b{_FR_CHECKS}\b.{{0,20}}\b{_FR_NOT}\b|\bn(?:e\b|').{{0,20}}\b{_FR_NOT}\b.{{0,40}}\b{_FR_CHECKS}\b",
        rf"(?:{_ZH_NOT}|无需|无须|不用|不必|不再|跳过|绕过|忽略|忽视|无视|省略).{{0,8}}{_ZH_CHECKS}|(?:关闭|停用|禁用).{{0,4}}(?:验证|审批|审核|安全|检查)",
        # Granted to whoever asks.
        r"\b(?:immer|sofort|automatisch|stets)\b.{0,30}\b(?:genehmig|erstatt|bewillig|überweis|freigeb|gewähr)\w*"
        r"|\b(?:genehmig|erstatt|bewillig|überweis|gewähr)\w*\b.{0,30}\b(?:immer|sofort|automatisch|stets|alles)\b",
        r"\b(?:siempre|automáticamente|inmediatamente)\b.{0,30}\b(?:aprueb|aprob|reembols|acept|autori[zc]|conced|transfier)\w*"
        r"|\b(?:aprueb|aprob|reembols|acept|autori[zc]|conced|transfier)\w*\b.{0,30}\b(?:siempre|automáticamente|inmediatamente|todo)\b",
        r"\b(?:toujours|automatiquement|immédiatement)\b.{0,30}\b(?:approuv|rembours|accept|autoris|transfèr)\w*"
        r"|\b(?:approuv|rembours|accept|autoris|transfèr)\w*\b.{0,30}\b(?:toujours|automatiquement|immédiatement|tout)\b",
        "(?:直接|总是|一律|自动|立即|全部).{0,4}(?:批准|退款|通过|同意|付款|放行)",
        # Secrets given away.
        r"\b(?:send|schick|leit|kopier|post|zeig|teil|speicher)\w*\b.{0,60}\b(?:passw[oö]rt\w*|zugangsdaten|\w*schlüssel|geheimnis\w*|tokens?|kartennummer\w*)\b",
        r"\b(?:env[ií]|mand|compart|copi|publi|muestr|muéstr)\w*\b.{0,60}\b(?:contraseñas?|claves?|credenciales|secretos?|tokens?|tarjetas?)\b",
        r"\b(?:envoi|envoy|transme|partag|affich|copi|publi)\w*\b.{0,60}\b(?:mots? de passe|clés?|identifiants|secrets?|jetons?|cartes?)\b",
        "(?:密码|密钥|令牌).{0,20}(?:发|传|贴)|(?:发|传|贴).{0,20}(?:密码|密钥|令牌)",
        # Users kept in the dark.
        rf"\b(?:sag|erzähl|erwähn|verrat|meld|informier|warn|protokollier)\w*\b.{{0,30}}\b{_DE_NOT}\b"
        rf"|\b{_DE_NOT}\b.{{0,20}}\b(?:sagen|erzählen|erwähnen|verraten|melden|informieren|warnen|protokollieren)\b",
        rf"\b{_ES_NOT}\b.{{0,20}}\b(?:digas|menciones|informes|reveles|avises|notifiques|registres)\b",
        r"\bn(?:e\b|').{0,20}\b(?:dis|dites|parle\w*|mentionn\w*|révèl\w*|inform\w*|signal\w*|averti\w*)\b.{0,20}\b(?:jamais|pas|plus|rien)\b",
        f"{_ZH_NOT}.{{0,4}}(?:告诉|提及|通知|提醒|记录|透露)",
    )
)
"""What ``_UNSAFE`` says of English, of the other languages that users' orders are read in."""
_ASKED = (
    r"(?:ask(?:ing|ed)?|check(?:ing)?|confirm(?:ing|ation|ed)?|verif(?:y|ying|ied|ication)|permission|approval|consent"
    r"|authori[sz]ation|approved?)"
)
_RELUCTANT = r"(?:hesitat|forget|fail|wait|worr|mind|bother|afraid|stop|paus|hold|delay|refus|den(?:y|ies)|reject|block|declin|question|ask|check|confirm|verif)"
_GUARDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:never|don['’]?t|do not|must not|should not|shouldn['’]?t)\s+(?:ever\s+)?(?:skip\w*|bypass\w*|disabl\w*|turn off|ignor\w*|avoid)\b",
        rf"\b(?:never|don['’]?t|do not)\b(?:(?!\b{_RELUCTANT})[^.,;:!?]){{1,60}}?\b(?:without|before|until|unless)\b[^.,;:!?]{{0,30}}?\b{_ASKED}\b",
        rf"\b(?:never|don['’]?t|do not)\b(?:(?!\b{_RELUCTANT})[^.,;:!?]){{4,60}}(?<!circumstances)(?<!ever)(?<!please)[,;:]\s*(?:but |always |please |instead )*ask (?:me|us|them|the (?:user|customer))\b",
        rf"\b{_DE_DROPS}\s+(?:bitte\s+)?{_DE_NOT}\b|\b{_DE_NOT}\s+{_DE_DROPS}\b",
        rf"(?<!frag )(?<!frage )(?<!prüfe )(?<!warte )\b{_DE_NOT}\b(?:(?!\b(?:zöger|wart|ablehn|abweis|verweiger|{_DE_CHECKS}))[^.,;:!?]){{1,60}}?,?\s*\b(?:ohne|bevor|ehe|bis|außer)\b[^.;:!?]{{0,40}}?\b{_DE_CHECKS}\b",
        rf"\b{_ES_NOT}\s+{_ES_DROPS}\b",
        rf"\b{_ES_NOT}\b(?:(?!\b(?:dud|esper|niegu|rechac|{_ES_CHECKS}))[^.,;:!?]){{1,60}}?\b(?:sin|antes|hasta|salvo)\b[^.;:!?]{{0,40}}?\b{_ES_CHECKS}\b",
        rf"\bn(?:e\s+|'){_FR_DROPS}\s+{_FR_NOT}\b",
        rf"\bn(?:e\s+|')(?!hésit|attend|refus|rejet)\w+\s+{_FR_NOT}\b(?:(?!\b{_FR_CHECKS})[^.,;:!?]){{1,60}}?\b(?:sans|avant|tant)\b[^.;:!?]{{0,40}}?\b{_FR_CHECKS}\b",
        rf"\bn(?:e\s+|')(?!hésit|attend|refus|rejet)\w+\s+{_FR_NOT}\s+(?:sans|avant)\b[^.;:!?]{{0,40}}?\b{_FR_CHECKS}\b",
        f"{_ZH_NOT}(?:跳过|绕过|忽略|忽视|无视|省略|关闭)",
        f"(?:没有|没|未经|未).{{0,6}}{_ZH_CHECKS}.{{0,8}}{_ZH_NOT}|{_ZH_NOT}在?(?:没有|没|未经|未).{{0,6}}{_ZH_CHECKS}",
    )
)
"""What a careful user says: "never without asking me", "do not skip the check". It asks for a check and drops none."""
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
    for guard in _GUARDS:
        bare = guard.sub(" ", bare)
    attributed = f"The user said to {bare[:1].lower()}{bare[1:]}"
    if (
        find_instruction(bare)
        or find_instruction(attributed)
        or any(p.search(bare) for p in _UNSAFE + _UNSAFE_ELSEWHERE)
    ):
        return "it aims at the agent's safety: checks, secrets, what users are told"
    if any(pattern.search(bare) for pattern in _SWAPS):
        return "it gives one thing for another that was asked for by name"
    return "it may be an order to break the rules" if find_doubtful(bare) else ""
