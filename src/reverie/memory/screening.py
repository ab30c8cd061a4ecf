"""What has no place in memory: text that says nothing, and orders that came from somebody the agent talked to.

A rule about an attack is no attack: quoted text is not an order where the sentence says what to do about it, and what
somebody's text may ask for is no order of the note's. Where it cannot be told, the note stays and is marked for review.
"""

# ruff: noqa: E501, ISC004 (tables of words and patterns)
import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote

from reverie.memory.rank import words_of
from reverie.memory.subject import subject_of
from reverie.sessions.redaction.redactor import PLACEHOLDER

Verdict = Literal["empty", "boilerplate", "redacted", "instruction"]

_BOILERPLATE = {
    "as an ai language model",
    "lorem ipsum",
    "no memories yet",
    "no notes yet",
    "nothing to remember",
    "placeholder",
    "tbd",
    "todo",
}
# Under a name that asks something, such as allergies.md, these are answers.
_ANSWERS = {"n a", "no notes", "none", "test"}

_WHO = r"\b(?:the\s+)?(?:user|customer|client|caller|guest|passenger)s?\s+"
_SAID = (
    _WHO
    + r"(?:said|says|told|asks?|asked|wants?|wanted|instruct(?:s|ed)?|order(?:s|ed)|demand(?:s|ed)?|insist(?:s|ed)?)\b"
)
_SWEEPING = r"(?:always|never|ignore|bypass|skip|disregard)\b"
_OVERRULE = r"(?:ignore|disregard|forget|override|bypass|discard|drop)"
_RULES = r"(?:instructions?|prompts?|polic(?:y|ies)|rules|guidelines|guardrails|directives?|safety\s+(?:\w+\s+)?(?:checks?|rules?|filters?))"
_OWN = r"(?:all|any|every|your|the|these|those|my|our|previous|prior|above|earlier|preceding|system|safety|original|initial|developer|everything|other|existing|of|and)"
_SECRETS = r"(?:system\s+prompts?|api[\s_-]?keys?|passwords?|credentials?|secrets?|access\s+tokens?|tokens|private\s+keys?|environment\s+variables|env\s+vars|\.env\b|ssh\s+keys?)"
_CONTROLS = r"(?:safety|security|guardrails?|content\s+filters?|audit(?:ing)?\s+log\w*|approval\s+(?:checks?|steps?)|permission\s+checks?|confirmation\s+(?:checks?|prompts?)|identity\s+checks?|redaction)"
# Each overrules the agent's rules, or wants them broken: an order whoever is said to have given it.
_ORDERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!not )(?<!never )(?<!n't )(?<!cannot )\b{_OVERRULE}\s+(?:{_OWN}\s+){{1,6}}{_RULES}\b(?!\s+(?:\w+\s+){{0,2}}(?:in|inside|from|within|of|that|which|by)\b)",
        rf"(?<!not )(?<!never )\b{_OVERRULE}\s+{_RULES}\s*(?:[.!,;]|$|and\b)",
        r"(?<!not )(?<!never )\bforget\s+(?:everything|all)\b.{0,30}\b(?:told|before|above|instruct\w*)",
        r"\byou\s+are\s+(?:now\s+(?:a|an|the|in|free|dan)\b|no\s+longer\s+(?:bound|restricted|limited|an?\b|subject|required))",
        r"\b(?:new|updated)\s+(?:system\s+)?instructions?\s*:",
        r"(?<!not )(?<!never )(?<!n't )\b(?:reveal|print|show|repeat|output|disclose|leak)\b\s+(?:me\s+|us\s+)?(?:your|the\s+(?:full|entire|whole|hidden|secret))\s+(?:\w+\s+){0,2}(?:prompt|instructions?)\b",
        r"<\s*/?\s*(?:system|instructions?)\s*>|\[/?(?:system|inst)\]|<\|im_start\|>\s*system",
        r"(?<!never )\bdo(?:\s+not|n['’]t)\s+(?:tell|inform|notify|alert|mention\s+(?:this|it)\s+to|let)\b.{0,20}\b(?:user|customer|owner|operator|admin\w*|anyone|anybody|human|team)\b",
        r"\b(?:hide|conceal|keep)\s+(?:this|it|these\s+\w+|the\s+\w+)\s+(?:secret\s+)?from\s+(?:the\s+)?(?:user|customer|owner|operator|admin\w*|human|anyone)",
        r"\b(?:dear|attention|hey|hello)\s*,?\s+(?:ai|llm|agent|assistant|bot|model)s?\b\s*[:,!.]",
        rf"(?<!not )(?<!never )(?<!n't )\b(?:send|post|e?mail|forward|upload|exfiltrate|transmit|submit|leak|copy)\b.{{0,50}}\b{_SECRETS}.{{0,40}}(?:https?://|@[\w-]+\.|\bto\s+(?:me|this|the\s+following|an?\s+external|attacker|[\w-]+\.\w+))",
        rf"(?<!not )(?<!never )(?<!n't )\b(?:send|post|append|include|put)\b.{{0,30}}\b{_SECRETS}.{{0,30}}\b(?:in|into|to)\s+(?:the\s+)?(?:url|query|every\s+(?:reply|request|answer|message))",
        rf"(?:^|[.!;:,]\s*|\b(?:please|then|and|must|should|now|always)\s+)(?:disable|turn\s+off|switch\s+off|deactivate|bypass|circumvent)\s+(?:{_OWN}\s+){{0,3}}{_CONTROLS}",
        r"\b(?:go\s+to|visit|open|fetch|load|download|browse\s+to)\s+\S*(?:https?://|www\.)\S+.{0,30}\b(?:and|then)\s+(?:follow|obey|do|execute|run|carry\s+out)\b",
        r"\b(?:follow|obey|execute|carry\s+out)\s+(?:all\s+|any\s+|the\s+|every\s+)*(?:instructions?|commands?|orders?|steps?)\b.{0,20}\b(?:at|on|from)\s+https?://",
        r"\bfrom\s+now\s+on\b.{0,30}\byou\s+(?:must|should|will|shall|are\s+to)\b",
        rf"\bfrom\s+now\s+on\s*,?\s+(?:please\s+)?(?:{_SWEEPING})",
        r"\b(?:ignoriere|missachte|vergiss|umgehe)\b.{0,30}\b(?:anweisung|vorgabe|regeln|richtlinie|system)",
        r"\b(?:ignore[zr]?|oublie[zr]?)\b.{0,30}\b(?:instructions|consignes|règles|directives)\b.{0,20}\b(?:précédentes|antérieures|du\s+système)|\boublie[zr]?\s+(?:toutes\s+)?(?:les|tes|vos)\s+(?:instructions|consignes)",
        r"\b(?:ignora|ignore|olvida|ignorar)\b.{0,30}\b(?:instrucciones|istruzioni|instruções|reglas|regole|regras)\b",
        r"\b(?:esquece|esqueça|dimentica)\b.{0,30}\b(?:instruções|istruzioni|regras|regole)\b",
        r"\b(?:negeer|vergeet)\b.{0,30}\b(?:instructies|regels)\b|\bzignoruj\b.{0,30}\b(?:instrukcje|polecenia)\b",
        r"(?:игнорируй|проигнорируй|забудь|игнорируйте|забудьте).{0,40}(?:инструкци|указани|правил)",
        r"(?:忽略|无视|無視|忘记|忘記|绕过).{0,12}(?:指令|指示|提示|规则|規則|说明)",
        r"(?:指示|命令|ルール|プロンプト).{0,6}(?:無視|忘れ)(?:し|て|る)",
        r"(?:지시|명령|규칙|프롬프트).{0,10}(?:무시|잊)",
        r"(?:تجاهل|انس).{0,30}(?:التعليمات|الأوامر|القواعد)",
    )
]
# Standing orders that somebody the agent serves is said to have given: told by the sentence, quotation and all.
_ATTRIBUTED = [
    re.compile(rf"{_SAID}.{{0,40}}(?:\b(?:to|must|should|you|we|i)|:)\s*[\"“']?{favour}", re.IGNORECASE)
    for favour in (
        r"always\s+(?:approve|refund|grant|accept|give|waive|trust|allow|pay|transfer|discount|obey|agree|comply)\w*",
        r"never\s+(?:charge|verify|check|ask|report|refuse|deny|decline|escalate|question|log|flag)\w*",
        r"(?:ignore|bypass|skip|disregard)\b.{0,30}\b(?:checks?|verification|polic\w+|rules?|limits?|approvals?|security"
        r"|instructions?|identity)",
    )
]
# What may be an order or a report of one: the note stays, marked.
_DOUBTFUL = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_SAID}.{{0,60}}\b(?:in\s+(?:the\s+)?future|from\s+now\s+on)\b",
        rf"{_SAID}.{{0,40}}(?:\b(?:to|must|should|you|we)|:)\s*[\"“']?{_SWEEPING}",
        rf"\b{_OVERRULE}\b.{{0,40}}\b(?:instructions?|system\s+prompt|safety)\b",
        rf"\b(?:skip|disable|turn\s+off|bypass)\b.{{0,30}}\b(?:{_CONTROLS}|signature|verification|approval)\b",
        r"\b(?:curl|wget)\b[^|\n]*\|\s*(?:sudo\s+)?(?:ba|z)?sh\b",
        r"\bfollow\b.{0,30}\binstructions?\b.{0,20}https?://",
    )
]
# The sentence says what to do about such text, or that it was met: what it quotes or describes is no order.
_CASE = r"\b(?:when(?:ever)?|if|unless|should|in\s+case|once|where|wenn|falls|sobald|lorsque|quand|si|cuando|se|quando|если|когда)\b|如果|当|若|遇到|もし|場合"
_HANDLED = (
    r"\b(?:treat|report(?:ed)?|refused?|flag(?:ged)?|escalate[ds]?|reject(?:ed)?|declined?|alert|quarantine[ds]?|block(?:ed)?|warn|log|detect(?:s|ed)?|catch|contained|blocklist|beware|suspicious"
    r"|attack\w*|injections?|phishing|malicious|jailbreak\w*|untrusted|attempt\w*|attacker|red[\s-]?team\w*|example|tests?|filter(?:s|ed)?|regex|pattern|melde\w*|behandle\w*|signale\w*|traite\w*|informa\w*|trata\w*|сообщ\w*"
    r"|(?:do|does|did|must|should|will)(?:\s+not|n['’]t)\s+(?:follow|obey|comply|act|do|trust)|never\s+(?:follow|obey|comply|act|trust|do)|not\s+an?\s+(?:order|instruction))\b|举报|报告|当作|视为|拒绝|報告|拒否"
)
_FRAME = re.compile(rf"(?:{_HANDLED})", re.IGNORECASE)
_CASE_CLAUSE = re.compile(rf"^\W*(?:{_CASE})[^,;，；、:]*[,;，；、:]", re.IGNORECASE)
# What somebody's text does, as its object: "tickets that ask you to ignore …", "attempts to override …".
_DESCRIBED = re.compile(
    r"\b(?:(?:that|which|who)\s+(?:\w+\s+){0,2}?(?:asks?|tells?|says?|tr(?:y|ies)|claims?|orders?|instructs?|wants?|demands?)|(?:asking|telling|instructing|ordering|trying|attempts?|attempted|requests?|tried|asked|told)\s+(?:\w+\s+){0,2}?to)\b.*",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"```.*?```|`[^`\n]+`|“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」|『[^』]*』|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)‘[^’\n]*’(?!\w)",
    re.DOTALL,
)
_SENTENCE = re.compile(r".+?(?:[.!?](?=[\s\"'”’)\]]|$)[\"'”’)\]]*|[。！？]|\n|$)", re.DOTALL)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_INVISIBLE = {"Cf", "Cc", "Co"}
# Letters of other scripts that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏвкмнтАВЕКМНОРСТХІαοερτυνικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcyxijsdhlbkmhtABEKMHOPCTXIaoeptuvikABEZHIKMNOPTYX"
)
_LATIN = re.compile(r"[A-Za-z]")
_WORD = re.compile(r"\w+")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .·_-]){4,}\w(?!\w)")


