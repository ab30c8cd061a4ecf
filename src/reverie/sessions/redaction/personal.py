"""Detectors of personal data that has a shape: e-mail, phone, card, IBAN, SSN and public IP addresses."""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import chain

import phonenumbers
import re2
from ahocorasick_rs import AhoCorasick, Implementation

from reverie.sessions.redaction.detector import LATIN, Detector, Found, ascii_lower

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
    rf"(?:\((\d{{3}})\){_SEPARATOR}?|([2-9]\d\d){_SEPARATOR}|([01]\d\d)[-.])(\d{{3}}){_SEPARATOR}(\d{{4}})"
    r"(?: ?(?:x|ext\.?) ?\d{1,5})?(?![\w-]|[.,]\d)",
    re.ASCII,
)
_NO_PHONE = "(?<!smartphone)(?<!headphone)(?<!earphone)(?<!microphone)(?<!iphone)"
_PLAIN_PHONE_WORDS = (
    *("rufnummer", "fernruf", "cellulare", "puhelin", "hotline", "điện thoại"),
    *("手机", "手機", "电话", "電話", "携帯", "联系方式", "전화", "휴대폰", "연락처"),
    *("फ़ोन", "फोन", "मोबाइल", "هاتف", "جوال", "موبايل", "טלפון", "נייד", "โทร"),
)
"""Words for phones that mean nothing else wherever they stand, so that each is its own expression and needle."""
# "Cancelled" and "hotel" are everywhere, so the two short words count only where something follows them.
_PHONE_NAMES = tuple(
    re.compile(name)
    for name in (
        *(f"phone{_NO_PHONE}", "mobile", "whatsapp", "fax"),
        r"tel(?:(?<![a-z]tel)(?=[:\"\\])|(?<=[ (]tel)(?=[. ]))",
        r"cell(?=[:\"\\]| n|_n)",
        *("telefon", "telef[oó]no?", "t[ée]l[ée]phone?", "telefoon", "handy(?:nr|nummer)?(?![a-z])"),
        *(r"m[oó]vil(?![a-z])", r"celular(?![a-z])", "telem[oó]vel", "(?<![a-z])t[ée]l(?=[ .:]|\\u00a0)"),
        *("[Тт]елефон", r"[Тт]ел(?=[.:])", r"[Мм]об(?=[.:])", "[Ττ]ηλ", "κινητό"),
        r"(?<![a-z])(?:mob|ph|gsm|sms)(?=[.:])",
        r"(?:(?:call|text|reach|ring|dial) me|call (?:us|him|her|them))(?= )",
        *_PLAIN_PHONE_WORDS,
    )
)
_FOREIGN_WORDS = (
    *(
        "telefo",
        "telef\u00f3",
        "l\u00e9phone",
        "lephone",
        "telephone",
        "handy",
        "m\u00f3vil",
        "movil",
        "celular",
        "telem",
    ),
    *("t\u00e9l", "tel ", "tel.", "tel:", "елефон", "ел.", "ел:", "об.", "об:", "ηλ", "κινητό"),
    *("mob.", "mob:", "ph.", "ph:", "gsm.", "gsm:", "sms.", "sms:", "call me ", "text me ", "reach me ", "ring me "),
    *("dial me ", "call us ", "call him ", "call her ", "call them "),
    *_PLAIN_PHONE_WORDS,
)
_PHONE_WORDS = (
    *(word.encode() for word in _FOREIGN_WORDS),
    *(b"phone", b"mobile", b"whatsapp", b"fax", b" tel ", b" tel.", b"(tel ", b"(tel.", b"cell n", b"cell_n"),
    *(word + sign for word in (b"tel", b"cell") for sign in (b":", b'"', b"\\")),
)
_PHONE_KEY = re.compile(
    rf"phone{_NO_PHONE}|mobile|whatsapp|fax|(?<![a-z])tel\Z|cell(?:_n|\Z)", re.ASCII | re.IGNORECASE
)
_AFTER_WORD = re.compile(
    r"(?i:[ _]?(?:number|num|numéro|numero|nummer|nr|no|n°|номер|号码|號碼|番号|번호|is|at|on"
    r"|under|unter|au|al|en|em|le|est|ist|es|é|是|は)"
    r"(?![a-z])\.?){0,4}[^\w\n+#$£€]{0,6}"
    r"(?!\d{4}-\d\d-\d\d|\d{1,2}[-./]\d{1,2}[-./](?:\d\d|\d{4})(?![\d]|[-./ ]\d\d(?![\d:])))"
    rf"(?P<number>\d{{7,15}}(?!\w)|\d{{3,5}}/\d{{4,10}}(?!\w)|{_NUMBER})(?!\w|[.,]\d)",
    re.ASCII,
)
_COUNTED = re.compile(
    r"\s+(?:rows?|columns?|users?|items?|units?|records?|bytes|lines?|times|hits|requests?|events?|people|points?|ms|seconds|minutes"
    r"|hours|days|sessions?|downloads?|visits?|orders?|views?|calls?|customers?|subscribers?|devices?|entries|cells|values|of|per|kb|mb"
    r"|zeilen|lignes|filas|righe|linhas|spalten|gb|px|eur|usd|dollars|euros|records|messages|files|sold|installs|accounts?|tokens?)\b",
    re.ASCII | re.IGNORECASE,
)
_PHONE_VALUE = re.compile(rf"\s*\+?\(?\d(?:[{_SEPARATORS}()/]{{0,3}}\d){{6,14}}\s*", re.ASCII)
_NUMBER_AFTER = re.compile(r"\s+\d")
_NUMBER_BEFORE = re.compile(r"\d\s+\Z")
_LAST_GROUP = re.compile(rf"{_SEPARATOR}\(?\d*\)?\Z", re.ASCII)


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


