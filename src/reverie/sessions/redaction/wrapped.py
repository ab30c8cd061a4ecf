"""Secrets inside base64."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Sequence

import re2

from reverie.sessions.redaction.detector import LATIN, Detector, Found, Gate

# Every byte of ASCII text is below 128, which leaves half of the alphabet for the first three of four characters each.
_TEXT = "(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){6,}"
_ENCODED = re.compile(rf"(?<![A-Za-z0-9+/_-]){_TEXT}[A-Za-z0-9+/_-]{{0,3}}={{0,2}}(?![A-Za-z0-9+/_-])")
_SPELLED = re2.compile(_TEXT.encode(), LATIN)
_URL_SAFE = str.maketrans("-_", "+/")


def _decoded(encoded: str) -> str | None:
    """The text that ``encoded`` holds; None where it holds none."""
    body = encoded.rstrip("=").translate(_URL_SAFE)
    try:
        text = b64decode(body + "=" * (-len(body) % 4), validate=True).decode("ascii")
    except (Base64Error, UnicodeDecodeError):
        return None
    return text if text.isprintable() or not any(c < " " and c not in "\t\r\n" for c in text) else None


def wrapped_detector(detectors: Sequence[Detector]) -> Detector:
    """Finds base64 of a text in which one of ``detectors`` finds something; its kind is what is found first."""
    gate = Gate(detectors)

    def kind(text: str) -> str | None:
        for detector in gate.detectors(text.encode()):
            found = next(detector.find(text), None)
            if found:
                return found.kind or detector.kind
        return None

    def find(text: str) -> Iterator[Found]:
        for match in _ENCODED.finditer(text):
            inner = _decoded(match[0])
            name = kind(inner) if inner else None
            if name:
                yield Found(*match.span(), match[0], name)

    return Detector("SECRET", find, run=24, spelled=_SPELLED)
