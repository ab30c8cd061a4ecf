"""Words that turn a statement round, and words that mean the opposite of each other, language by language.

Simple rules: a statement and its opposite come out as the same words with opposite signs. What a language needs beyond
that (Arabic, Hindi, Thai and others have no rules at all) is not judged; :func:`has_no_rules` finds such texts, and a dream's notes name them.
"""

# ruff: noqa: E501, ISC004 (tables of words and patterns)
import re
import unicodedata
from collections import Counter

from reverie.memory.rank import words_of

_PHRASES = [
    (re.compile(pattern, re.IGNORECASE), f" {instead} ")
    for pattern, instead in (
        (r"\bno longer\b|\bstopped\b|\bgave up\b|\bquit\b|\bused to\b|\bmust ?n[o’']t\b|\bcannot\b", "not"),
        (r"\bcan(?:no|['’])t (?:stand|bear)\b|\bdoes(?:n['’]t| not) care for\b", "hate"),
        (r"\bany ?(?:more|longer)\b|\bat all\b", ""),
        (r"\bn['’]t\b", " not"),
        (r"\b(?:ya no|já não|nicht mehr|niet meer|non più|больше не)\b", "not"),
        (r"\b(?:ne|n['’])\s*(\S+)\s+(?:pas|plus|jamais)\b", r"not \1"),
    )
]
NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "without",
        "cannot",
        "t",
        "nicht",
        "kein",
        "keine",
        "keinen",
        "keiner",
        "keinem",
        "nie",
        "niemals",
        "ohne",
        "pas",
        "jamais",
        "sans",
        "nunca",
        "jamás",
        "sin",
        "tampoco",
        "non",
        "mai",
        "senza",
        "não",
        "nunca",
        "sem",
        "niet",
        "geen",
        "nooit",
        "zonder",
        "не",
        "нет",
        "никогда",
        "без",
        "nie",
    ]
)
"""``t`` is the end of ``don't`` and its like, which are cut in two."""
_FILLERS = frozenset(
    [
        "a",
        "an",
        "the",
        "our",
        "their",
        "its",
        "my",
        "his",
        "her",
        "do",
        "does",
        "did",
        "is",
        "are",
        "was",
        "were",
        "will",
        "can",
        "please",
        "always",
        "still",
        "now",
        "currently",
        "also",
        "really",
        "very",
        "quite",
        "so",
        "much",
        "i",
        "he",
        "she",
        "they",
        "we",
        "you",
        "user",
        "it",
        "be",
        "been",
        "has",
        "have",
        "don",
        "doesn",
        "didn",
        "isn",
        "aren",
        "wasn",
        "weren",
        "won",
        "must",
        "der",
        "die",
        "das",
        "den",
        "dem",
        "ein",
        "eine",
        "einen",
        "ich",
        "er",
        "sie",
        "wir",
        "ist",
        "sind",
        "immer",
        "jetzt",
        "mit",
        "le",
        "la",
        "les",
        "un",
        "une",
        "des",
        "je",
        "il",
        "elle",
        "nous",
        "est",
        "sont",
        "toujours",
        "maintenant",
        "avec",
        "el",
        "los",
        "las",
        "una",
        "yo",
        "ella",
        "es",
        "son",
        "siempre",
        "ahora",
        "con",
        "lo",
        "gli",
        "sempre",
        "ora",
        "adesso",
        "o",
        "os",
        "as",
        "um",
        "uma",
        "eu",
        "ele",
        "ela",
        "é",
        "são",
        "sempre",
        "agora",
        "com",
        "de",
        "het",
        "een",
        "ik",
        "hij",
        "zij",
        "altijd",
        "nu",
        "met",
        "я",
        "он",
        "она",
        "мы",
        "всегда",
        "сейчас",
        "с",
    ]
)
_OPPOSITES = (
    "like love enjoy adore prefer favor favour lieb liebt mag bevorzugt aime adore préfère gusta ama prefiere encanta"
    " piace adora preferisce gosta prefere houdt любит нравится предпочитает"
    " | hate dislike detest loathe despise hasst verabscheut déteste hait odia detesta odeia haat ненавидит",
    "allow permit allowed permitted erlaubt autorisé permitido permesso разрешено"
    " | forbid forbidden prohibit prohibited banned disallowed verboten interdit prohibido proibido vietato запрещено",
    "enable enabled aktiviert activé activado attivato включено"
    " | disable disabled deaktiviert désactivé desactivado disattivato выключено",
    "accept accepted | reject rejected refuse refused decline declined",
    "include included | exclude excluded",
    "open opened offen ouvert abierto aperto aberto открыто | closed shut geschlossen fermé cerrado chiuso fechado закрыто",
    "available | unavailable",
    "required mandatory compulsory | optional unnecessary voluntary",
    "possible | impossible",
    "safe | unsafe dangerous",
    "valid | invalid",
    "supported | unsupported",
    "work worked working | fail failed failing broken",
    "true | false",
    "up | down",
)
_SIGNS = {
    word: (base, negative)
    for base, pair in enumerate(_OPPOSITES)
    for negative, side in enumerate(pair.split(" | "))
    for word in side.split()
}
ATTITUDE = "±0"
"""The word that stands for liking and its opposite."""
# Scripts without spaces are judged by the characters: what is cut out, and by what it is turned round.
_CHARACTERS = (
    (re.compile("ではありません|じゃありません|ではない|じゃない|くない"), "", True),
    (re.compile("ません"), "ます", True),
    (re.compile("하지 ?않습니다|하지 ?않는다|하지 ?않아요"), "합니다", True),
    (re.compile("不再|从不|從不|从未|從未|没有|沒有|并不|並不|不会|不會|[不没沒未勿别別]"), "", True),
    (re.compile("讨厌|討厭|厌恶|厭惡|痛恨|憎恶|恨"), "喜欢", True),
    (re.compile("喜歡|热爱|熱愛|喜爱|喜愛|偏好|偏爱|爱|愛"), "喜欢", False),
    (re.compile("嫌い"), "好き", True),
    (re.compile("싫어"), "좋아", True),
    (re.compile("禁止"), "允许", True),
    (re.compile("允許|可以"), "允许", False),
    (re.compile("现在|現在|已经|已經|一直|总是|總是|非常|很|です|だ$|了$"), "", False),
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_JUDGED_SCRIPTS = ("LATIN", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "DIGIT", "FULLWIDTH", "GREEK")


def signed_words(sentence: str) -> tuple[tuple[str, ...], bool]:
    """A sentence's words without fillers, opposites made one; and whether it denies them.

    ``I love tea`` and ``I no longer like tea`` have the same words and opposite signs.
    """
    if _UNSPACED.search(sentence):
        return _signed_characters(unicodedata.normalize("NFKC", sentence))
    for pattern, instead in _PHRASES:
        sentence = pattern.sub(instead, sentence)
    kept: list[str] = []
    denied = False
    for word in words_of(sentence):
        base, negative = _sign(word)
        denied ^= word in NEGATIONS or negative
        if word not in NEGATIONS and word not in _FILLERS:
            kept.append(base)
    return tuple(kept), denied


def has_no_rules(text: str) -> bool:
    """Whether most letters of a text are in a script that has no rules here."""
    letters = Counter(filter(str.isalpha, text))
    judged = (unicodedata.name(letter, "").startswith(_JUDGED_SCRIPTS) for letter in letters)
    other = sum(count for count, is_judged in zip(letters.values(), judged, strict=True) if not is_judged)
    return 2 * other > letters.total()


def _sign(word: str) -> tuple[str, bool]:
    stem = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
    for form in (word, stem, stem.removesuffix("d"), stem.removesuffix("ed"), stem.removesuffix("e")):
        if form in _SIGNS:
            base, negative = _SIGNS[form]
            return f"±{base}", bool(negative)
    return stem, False


def _signed_characters(sentence: str) -> tuple[tuple[str, ...], bool]:
    denied = False
    text = "".join(re.findall(r"[\w ]+", sentence)).strip()
    for pattern, instead, negative in _CHARACTERS:
        text, count = pattern.subn(instead, text)
        denied ^= negative and count % 2 == 1
    words = tuple(words_of(text))
    return ((ATTITUDE, *words) if "喜欢" in text or "好き" in text or "좋아" in text else words), denied