@lru_cache(maxsize=1024)
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


def _phones_with_plus(text: str) -> Iterator[Found]:
    for match in _PLUS.finditer(text):
        found = _phone(text, *match.span())
        if found:
            yield found


def _phones_by_grouping(text: str) -> Iterator[Found]:
    for match in _NORTH_AMERICAN.finditer(text):
        if not _is_table(text, match) and not _is_numbered(text, match.start()):
            yield Found(*match.span(), "+1" + "".join(filter(None, match.groups())))


_DIALLABLE = re.compile(rf"\d(?:[{_SEPARATORS}()]{{0,3}}\d){{6,}}", re.ASCII)
_BEFORE_NUMBER = 80
"""Characters between a word for phones and the end of what ``_AFTER_WORD`` allows before the number, at most."""


@lru_cache(maxsize=1)
def _phone_words() -> AhoCorasick:
    return AhoCorasick([word.decode() for word in _PHONE_WORDS], implementation=Implementation.DFA)


def _words_before_numbers(text: str) -> Iterator[re.Match[str]]:
    """Words for phones, looked for only in front of what could be a phone number."""
    lower = ""
    done = 0
    for number in _DIALLABLE.finditer(text):
        start, end = max(done, number.start() - _BEFORE_NUMBER), number.start()
        done = end
        lower = lower or ascii_lower(text)
        # Needles and names look at a few characters on either side.
        if _phone_words().find_matches_as_indexes(lower[max(0, start - 12) : end + 1]):
            yield from chain.from_iterable(name.finditer(lower, max(0, start - 12), end + 1) for name in _PHONE_NAMES)


def _phones_by_word(text: str) -> Iterator[Found]:
    for word in _words_before_numbers(text):
        match = _AFTER_WORD.match(text, word.end())
        if match is None or _COUNTED.match(text, match.end()):
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
    r"\d(?<![A-Za-z0-9]\d)(?<!\d[.-]\d)"  # what is before it is asked second: a search for a digit is fast
    r"(?:\d{12,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{3}([ -])\d{6}\2\d{4,5})(?![A-Za-z0-9]|[.-]\d)",
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


_CARD_WORD = re.compile(
    r"(?i:(?<![a-z])(?:cc|pan|exp|cvv|cvc|amex|debit|credit)(?![a-z])|card|visa|master|american express|payment|karte"
    r"|carte|tarjeta|cart[aã]o|carta)|カード|卡号|银行卡|信用卡|карт|카드"
)


