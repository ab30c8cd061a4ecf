"""Detectors of secrets: tokens by rules that are data, what requests and commands carry, and named passwords."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from reverie.sessions.redaction.detector import HAS_LONG_RUN, Detector, Found, ascii_lower, folded
from reverie.sessions.redaction.rules import looks_random, rule_detectors
from reverie.sessions.redaction.wrapped import wrapped_detector


def _pattern(
    kind: str,
    pattern: str,
    *needles: bytes,
    accept: Callable[[str], bool] = lambda _: True,
    key: str = "",
    whole: Callable[[str], str | None] | None = None,
    shape: bytes = b"",
) -> Detector:
    """Values that ``pattern`` finds; its first group that takes part, or all of it, is the value.

    The gate folds the case of ASCII letters only, so the pattern folds no more.
    """
    compiled = re.compile(pattern, re.ASCII)

    def find(text: str) -> Iterator[Found]:
        for match in compiled.finditer(text):
            start, end = match.span(match.lastindex or 0)
            if accept(text[start:end]):
                yield Found(start, end, text[start:end])

    name = re.compile(key, re.IGNORECASE | re.ASCII) if key else None
    shapes = (re.compile(shape),) if shape else ()
    return Detector(kind, find, needles, patterns=shapes, key=name, whole=whole)


def _ends(word: str, *beginnings: str) -> str:
    """A pattern for ``word`` after one of the beginnings; it starts with literal text, which ``re`` finds fast."""
    after = (f"(?<={beginning}{joint}{word})" for beginning in beginnings for joint in ("", "_", "-"))
    return f"{word}(?![a-z])(?:{'|'.join(after)})"


# A field of this name holds something about the secret and not the secret.
_ABOUT = r"(?![a-z_-]*(?:name|id|at|date|length|count|policy|required|hint|url|type|expiry|expires)(?![a-z]))"
_PASSWORD_NAMES = (
    "passw(?:or)?d",
    "passphrase",
    _ends("pass", "db", "database", "key"),
    "pwd",
    "secret(?!ar|e|i|ly)",
)
# In other languages these words name a password and hardly anything else.
_FOREIGN_NAMES = (
    *("contrase[nñÑ]a", "passwort", "kennwort", "mot de passe", "mdp", "senha", "wachtwoord", "l[oöÖ]senord"),
    *(
        "adgangskode",
        "passord",
        "salasana",
        "has[lł]o",
        "heslo",
        "parol[ae]?",
        "[sş]ifre",
        "jelsz[oóÓ]",
        "palavra-passe",
    ),
    *("clave secreta", "kata sandi", "m[aậẬ]t kh[aẩ]u", "[Пп]арол(?:ь|я|ю)", "лозинка", "[Κκ]ωδικ[οό]ς"),
    *("密码", "密碼", "口令", "密钥", "パスワード", "暗証番号", "비밀번호", "암호", "كلمة المرور", "كلمة السر"),
    *("סיסמה", "סיסמא", "पासवर्ड", "รหัสผ่าน"),
)
_FOREIGN_NEEDLES = (
    *("contrase", "passwort", "kennwort", "mot de passe", "mdp", "senha", "wachtwoord", "senord", "adgangskode"),
    *("passord", "salasana", "hasl", "hasł", "heslo", "parol", "sifre", "şifre", "jelsz", "palavra-passe"),
    *("clave secreta", "kata sandi", "m\u1eadt kh", "mat kh", "арол", "лозинка", "ωδικ"),
    *("密码", "密碼", "口令", "密钥", "パスワード", "暗証番号", "비밀번호", "암호", "كلمة المرور", "كلمة السر"),
    *("סיסמה", "סיסמא", "पासवर्ड", "รหัสผ่าน"),
)
_KEY_OWNERS = ("api", "auth", "service", "account", "db", "database", "priv", "private", "client", "access", "signing")
_KEY_NAMES = (_ends("key", *_KEY_OWNERS, "encryption"), "token(?![a-z])")
_AFTER_NAME = re.compile(
    r"""
    (?:[_-]\w{1,20})? (?:\\*["'`\]]){0,3}               # the rest of the name, and what closes it
    (?P<sign> \s*(?::=|=>|={1,3}|!==?|:|：|＝)\s*
      | \s+(?:is|was|ist|lautet|war|est|es|è|é|är|er|jest|это|[-–—])(?:\ now)?:?\s+
      | (?:是|为|為|は|는|은)[：:]?\s* | \s+ )
    (?: \\*(?P<quote>["'`]) (?P<quoted> (?:(?!(?P=quote))[^"\\\r\n]){4,200} ) \\*(?P=quote)
      | (?P<bare> (?=[^\s"'`]{4}) [^\s"'`,;()\[\]{}<>&|\\] (?:
            [^\s"'`,;()\[\]{}<>&|\\]
          | &(?![\w.-]+=|[&\s])                           # not the next field of a query
          | (?:\([^\s()"'`]{0,40}\)|\[[^\s\[\]"'`]{0,40}\]
              |\{[^\s{}"'`]{0,40}\}|<[^\s<>"'`a-zA-Z/]{0,40}>)(?=[\w!\#%^*@~$+])
          | [,;](?=[^\s"'`,;:=()\[\]{}<>&|\\]{1,40}(?:\s|\Z))
        ){3,200} (?<![.:?]) ) (?![(\[]) )
    """,
    re.VERBOSE,
)
_FLAG = re.compile(r"(?<![\w-])--?[\w-]*\Z")
# What stands where a secret would: a state, a type, a word for it, or a sign that one is meant.
_SYMBOL_INSIDE = re.compile(r"[^\W_][!#$%^*@~+?]+[\w!#$%^*@~+?]{3}")
_NO_SECRET = re.compile(
    r"""(?:true|false|none|null|nil|undefined|void|any|string|str|bytes|text|int|integer|number|varchar|char|secretstr
    |required|optional|mandatory|needed|wrong|incorrect|correct|invalid|valid|expired|missing|empty|blank|weak|strong
    |short|long|changed|reset|updated|unset|set|hidden|masked|encrypted|hashed|stored|protected|disabled|enabled|unknown
    |accepted|rejected|denied|sent|saved|same|different|forgotten|forgot|protected|removed|redacted|omitted|secret
    |change_?me|replace_?me|todo|tbd|fixme|example|dummy|sample|placeholder|fake|foo|bar|baz
    |(?:my|the|your|user|db|some|new|old)?[-_]?(?:password|passwd|passphrase|pass|pwd|passw|pw|token|secret|api[-_]?key|key)
    |x+|\*+|\.+|-+|_+|•+|(?:xx+[-_]?)+)[0-9]{0,2}[!.,;:?]?""",
    re.IGNORECASE | re.VERBOSE,
)
_TEMPLATE = re.compile(
    r"""\$\{.* | \$\(.* | \$[A-Za-z_][A-Za-z0-9_]* | \$\d | \{.*\} | <.*>? | %[A-Za-z_]+% | %[sdr] | @[A-Z_]+@ | \[.*\]
    | (?i: your[-_ ].* | .*[-_](?:here|goes[-_]here)
    | (?:insert|enter|replace|put|example|dummy|placeholder|fake)[-_ ].*)
    | (?i: .*(?:your|my|some)[-_]?(?:api|secret|access|auth)?[-_]?(?:key|token|password|secret).* )
    | .*(?:x{6}|X{6}|\*{3}|\.{3}|…).*
    | (?:process\.env|os\.(?:environ|getenv)|env|ENV|secrets|vars|config|settings|self|args|options)\b[.\[].*""",
    re.VERBOSE,
)
_PATH = re.compile(r"(?:~|\.{1,2})?/.*|[A-Za-z]:\\.*|https?://.*")


def stands_for_a_secret(value: str) -> bool:
    """Whether the value is a placeholder, a state ("required") or the name of a type, and so no secret."""
    return bool(_TEMPLATE.fullmatch(value) or _NO_SECRET.fullmatch(value) or not any(map(str.isalnum, value)))


def _is_secret(value: str) -> bool:
    return not stands_for_a_secret(value) and not _PATH.fullmatch(value)


def _is_long_secret(value: str) -> bool:
    """Keys and tokens are issued, so they are long and mixed; "token" has too many other meanings."""
    return HAS_LONG_RUN.search(value) is not None and any(map(str.isdecimal, value)) and _is_secret(value)


def _named(names: Sequence[str], accept: Callable[[str], bool], *needles: bytes, run: int = 0) -> Detector:
    """Values assigned to a name that says what they are, in code, JSON, YAML, shell and prose."""
    key = re.compile(f"(?:{'|'.join(names)}){_ABOUT}", re.IGNORECASE | re.ASCII)
    patterns = [re.compile(name + _ABOUT) for name in names]

    def assigned(text: str, name: re.Match[str], value: re.Match[str]) -> bool:
        sign = value["sign"].strip()
        if not sign and not _FLAG.search(text, max(0, name.start() - 20), name.start()):
            return False
        if value["quoted"]:
            return accept(value["quoted"])
        bare = value["bare"]
        telling = (
            any(map(str.isdecimal, bare))
            or (value["sign"] == "=" and bare.isalpha() and len(bare) > 7)
            or (sign != "" and _SYMBOL_INSIDE.search(bare) is not None)
        )
        return telling and accept(bare) and not key.search(bare)

    def find(text: str) -> Iterator[Found]:
        lower = ascii_lower(text)
        for name in chain.from_iterable(pattern.finditer(lower) for pattern in patterns):
            value = _AFTER_NAME.match(text, name.end())
            if value and assigned(text, name, value):
                start, end = value.span("quoted" if value["quoted"] else "bare")
                yield Found(start, end, text[start:end])

    def whole(value: str) -> str | None:
        return value if len(value) >= 4 and accept(value) else None

    return Detector("SECRET", find, needles, run, key=key, whole=whole)


_PEM_END = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_PEM = (
    rf'-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[^"]{{0,10000}}?{_PEM_END}|(?:[A-Za-z0-9+/=:,.\s-]|\\[nr])*)'
)
_SSH = r'---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----(?:[^"]{0,10000}?---- END SSH2 ENCRYPTED PRIVATE KEY ----|[^"]*)'

_SCHEME = re.compile(r"\s*(?i:basic|bearer)\s+\S|\[")
_PAIRS = re.compile(r"[\w.%-]+=[^;\s]{4,}")


def _authorization(value: str) -> str | None:
    """The value of a field for credentials, whatever its scheme; Bearer and Basic have kinds of their own."""
    return value if len(value) > 7 and not _SCHEME.match(value) and not stands_for_a_secret(value) else None


def _scheme(name: str) -> Callable[[str], str | None]:
    begins = re.compile(rf"\s*(?i:{name})\s+\S{{8}}")
    return lambda value: value if begins.match(value) and "[" not in value else None


_COOKIE_HEADER = re.compile(r"(?i:(set-)?cookie2?)\\?[\"']?\s*[:=]\s*\\?[\"']?(?=[\w.%-]+=)", re.ASCII)
_COOKIE = re.compile(r"\s*([\w.%!#$&*+^`|~-]+)=(\\?\"?)([^\s;,\"'\\]{3,})\2\s*(?:;|(?=$|[\r\n\"'\\]))", re.ASCII)
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "priority", "version"})


def _cookies(text: str) -> Iterator[Found]:
    """The value of each cookie, of what a browser sends and of what a server sets."""
    for header in _COOKIE_HEADER.finditer(text):
        cookie = _COOKIE.match(text, header.end())
        while cookie:
            start, end = cookie.span(3)
            if cookie[1].lower() not in _COOKIE_ATTRIBUTES and not stands_for_a_secret(cookie[3]):
                yield Found(start, end, cookie[3])
            cookie = None if header[1] else _COOKIE.match(text, cookie.end())


def _cookie_field(value: str) -> str | None:
    return value if _PAIRS.search(value) and not value.lstrip().startswith("[") else None


_ARGUMENT = r"""(?:\\?"([^"\\\n]{3,})\\?"|'([^'\n]{3,})'|([^\s"'`|;&<>()\\]{3,}))"""
_BEFORE = r"[^\n|;&`]{0,200}?\s"
_SHORT_P = "-p(?!rint|ath|rune|erm|ort|rotocol)"
"""The option, and not one of ``find`` or ``nmap`` that begins like it."""
_COMMANDS = {
    "mysql": rf"\b(?:mysql(?:dump|admin|import|sh)?|mariadb(?:-dump)?)\b{_BEFORE}{_SHORT_P}{_ARGUMENT}",
    "sshpass": rf"\bsshpass\s+(?:-\w\s+)?-p\s*{_ARGUMENT}",
    "redis-cli": rf"\bredis-cli\b{_BEFORE}(?:-a|--pass)\s+{_ARGUMENT}",
    "docker": rf"\b(?:docker|podman|helm|oc|az|nerdctl|skopeo)\b[^\n|;&]{{0,40}}?\blogin\b{_BEFORE}-p\s*{_ARGUMENT}",
    "mongo": rf"\bmongo(?:sh|dump|restore|export|import)?\b{_BEFORE}-p\s+{_ARGUMENT}",
    "ldap": rf"\bldap(?:search|modify|add|delete|passwd|whoami)\b{_BEFORE}-w\s+{_ARGUMENT}",
    "sqlcmd": rf"\b(?:sqlcmd|bcp|osql)\b{_BEFORE}-P\s*{_ARGUMENT}",
    "0z ": rf"\b7za?\b{_BEFORE}{_SHORT_P}{_ARGUMENT}",
    "zip -": rf"\b(?:un)?zip\s+(?:-[a-z0-9]+\s+)*-P\s*{_ARGUMENT}",
    "-pass": rf"\s-pass(?:in|out)?\s+pass:{_ARGUMENT}",
    "smbclient": rf"\bsmbclient\b{_BEFORE}(?:-U|--user)[ =]?[^\s%]+%{_ARGUMENT}",
    "htpasswd": rf"\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+{_ARGUMENT}",
    "sudo": rf"\becho\s+{_ARGUMENT}\s*\|\s*sudo\s+(?:-\w+\s+)*-\w*S",
    "identified": rf"\b(?i:identified\s+(?:with\s+\S+\s+)?by)\s+(?:(?i:password)\s+)?{_ARGUMENT}",
    "password ": r"\b(?i:(?:user|role|login)\b[^\n;]{0,80}?\bpassword)\s+'([^'\n]{3,})'",
}
# Programs that are often named without a password: the option that gives one has to be in the text too.
_FLAGS = {"mysql": rb"\s-p|\\[nrt]-p", "docker": b"login", "mongo": b"-p", "identified": b"by"}
_USER_FLAG = (
    rf"\b(?:curl|http|https|xh|wget)\b{_BEFORE}(?:-u|--user|--proxy-user|-U|-a|--auth)[ =]?\s*"
    r"""(?:\\?"[^":\s]*:([^"\\\n]{3,})\\?"|'[^':\s]*:([^'\n]{3,})'|[^\s"':]*:([^\s"'`|;&<>()\\]{3,}))"""
)
_QUERY = r"(?i:(?<=[?&;])|(?<=amp;))(?i:{names})=([A-Za-z0-9%+/=_.~-]{{16,}})"
_URL = r"(?<=://)[^\s:/?#@\"'<>\\]*:([^\s\"'/\\]{1,200})@(?=[\w.\[%-])"
_URL_TOKEN = r"(?<=://)([A-Za-z0-9_.-]{16,}):?(?:x-oauth-basic)?@(?=[\w.\[-])"

_PASSWORD_NEEDLES = (b"passw", b"passp", b"_pass", b"bpass", b"epass", b"ypass", b"pwd", b"secret")
_REQUESTS = (
    Detector(
        "COOKIE", _cookies, (b"cookie",), key=re.compile(r"^(?:set-)?cookies?$", re.IGNORECASE), whole=_cookie_field
    ),
    _pattern(
        "BEARER_TOKEN",
        r"(?i:bearer)\s+((?=[\w.~+/-]{0,200}\d)[\w.~+/-]{16,}=*)",
        b"bearer",
        key="authorization",
        whole=_scheme("bearer"),
    ),
    _pattern(
        "BASIC_AUTH",
        r"(?i:authorization\W{1,6}basic)\s+([A-Za-z0-9+/]{8,}=*)",
        b"authorization",
        key="authorization",
        whole=_scheme("basic"),
    ),
    _pattern(
        "AUTHORIZATION",
        r"(?i:authorization)\\?[\"']?\s*[:=]\s*\\?[\"']?(?!(?i:basic|bearer|digest|aws4)\b)"
        r"(?:[A-Za-z][\w-]{1,20}\s+)?(?:(?i:token|apikey|key)=\\?[\"']?)?([\w.~+/:%-]{8,}=*)",
        b"authorization",
        accept=lambda value: not stands_for_a_secret(value) and any(map(str.isdecimal, value)),
        key="authorization$|^x-auth$",
        whole=_authorization,
    ),
    _pattern(
        "AUTHORIZATION",
        r"(?i:authorization)[^\n]{0,400}?\b(?:response|nonce|opaque|cnonce|Signature|signature|oauth_signature|oauth_token|MAC|mac)"
        r"=\\?[\"']?([\w+/%~-]{8,}=*)",
        b"authorization",
    ),
    _pattern("URL_PASSWORD", _URL, b"@", shape=rb":[\\/]{2,}", accept=lambda value: not stands_for_a_secret(value)),
    _pattern("URL_PASSWORD", _URL_TOKEN, b"@", shape=rb":[\\/]{2,}", accept=looks_random),
    _pattern("AWS_SIGNATURE", _QUERY.format(names="x-amz-(?:signature|security-token)"), b"x-amz-s"),
    _pattern("AWS_SIGNATURE", r"AWS4-HMAC-SHA256[^\n]{0,400}?Signature=([0-9a-f]{64})", b"aws0-hmac"),
    _pattern("GOOGLE_SIGNATURE", _QUERY.format(names="x-goog-(?:signature|security-token)"), b"x-goog-s"),
    _pattern("AZURE_SIGNATURE", r"(?<=[?&;])sig=([A-Za-z0-9%+/=_-]{16,})", b"sig="),
    _pattern(
        "URL_SIGNATURE",
        _QUERY.format(names="signature|policy|hmac|sign|auth_?token|id_?token|code"),
        *(b"signature=", b"policy=", b"hmac=", b"sign=", b"token=", b"code="),
        accept=looks_random,
    ),
)
_COMMAND_DETECTORS = tuple(
    _pattern("PASSWORD_ARGUMENT", pattern, folded(word), accept=_is_secret, shape=_FLAGS.get(word, b""))
    for word, pattern in _COMMANDS.items()
)


@lru_cache(maxsize=1)
def credentials() -> tuple[Detector, ...]:
    """All detectors of secrets, in the order in which equal spans are settled: the most specific first.

    Reads the files of rules when it is first called.
    """
    plain: tuple[Detector, ...] = (
        _pattern("PRIVATE_KEY", _PEM, b"-----begin"),
        _pattern("PRIVATE_KEY", _SSH, b"begin ssh0"),
        _pattern("PRIVATE_KEY", r'PuTTY-User-Key-File-\d:[^"]*', b"putty-user-key-file"),
        *rule_detectors(stands_for_a_secret),
        _pattern("JWT", r"eyJ[\w=-]{13,4096}\.eyJ[\w=-]*(?:\.[\w=-]*)*", b".eyj"),
        *_REQUESTS,
        *_COMMAND_DETECTORS,
        _pattern(
            "PASSWORD_ARGUMENT",
            _USER_FLAG,
            *(b"curl", b"http", b"wget", b"xh "),
            accept=_is_secret,
            shape=rb"-u|--proxy-user|-a|--auth",
        ),
        _named(_PASSWORD_NAMES, _is_secret, *_PASSWORD_NEEDLES),
        _named(_FOREIGN_NAMES, _is_secret, *map(folded, _FOREIGN_NEEDLES)),
        _named(_KEY_NAMES, _is_long_secret, b"key", b"token", run=16),
    )
    return (*plain, wrapped_detector(plain))
