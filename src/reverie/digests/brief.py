"""What the brief of a hand-off says: which of the parts are there that whoever receives it needs.

The parts are those whose lack precedes failures of agent groups most often (MAST: Cemri et al. 2025, specification and
termination). Rules on words, in five languages; a rule reads a text once, and none looks at who wrote it.
"""

import re
from collections.abc import Mapping

PARTS = ("goal", "constraints", "inputs", "done", "format", "limits")
"""``goal``: what is wanted; ``constraints``: what must or must not be done; ``inputs``: what to work on, named exactly;
``done``: when it is done, or how it is checked; ``format``: the form of the answer; ``limits``: what it may take."""

_WORDS: Mapping[str, str] = {
    "goal": r"goal|objective|purpose|task is|we (?:need|want)|so that|in order to|ziel|aufgabe|zweck|damit|objetivo|"
    r"para que|objectif|afin (?:de|que)|目标|目的|任务是",
    "constraints": r"must(?: not)?|do not|don't|never|always|only|without|avoid|except|darf|muss|nicht|nur|ohne|debe|"
    r"nunca|solo|sin|doit|ne pas|jamais|seulement|sans|必须|不要|不得|只能",
    "done": r"done (?:when|once|if)|finished when|complete when|until|success (?:is|means)|acceptance|criteri(?:a|on)|"
    r"tests? (?:must )?pass|verify that|check that|make sure|fertig,? (?:wenn|sobald)|erledigt|bis|prüfe|"
    r"terminado cuando|hasta que|comprueba|criterios?|terminé quand|jusqu'à|vérifie|critères?|完成标准|直到|验证|确保",
    "format": r"json|csv|yaml|markdown|table|bullet(?:s| points?)|one (?:line|word|number|sentence)|(?:answer|reply|"
    r"return|report|respond) (?:with|as|in|only)|in the form|format|tabelle|antworte (?:mit|als|in)|formato|tabla|"
    r"responde (?:con|en)|réponds (?:avec|en|par)|tableau|格式|返回|表格|以.{1,8}形式",
    "limits": r"at most|no more than|within|up to|maximum|budget|time limit|deadline|höchstens|maximal|innerhalb|"
    r"como máximo|a lo sumo|dentro de|au plus|au maximum|dans les|最多|不超过|以内|预算",
}
NAMED = re.compile(
    r"```|`[^`\n]{2,}`|https?://\S|(?:[\w.-]+/)+[\w.-]+|\b[\w-]+\.(?:py|js|ts|md|csv|json|sql|txt|pdf|html?|ya?ml|toml)\b|"
    r"\b[A-Z]{1,5}-\d+\b|#\d+\b|\b\w*\d\w*_\w+|\b\w+_\w*\d\w*|[\"“„«「][^\"”“»」\n]{3,}[\"”“»」]"
)

"""What is named so exactly that it can be found: code, addresses, paths, files, ids, quotes."""


def _whole_words(words: str) -> re.Pattern[str]:
    # Scripts without spaces have no borders of words. What ends the name of a file or a path is no word of the brief.
    return re.compile(
        rf"(?:(?<![^\W_])(?<!\w[./])(?:{words})(?![^\W_]))|(?:{'|'.join(_unspaced(words))})", re.IGNORECASE
    )


def _unspaced(words: str) -> list[str]:
    return [word for word in words.split("|") if any(ord(sign) > 0x2E7F for sign in word)] or ["(?!)"]


_PATTERNS = {part: _whole_words(words) for part, words in _WORDS.items()}
_ORDER = re.compile(
    r"\A\W*(?:please\s+)?(?!(?:hi|hello|hey|dear|the|this|there|here|thanks?|what|who|why|when|where|how|is|are|can|could)\b)"
    r"[^\W\d_]{3,}(?:\s|\Z)",
    re.IGNORECASE,
)
"""A brief that begins with a word of its own says what is wanted; a greeting, a question or an article does not."""


def brief_parts(text: str) -> frozenset[str]:
    """Which of :data:`PARTS` a brief has."""
    found = {part for part, pattern in _PATTERNS.items() if pattern.search(text)}
    if NAMED.search(text):
        found.add("inputs")
    if _ORDER.match(text):
        found.add("goal")
    return frozenset(found)