_ID_BEFORE = re.compile(
    r"(?i:(?<![a-z_])(?<!card )(?:id|order|call|session|task|event|row|job)s?[\s:#=]{1,3})\Z", re.ASCII
)


def _is_card(digits: str) -> bool:
    return _ISSUER.fullmatch(digits) is not None and _luhn(digits)


def _cards(text: str) -> Iterator[Found]:
    """Luhn's digit fits one number in ten, so what is not grouped as on a card needs a word near it."""
    for match in _CARD.finditer(text):
        digits = _digits(match[0])
        start, end = match.span()
        if not _is_card(digits) or ((grouped := digits != match[0]) and _is_numbered(text, start)):
            continue
        if not grouped and _ID_BEFORE.search(text, max(0, start - 20), start):
            continue
        if grouped or _CARD_WORD.search(text, max(0, start - 50), min(len(text), end + 30)):
            yield Found(start, end, digits)


def _card_field(value: str) -> str | None:
    digits = _digits(value)
    return digits if _CARD.fullmatch(value.strip()) and _is_card(digits) else None


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


_NUMBERED = (
    r"(?i:(?<![a-z])(?:order|invoice|ticket|case|part|item|ref|reference|sku|id|number|no|nr|model|serial|tracking|page|pages|pp?|seiten?|pagina|página|bestell(?:ung|nummer)|rechnung|auftrag|commande|facture|pedido|factura|ordine|fattura"
    r"|batch|lot|job|account|acct|booking|confirmation|code|catalog(?:ue)?|product|shipment|parcel|document|doc|file|form|report"
    r"|claim|policy|bill|receipt|transaction|line|lines|row|rows|issue|bug|build|version|test|isbn|section|range"
    r"|episode|room|key|sample|record|entry|zip|cas)s?"
    r"(?:[ _-]?(?:id|number|num|no|nr|code|\#))?[\s:.#=(\"'\\]{0,8}|\#\s?)\Z"
)
_IS_NUMBERED = re.compile(_NUMBERED, re.ASCII)
_VERSION_FIELD = re.compile(r"(?i:(?:version|release|build|revision|firmware|kernel|section)s?)\Z", re.ASCII)
_WORD_JOINT = re.compile("(?<=[a-z])(?=[A-Z])")
# Alone these words may also number a person, a card or a line.
_OF_PEOPLE = re.compile(
    r"\A(?:id|number|no|nr|num|code|account|acct|document|doc)s?\Z|card|phone|tel|ssn|social|tax|account", re.I
)
_SSN_WORD = re.compile(r"(?i:ssn|social|tax|itin)[^\n]{0,40}\Z", re.ASCII)


def ruled_out(name: str) -> frozenset[str]:
    """The kinds that a value in a field of this name only looks like: of orders, pages and the like, or a version."""
    words = _WORD_JOINT.sub("_", name)
    if _OF_PEOPLE.search(words):
        return frozenset()
    if _VERSION_FIELD.search(words):
        return frozenset({"IP"})
    return frozenset({"SSN", "PHONE"} if _is_numbered(words, len(words)) else ())


def _is_numbered(text: str, start: int) -> bool:
    """Whether the word before ``start`` makes the number there that of an order, a page or the like."""
    return _IS_NUMBERED.search(text, max(0, start - 40), start) is not None


def _ssns(text: str) -> Iterator[Found]:
    for match in _SSN.finditer(text):
        said = _SSN_WORD.search(text, max(0, match.start() - 60), match.start())
        if said or not _is_numbered(text, match.start()):
            yield Found(*match.span(), _digits(match[0]))


