"""Detectors of personal data that has a shape: e-mail, phone, card, IBAN, SSN and public IP addresses."""

import ipaddress
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain

import phonenumbers

from reverie.sessions.redaction.detector import Detector, Found, ascii_lower

_AT_DOMAIN = re.compile(r"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@])")
_LOCAL_PART = re.compile(r"(?<![\w.+%-])\w[\w.+%-]{0,63}\Z")


def _emails(text: str) -> Iterator[Found]:
    for domain in _AT_DOMAIN.finditer(text):
        at = domain.start()
        local = _LOCAL_PART.search(text, max(0, at - 66), at)
        if local is None:
            continue
        start = local.start()
        if text[start - 1 : start] == "\\" and text[start] in "nrt":
            start += 1
        name = text[start:at]
        # git@host is the address of a repository, the same for everybody.
        if name and name != "git":
            yield Found(start, domain.end(), text[start : domain.end()].lower())


_SEPARATORS = r" .\u00a0\u2010-\u2013\u202f\-"
_SEPARATOR = f"[{_SEPARATORS}]"
_NUMBER = rf"\(?\d(?:[{_SEPARATORS}()]{{0,3}}\d){{6,14}}"
_PLUS = re.compile(rf"\+(?<![\w+]\+){_NUMBER}(?!\w)", re.ASCII)
_NORTH_AMERICAN = re.compile(
    rf"(?:(?<![\w+#$£€/])|(?<=\\[nrt]))(?<!\d[.,-])(?:1{_SEPARATOR})?"
    rf"(?:\((\d{{3}})\){_SEPARATOR}?|(\d{{3}}){_SEPARATOR})(\d{{3}}){_SEPARATOR}(\d{{4}})"
    r"(?: ?(?:x|ext\.?) ?\d{1,5})?(?![\w-]|[.,]\d)",
    re.ASCII,
)
_NO_PHONE = "(?<!smartphone)(?<!headphone)(?<!earphone)(?<!microphone)(?<!iphone)"
# "Cancelled" and "hotel" are everywhere, so the two short words count only where something follows them.
_PHONE_NAMES = tuple(
    re.compile(name)
    for name in (
        *(f"phone{_NO_PHONE}", "mobile", "whatsapp", "fax"),
        r"tel(?:(?<![a-z]tel)(?=[:\"\\])|(?<=[ (]tel)(?=[. ]))",
        r"cell(?=[:\"\\]| n|_n)",
    )
)
_PHONE_WORDS = (
    *(b"phone", b"mobile", b"whatsapp", b"fax", b" tel ", b" tel.", b"(tel ", b"(tel.", b"cell n", b"cell_n"),
    *(word + sign for word in (b"tel", b"cell") for sign in (b":", b'"', b"\\")),
)
_PHONE_KEY = re.compile(
    rf"phone{_NO_PHONE}|mobile|whatsapp|fax|(?<![a-z])tel\Z|cell(?:_n|\Z)", re.ASCII | re.IGNORECASE
)
_AFTER_WORD = re.compile(
    r"(?i:[ _]?(?:number|no|num|nr|is|at)\b\.?){0,3}[^\w\n+#$£€]{0,6}"
    r"(?!\d{4}-\d\d-\d\d|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})"
    rf"(?P<number>\d{{7,15}}(?!\w)|{_NUMBER})(?!\w|[.,]\d)",
    re.ASCII,
)
_PHONE_VALUE = re.compile(rf"\s*\+?\(?\d(?:[{_SEPARATORS}()/]{{0,3}}\d){{6,14}}\s*", re.ASCII)
_NUMBER_AFTER = re.compile(r"\s+\d")
_NUMBER_BEFORE = re.compile(r"\d\s+\Z")
_LAST_GROUP = re.compile(rf"{_SEPARATOR}\(?\d*\)?\Z", re.ASCII)


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _dialled(number: str) -> str | None:
    """The number in E.164 form, read as North American where it names no country; None if no such number can be."""
    try:
        parsed = phonenumbers.parse(number, "US")
    except phonenumbers.NumberParseException:
        return None
    # A signed integer looks the same as a number without separators, so that one has to be in use.
    bare = number[0] == "+" and number[1:].isdecimal()
    known = phonenumbers.is_valid_number(parsed) if bare else phonenumbers.is_possible_number(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if known else None


def _phone(text: str, start: int, end: int) -> Found | None:
    """The longest beginning of the candidate that can be dialled; what follows a number may be another one."""
    while end - start > 6:
        dialled = _dialled(text[start:end])
        if dialled:
            return Found(start, end, dialled)
        last = _LAST_GROUP.search(text, start, end)
        if last is None:
            return None
        end = last.start()
    return None


def _phones_by_shape(text: str) -> Iterator[Found]:
    for match in _PLUS.finditer(text):
        found = _phone(text, *match.span())
        if found:
            yield found
    for match in _NORTH_AMERICAN.finditer(text):
        if not _is_table(text, match):
            yield Found(*match.span(), "+1" + "".join(filter(None, match.groups())))


def _phones_by_word(text: str) -> Iterator[Found]:
    lower = ascii_lower(text)
    for word in chain.from_iterable(name.finditer(lower) for name in _PHONE_NAMES):
        match = _AFTER_WORD.match(text, word.end())
        if match is None:
            continue
        start, end = match.span("number")
        found = _phone(text, start, end)
        yield found or Found(start, end, _digits(match["number"]))


def _is_table(text: str, match: re.Match[str]) -> bool:
    """Three numbers apart by blanks only are a row of a table when more numbers stand beside them."""
    if any(character in match[0] for character in "().-\u2010\u2011\u2012\u2013"):
        return False
    start, end = match.span()
    return bool(_NUMBER_AFTER.match(text, end) or _NUMBER_BEFORE.search(text, max(0, start - 20), start))


def _phone_field(value: str) -> str | None:
    return (_dialled(value.strip()) or _digits(value)) if _PHONE_VALUE.fullmatch(value) else None


_CARD = re.compile(
    r"(?<![A-Za-z0-9])(?<!\d[.-])"
    r"(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5})(?![A-Za-z0-9]|[.-]\d)",
    re.ASCII,
)
# Issuer ranges with the lengths they are issued in, from ISO/IEC 7812 as the card networks publish them.
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|352[89]|35[3-8]\d|5018|5020|5038|5893|6304|6759|676[1-3])\d{12,15}",
    re.ASCII,
)