def screen(content: str, path: str = "/") -> Verdict | None:
    """Why a text should not be a memory at ``path``; None where nothing speaks against it."""
    if not _says_anything(content):
        return "empty"
    if not _says_anything(PLACEHOLDER.sub("", content)):
        return "redacted"
    said = " ".join(words_of(content))
    if said in _BOILERPLATE or (said in _ANSWERS and not subject_of(path).name):
        return "boilerplate"
    return "instruction" if find_instruction(content) else None


def _says_anything(content: str) -> bool:
    return any(character.isalnum() or unicodedata.category(character) == "So" for character in content)


def find_instruction(content: str) -> str | None:
    """The passage that orders the agent about on somebody else's word, if any."""
    return next((found for text in _readings(content) for found in _orders_in(text)), None)


def find_doubtful(content: str) -> str | None:
    """The passage of a text that stays which a person should look at, if any."""
    text = _plain(content)
    for sentence in _sentences(text):
        if _FRAME.search(sentence):
            continue
        bare = _QUOTED.sub(" ", sentence) if _QUOTED.sub("", sentence).strip(" .") else sentence
        found = next((match.group() for pattern in _DOUBTFUL if (match := pattern.search(bare))), None)
        if found is not None:
            return found
    return None


def _orders_in(text: str) -> Iterator[str]:
    for sentence in _sentences(text):
        framed = _FRAME.search(_QUOTED.sub(" ", sentence)) is not None
        if not framed or not re.search(_CASE, sentence, re.IGNORECASE):
            yield from (match.group() for pattern in _ATTRIBUTED if (match := pattern.search(sentence)))
        bare = _without_described(sentence) if framed else sentence
        yield from (match.group() for pattern in _ORDERS if (match := pattern.search(bare)))