_IPV4 = re.compile(r"\d(?<![\w.-]\d)(?<!\w/\d)(?<!==\d)\d{0,2}(?:\.\d{1,3}){3}(?![\w-]|\.\w)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9a-fA-F]{3}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}(?![\w:])", re.ASCII)
# Uncompressed, one group has to begin with a digit and have three characters: the gate cannot know the others cheaply.
_IPV6_TELLING = re.compile(r"::|[0-9a-fA-F]:\d[0-9a-fA-F]{2}", re.ASCII)
# A word that says an address follows, or what stands only beside addresses.
_HOST_BEFORE = re.compile(
    r"(?:(?i:(?<![a-z])(?:ip|ipv4|ips|addr|address|host|hosts|hostname|server|gateway|proxy|dns|nameserver|resolver|router|peer"
    r"|remote|client|from|ping|ssh|scp|telnet|curl|wget|nmap|traceroute|dig|nc|listen|listening|bind|connect|connected"
    r"|connecting|source|src|dst|dest|destination|whitelist|allow|deny|ban|banned|block|blocked|forwarded-for|real-ip|login"
    r"|visitor|attacker|vpn|subnet|cidr|route|inet|at|to|via)"
    r"(?:[_ -]?(?:ip|addr|address|host))?(?:\W{1,4}(?:is|was|=)?\W{0,3}))|://(?:[^\s/@]*@)?|@)\Z",
    re.ASCII,
)
_HOST_AFTER = re.compile(r":\d{2,5}(?!\d)|/(?:[89]|[12]\d|3[0-2])(?!\d)|/[a-z]| (?:- - \[|port\b)", re.ASCII)
_RESOLVERS = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"})
# After such a word, or in a list with versions of three numbers, an address is a version.
_VERSION = re.compile(
    r"(?:(?i:(?<![a-z])v|ver|versions?|release|rel|build|revision|rev|section|sec|chapter|ch|para|clause|article|appendix|figure|fig|table"
    r"|step|item|rule|eq|equation|requirement|req|see|cf|firmware|kernel|driver|update|upgraded?(?: to)?|patch"
    r"|spec|schema|package|oid|§)\W{0,3}"
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


def _is_host(text: str, match: re.Match[str]) -> bool:
    """Whether four numbers are an address and no version: versions have small numbers, so those need a word."""
    address = match[0]
    if ":" in address or address in _RESOLVERS or any(int(part) > 99 for part in address.split(".")):
        return True
    before = _HOST_BEFORE.search(text, max(0, match.start() - 40), match.start())
    return before is not None or _HOST_AFTER.match(text, match.end()) is not None or match[0] == text.strip()


def _addresses(text: str, pattern: re.Pattern[str]) -> Iterator[Found]:
    for match in pattern.finditer(text):
        if pattern is _IPV6 and not _IPV6_TELLING.search(match[0]):
            continue
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        public = address.is_global or any(address in network for network in _EXAMPLE_HOSTS)
        if public and not _is_version(text, match.start()) and _is_host(text, match):
            yield Found(*match.span(), str(address))


_SEPARATED = (b"000-0000", b"000 0000", b"000.0000", b"000\xe2\x80", b"000\xc2\xa0")
_IBAN_FOLDED = re2.compile(rb"[a-z][a-z]00[a-z0 ]{11}", LATIN)
_HEXADECIMAL = "0abcdef"
_IPV6_GROUPS = tuple(f"{a}:0{b}{c}".encode() for a in _HEXADECIMAL for b in _HEXADECIMAL for c in _HEXADECIMAL)
_PLUS_FOLDED = re.compile(rb"\+\(?0(?:[^a-z0]{0,9}0){6}")
_GROUPED_FOLDED = re.compile(rb"000[^a-z0]{1,9}000[^a-z0]{1,3}0000(?!0)")
_LONG_NUMBER = re.compile(rb"0(?:[^a-z0]{0,9}0){6}")

PERSONAL = (
    Detector("EMAIL", _emails, (b"@",), personal=True),
    Detector(
        "CARD",
        _cards,
        (b"0" * 13, b"000 0000", b"000-0000"),
        key=re.compile(r"card|(?<![a-z])(?:pan|cc)(?![a-z])|tarjeta|karte|carte|カード|卡", re.IGNORECASE),
        whole=_card_field,
        personal=True,
    ),
    Detector("IBAN", _ibans, (b"0" * 10, b"000 0000"), patterns=(_IBAN_FOLDED,), personal=True),
    Detector("SSN", _ssns, (b"000-00-0000",), personal=True),
    Detector("PHONE", _phones_with_plus, (b"+0", b"+(0"), patterns=(_PLUS_FOLDED,), personal=True),
    Detector("PHONE", _phones_by_grouping, _SEPARATED, patterns=(_GROUPED_FOLDED,), personal=True),
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
