"""Which stemmer suits a word: by its script, and for Latin script by the commonest words of the text around it.

Stemmers are named as PostgreSQL names its Snowball dictionaries, without ``_stem``: those that PostgreSQL 14 has. A
word of any other script is taken as it is (:data:`AS_IT_IS`).
"""

from collections.abc import Iterable
from typing import Final

ENGLISH: Final = "english"
AS_IT_IS: Final = ""

# The commonest words that hold no topic, as far as no English text has them often.
_FUNCTION_WORDS = {
    ENGLISH: """the of and to is in that it for was with as on be at by this have from are not but what all were when we
        there been has will would if do can you your how which who does did i my he she they his her a an me or so why
        where should must after before never always use""",
    "danish": """og er det ikke til af der har som den på et med jeg vi du kan skal være fra efter når hvad hvor hvordan
        hvilken hvilket eller også blive bliver eft uden hun han sig""",
    "dutch": """het een van niet zijn voor met dat te hij ook aan door wordt worden bij naar uit deze dit maar hoe wat
        welke waar wanneer nog kan moet heeft wij geen wel als""",
    "finnish": """ja on ei se että oli olla ovat mutta kun niin tai hän sen ole joka mitä missä milloin miten kuinka
        myös vain jos ennen jälkeen voi pitää mikä""",
    "french": """le la les des une du et est que qui dans pour pas sur avec il elle au aux ce cette ces sont nous vous
        ne se plus par comment quel quelle où quand ou être doit après avant sans son sa ses""",
    "german": """der die das und ist nicht ein eine einen einem einer den dem des zu mit sich auf für von im auch wird
        werden es sind wie wer wo wann welche welcher welches bei nach oder aus wenn nur muss kann vor zum zur ich wir
        sie haben hat""",
    "hungarian": """az és egy nem hogy van meg ez is volt de csak mint ha kell lehet vagy nincs mi ki hol mikor hogyan
        melyik után előtt azt minden a""",
    "italian": """il lo la gli le di che è un una per non con sono del della dei delle nel nella si da come quale quali
        dove quando chi cosa anche deve essere dopo prima più ha al alla""",
    "norwegian": """og er det ikke til av som den på et med jeg vi du kan skal være fra etter når hva hvor hvordan
        hvilken hvilket eller også bli blir uten hun han seg""",
    "portuguese": """o os as um uma de do da dos das que não e é para com em no na nos nas por se ao mais como qual
        quais onde quando quem são deve ser depois antes foi pelo pela""",
    "romanian": """și este de la nu în cu pe care un o să din pentru sunt mai ce cum unde când cine după înainte sau
        trebuie poate fi prin al ale au""",
    "spanish": """el la los las un una de del que y en no es se por con para su al lo como más qué cuál cuáles dónde
        cuándo quién cómo son debe está después antes hay pero o ser""",
    "swedish": """och är det inte till av som den på ett med jag vi du kan ska vara från efter när vad var hur vilken
        vilket eller också bli blir utan hon han sig att en""",
    "turkish": """ve bir bu için ile de da ne mi mı değil olan olarak gibi daha çok var yok kadar sonra önce nasıl
        nerede hangi kim her veya ama""",
}
OTHER_LATIN = frozenset(_FUNCTION_WORDS) - {ENGLISH}
"""Stemmers of languages in Latin script, English aside."""
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(language for language, words in _FUNCTION_WORDS.items() if word in words.split())
    for words in _FUNCTION_WORDS.values()
    for word in words.split()
}
_BY_SCRIPT = (
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "russian"),
    (0x0530, 0x058F, "armenian"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0x0900, 0x097F, "hindi"),
    (0x0B80, 0x0BFF, "tamil"),
    (0x1F00, 0x1FFF, "greek"),
)
_LATIN_ENDS = 0x0250
_LATIN_AGAIN = range(0x1E00, 0x1F00)


def is_latin(word: str) -> bool:
    """Whether a word begins in Latin script, or with a digit."""
    code = ord(word[0])
    return code < _LATIN_ENDS or code in _LATIN_AGAIN


def stemmer_of_script(word: str) -> str:
    """The stemmer of a word in another script than Latin."""
    code = ord(word[0])
    return next((stemmer for low, high, stemmer in _BY_SCRIPT if low <= code <= high), AS_IT_IS)


def language_of(words: Iterable[str]) -> str:
    """The language of the Latin words of a text, lower-cased: the one with most of its commonest words among them.

    English where none is ahead of it, and where there is nothing to tell by.
    """
    hits = dict.fromkeys(_FUNCTION_WORDS, 0)
    for word in words:
        for language in _LANGUAGES_OF.get(word, ()):
            hits[language] += 1
    return max(hits, key=hits.__getitem__)  # the first of equals, which English is