def _luhn(digits: str) -> bool:
    """Luhn's check digit, ISO/IEC 7812-1 annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[::-2])) % 10 == 0


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        digits = _digits(match[0])
        if _ISSUER.fullmatch(digits) and _luhn(digits):
            yield Found(*match.span(), digits)


_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?![A-Za-z0-9])",
    re.ASCII,
)
_IBAN_HINT = re.compile(r"\d{10}|\d{4} \d{4}", re.ASCII)


def _ibans(text: str) -> Iterator[Found]:
    """Check digits by ISO 7064 modulo 97, as ISO 13616 asks."""
    for match in _IBAN.finditer(text):
        iban = match[0].replace(" ", "")
        number = int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4]))
        if number % 97 == 1 and _IBAN_HINT.search(match[0]):
            yield Found(*match.span(), iban)


_SSN = re.compile(r"(?<![\w-])(?<!\d\.)(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)", re.ASCII)


def _ssns(text: str) -> Iterator[Found]:
    return (Found(*match.span(), _digits(match[0])) for match in _SSN.finditer(text))


_IPV4 = re.compile(r"(?<![\w.-])(?<!\w/)(?<!==)(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9a-fA-F]{3}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}(?![\w:])", re.ASCII)
# Uncompressed, one group has to begin with a digit and have three characters: the gate cannot know the others cheaply.
_IPV6_TELLING = re.compile(r"::|[0-9a-fA-F]:\d[0-9a-fA-F]{2}", re.ASCII)
# After such a word, or in a list with versions of three numbers, an address is a version.
_VERSION = re.compile(
    r"(?:(?i:(?<![a-z])v|versions?|release|build|section|chapter|§)\W{0,3}"
    r"|(?<![\d.])\d+\.\d+\.\d+\W{1,8}(?:and |or )?)\Z",
    re.ASCII,
)
_TABLE_NAME = re.compile(r"(?:\n|\\n)[\w.-]+ +\Z", re.ASCII)
_PACKAGE = re.compile(r"(?:\n|\\n)[\w.-]+ +\d+\.\d+(?:\.\d+)?[ \r]*(?:\n|\\n)", re.ASCII)
# Reserved for examples, so not global; in a transcript they stand for a public host all the same.
_EXAMPLE_HOSTS = tuple(
    ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def _is_version(text: str, start: int) -> bool:
    """Whether what stands before ``start`` makes the four numbers there a version: a word, or a list of packages."""
    if _VERSION.search(text, max(0, start - 30), start):
        return True
    in_table = _TABLE_NAME.search(text, max(0, start - 80), start)
    return in_table is not None and _PACKAGE.search(text, max(0, start - 400), start) is not None


def _addresses(text: str, pattern: re.Pattern[str]) -> Iterator[Found]:
    for match in pattern.finditer(text):
        if pattern is _IPV6 and not _IPV6_TELLING.search(match[0]):
            continue
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        public = address.is_global or any(address in network for network in _EXAMPLE_HOSTS)
        if public and not _is_version(text, match.start()):
            yield Found(*match.span(), str(address))


_SEPARATED = (b"000-0000", b"000 0000", b"000.0000", b"000\xe2\x80", b"000\xc2\xa0")
_IBAN_FOLDED = re.compile(rb"00(?<=[a-z][a-z]00)[a-z0 ]{11}")
_HEXADECIMAL = "0abcdef"
_IPV6_GROUPS = tuple(f"{a}:0{b}{c}".encode() for a in _HEXADECIMAL for b in _HEXADECIMAL for c in _HEXADECIMAL)
_LONG_NUMBER = re.compile(rb"0(?:[^a-z0]{0,9}0){6}")

PERSONAL = (
    Detector("EMAIL", _emails, (b"@",), personal=True),
    Detector("CARD", _cards, (b"0" * 13, b"000 0000", b"000-0000"), personal=True),
    Detector("IBAN", _ibans, (b"0" * 10, b"000 0000"), patterns=(_IBAN_FOLDED,), personal=True),
    Detector("SSN", _ssns, (b"000-00-0000",), personal=True),
    Detector("PHONE", _phones_by_shape, (b"+0", b"+(0", *_SEPARATED), personal=True),
    Detector(
        "PHONE",
        _phones_by_word,
        _PHONE_WORDS,
        patterns=(_LONG_NUMBER,),
        key=_PHONE_KEY,
        whole=_phone_field,
        personal=True,
    ),
    Detector("IP", partial(_addresses, pattern=_IPV4), (b".0.", b".00.", b".000."), personal=True),
    Detector("IP", partial(_addresses, pattern=_IPV6), (b"::", *_IPV6_GROUPS), personal=True),
)
"""In the order in which equal spans are settled."""