def _without_described(sentence: str) -> str:
    """A sentence that says what to do about a text, without that text: quotations, the case it is for, a relative clause."""
    bare = _QUOTED.sub(" ", sentence)
    return _DESCRIBED.sub(" ", _CASE_CLAUSE.sub(" ", bare))


def _sentences(text: str) -> list[str]:
    """Sentences and lines; quotations are never cut, so that a sentence keeps what it quotes."""
    kept: list[str] = []
    held = re.sub(r"\s*\n\s*", "\n", text)
    quotations = {f"\ue000{number}\ue001": found for number, found in enumerate(_QUOTED.findall(held))}
    for key, found in quotations.items():
        held = held.replace(found, key, 1)
    for match in _SENTENCE.finditer(held):
        sentence = match.group().strip()
        for key, found in quotations.items():
            sentence = sentence.replace(key, found)
        if sentence:
            kept.append(" ".join(sentence.split()))
    return kept


def _readings(content: str) -> Iterator[str]:
    """The text as a model would read it: plain, and with what is wrapped in it unwrapped."""
    text = _plain(content)
    yield text
    if "\n" in text:
        yield " ".join(text.split())
    if "%20" in text:
        yield unquote(text)
    if _SPACED.search(text):
        yield " ".join(re.sub(r"[ .·_-]", "", word) for word in re.split(r"\s{2,}", text))
    for token in _ENCODED.findall(text):
        if (decoded := _decoded(token)) is not None:
            yield _plain(decoded)


def _plain(content: str) -> str:
    """Without what cannot be seen; letters that pass for Latin ones in a word with Latin letters made Latin."""
    visible = "".join(c for c in content if c in "\n\t" or unicodedata.category(c) not in _INVISIBLE)
    text = unicodedata.normalize("NFKC", visible)
    return text if text.isascii() else _WORD.sub(_latin, text)


def _latin(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LOOKALIKES) if _LATIN.search(word) else word


def _decoded(token: str) -> str | None:
    try:
        text = base64.b64decode(token.replace("-", "+").replace("_", "/") + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    return text if text.isprintable() else None
